"""Coordinates in pixels, as most formats give them, and shares of an image's sides, as they are kept here.

The two ways are exact inverses: what is written for a share reads back as that very share. Where a short decimal does
that it is written, such as the whole number a box was drawn with; else as many digits as it takes. Numbers of up to 17
significant digits are read as floats, longer ones as fractions, and rounded once, at the end.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import isfinite
from typing import NamedTuple, TypeAlias

from shared.formats.annotations.model import ImageSize

Pixels: TypeAlias = float | Fraction
"""A length in pixels, or its exact value where a float would lose digits."""
BoundingBox: TypeAlias = tuple[float, float, float, float]
"""x_center, y_center, width and height, as shares of the image's sides."""

_FLOAT_DIGITS = 17
_MOST_EXPONENT = 400
_MOST_DIGITS = 1_000
_TRIED_DECIMALS = range(7)
_TRIED_LONG_DECIMALS = (7, 10, 13, 16, 19)
_FINEST = 10.0 ** _TRIED_DECIMALS[-1]
_ROUNDING = 2.0**-48
_COUNTED_OUT = 1e5
"""Below this the finest decimal is more than what is rounded."""
_READ_AS_FLOAT = 1e7
"""Below this a number of as many decimals is short enough to be read as a float."""


def read_pixels(text: str) -> Pixels:
    """The number a format writes; raises ValueError for what is none. It may be infinite or NaN, as text may say so."""
    if len(text) <= _FLOAT_DIGITS or "_" in text:
        return _plain(text)
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text[:40]!r} is not a number") from None
    exponent = number.as_tuple().exponent
    is_long = len(number.as_tuple().digits) > _FLOAT_DIGITS
    if not is_long or not isinstance(exponent, int) or abs(exponent) > _MOST_EXPONENT or len(text) > _MOST_DIGITS:
        return _plain(text)
    return Fraction(number)


def share(value: Pixels, side: int) -> float:
    """The value as a share of a side, which is at least 1 pixel."""
    return float(value / side)


def box_of_corners(left: Pixels, top: Pixels, right: Pixels, bottom: Pixels, size: ImageSize) -> BoundingBox:
    """The box between two corners."""
    x, width = _centre_and_length(left, right, size[0])
    y, height = _centre_and_length(top, bottom, size[1])
    return x, y, width, height


def box_of_corner_and_size(left: Pixels, top: Pixels, width: Pixels, height: Pixels, size: ImageSize) -> BoundingBox:
    """The box at a corner, with width and height."""
    x, across = _centre_from_start(left, width, size[0])
    y, down = _centre_from_start(top, height, size[1])
    return x, y, across, down


def box_around(across: Sequence[float], down: Sequence[float]) -> BoundingBox:
    """The upright box around points, given by their places across and down, in shares."""
    left, right, top, bottom = min(across), max(across), min(down), max(down)
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def corners_in_pixels(bbox: BoundingBox, size: ImageSize) -> tuple[str, str, str, str]:
    """Left, top, right and bottom, which `box_of_corners` reads as this very box."""
    left, right = _written_ends(bbox[0], bbox[2], size[0])
    top, bottom = _written_ends(bbox[1], bbox[3], size[1])
    return left, top, right, bottom


def corner_and_size_in_pixels(bbox: BoundingBox, size: ImageSize) -> tuple[str, str, str, str]:
    """Left, top, width and height, which `box_of_corner_and_size` reads as this very box."""
    left, width = _written_start(bbox[0], bbox[2], size[0])
    top, height = _written_start(bbox[1], bbox[3], size[1])
    return left, top, width, height


def in_pixels(part: float, side: int) -> str:
    """A number that `share` reads as this very share."""
    exact = _Binary.of(part).times(side)
    near = exact.near()
    if abs(near) >= _READ_AS_FLOAT:
        texts = (*_candidates(near), *map(exact.long_text, _TRIED_LONG_DECIMALS))
        return next((text for text in texts if share(read_pixels(text), side) == part), exact.digits())
    for decimals in _worth_trying(near, abs(part) * side):
        if round(near, decimals) / side == part:
            return _text(near, decimals)
    if near / side == part:
        return repr(near)
    for decimals in _TRIED_LONG_DECIMALS:
        if exact.scaled(decimals) / (10**decimals * side) == part:
            return exact.long_text(decimals)
    return exact.digits()


def _plain(text: str) -> float:
    if "_" in text:
        raise ValueError(f"{text[:40]!r} is not a number")
    return float(text)


def _centre_and_length(start: Pixels, end: Pixels, side: int) -> tuple[float, float]:
    start, end = _alike(start, end)
    return float((start + end) / 2 / side), float((end - start) / side)


def _centre_from_start(start: Pixels, length: Pixels, side: int) -> tuple[float, float]:
    start, length = _alike(start, length)
    return float((start + length / 2) / side), float(length / side)


def _alike(one: Pixels, other: Pixels) -> tuple[Pixels, Pixels]:
    """Both exact where one of them is, so that nothing is rounded on the way."""
    if type(one) is float and type(other) is float:  # nearly always, and quicker to ask for
        return one, other
    if isinstance(one, Fraction) and isinstance(other, float) and isfinite(other):
        return one, Fraction(other)
    if isinstance(other, Fraction) and isinstance(one, float) and isfinite(one):
        return Fraction(one), other
    return one, other


def _written_ends(centre: float, length: float, side: int) -> tuple[str, str]:
    half = _Binary.of(length).times(side).halved()
    middle = _Binary.of(centre).times(side)
    return _written(middle.minus(half), middle.plus(half), (centre, length), side, _ENDS)


def _written_start(centre: float, length: float, side: int) -> tuple[str, str]:
    whole = _Binary.of(length).times(side)
    start = _Binary.of(centre).times(side).minus(whole.halved())
    return _written(start, whole, (centre, length), side, _START)


class _Reading(NamedTuple):
    """How two numbers are read: as they are, and as whole numbers of a unit of which a side has that many."""

    plain: Callable[[Pixels, Pixels, int], tuple[float, float]]
    exact: Callable[[int, int, int], tuple[float, float]]


_ENDS = _Reading(_centre_and_length, lambda start, end, units: ((start + end) / (2 * units), (end - start) / units))
_START = _Reading(_centre_from_start, lambda start, size, units: ((2 * start + size) / (2 * units), size / units))


def _written(
    one: "_Binary", other: "_Binary", wanted: tuple[float, float], side: int, read: _Reading
) -> tuple[str, str]:
    """Two numbers, in as few decimals as are read as what is wanted; else in all of their digits."""
    near, far = one.near(), other.near()
    if max(abs(near), abs(far)) >= _READ_AS_FLOAT:
        return _written_large(one, other, wanted, side, read)
    for decimals in _worth_trying(near, (abs(wanted[0]) + abs(wanted[1])) * side):
        if read.plain(round(near, decimals), round(far, decimals), side) == wanted:
            return _text(near, decimals), _text(far, decimals)
    if read.plain(near, far, side) == wanted:
        return repr(near), repr(far)
    for decimals in _TRIED_LONG_DECIMALS:
        if read.exact(one.scaled(decimals), other.scaled(decimals), 10**decimals * side) == wanted:
            return one.long_text(decimals), other.long_text(decimals)
    return one.digits(), other.digits()


def _written_large(
    one: "_Binary", other: "_Binary", wanted: tuple[float, float], side: int, read: _Reading
) -> tuple[str, str]:
    """The same for numbers that may be read in either way: they are read as they are written."""
    short = zip(_candidates(one.near()), _candidates(other.near()), strict=True)
    long = ((one.long_text(decimals), other.long_text(decimals)) for decimals in _TRIED_LONG_DECIMALS)
    for text, further in (*short, *long):
        if read.plain(read_pixels(text), read_pixels(further), side) == wanted:
            return text, further
    return one.digits(), other.digits()


def _worth_trying(near: float, size: float) -> range:
    """The numbers of decimals that change a value by no more than floats of that size are rounded by."""
    finest = near * _FINEST
    whole = round(finest)
    if size >= _COUNTED_OUT or not whole:
        return _TRIED_DECIMALS
    if abs(finest - whole) > size * _ROUNDING * _FINEST:
        return range(0)
    text = str(whole)
    return _TRIED_DECIMALS[len(text.rstrip("0")) - len(text) - 1 :]


def _candidates(near: float) -> Iterator[str]:
    """The value in ever more decimals, and as the float nearest to it."""
    for decimals in _TRIED_DECIMALS:
        yield _text(near, decimals)
    yield repr(near)


def _text(near: float, decimals: int) -> str:
    text = f"{round(near, decimals):.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


class _Binary(NamedTuple):
    """`number` / 2 ** `places`: what shares, sides and halves of them are exactly."""

    number: int
    places: int

    @classmethod
    def of(cls, value: float) -> "_Binary":
        number, divisor = value.as_integer_ratio()
        return cls(number, divisor.bit_length() - 1)

    def times(self, side: int) -> "_Binary":
        return _Binary(self.number * side, self.places)

    def halved(self) -> "_Binary":
        return _Binary(self.number, self.places + 1)

    def plus(self, other: "_Binary") -> "_Binary":
        places = max(self.places, other.places)
        return _Binary((self.number << places - self.places) + (other.number << places - other.places), places)

    def minus(self, other: "_Binary") -> "_Binary":
        return self.plus(_Binary(-other.number, other.places))

    def near(self) -> float:
        """The float nearest to it."""
        return self.number / (1 << self.places)

    def scaled(self, decimals: int) -> int:
        """The whole number nearest to so many powers of ten of it; of two the even one."""
        number = self.number * int(10**decimals)
        if not self.places:
            return number
        whole, rest = divmod(number, 1 << self.places)
        half = 1 << self.places - 1
        return whole + int(rest > half or (rest == half and whole % 2 == 1))

    def long_text(self, decimals: int) -> str:
        """The value with zeros behind its decimals, so that no digit of them is lost by being read as a float."""
        scaled = self.scaled(decimals)
        return _decimal(scaled, decimals) + "0" * max(0, _FLOAT_DIGITS + 1 - len(str(abs(scaled))))

    def digits(self) -> str:
        """All digits, or as many as anybody reads; at least as many as are not read as a float."""
        spare = min(self.places, (self.number & -self.number).bit_length() - 1) if self.number else self.places
        number, places = self.number >> spare, self.places - spare
        decimals = min(max(places, 1), _MOST_EXPONENT)
        return _decimal(_Binary(number, places).scaled(decimals), decimals)


def _decimal(scaled: int, decimals: int) -> str:
    """`scaled` / 10 ** `decimals`, for at least one decimal."""
    sign, digits = "-" if scaled < 0 else "", f"{abs(scaled):0{decimals + 1}d}"
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"
