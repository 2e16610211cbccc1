"""Coordinates in pixels, as most formats give them, and shares of an image's sides, as they are kept here.

The two ways are exact inverses: what is written for a share reads back as that very share. Where a short decimal does
that it is written, such as the whole number a box was drawn with; else as many digits as it takes. Numbers of up to 17
significant digits are read as floats, longer ones as fractions, and rounded once, at the end.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import isfinite
from typing import TypeAlias

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
    exact = Fraction(part) * side
    for text in _candidates(exact):
        if share(read_pixels(text), side) == part:
            return text
    return next((text for text in _long_candidates(exact) if share(read_pixels(text), side) == part), _exactly(exact))


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
    if isinstance(one, Fraction) and isinstance(other, float) and isfinite(other):
        return one, Fraction(other)
    if isinstance(other, Fraction) and isinstance(one, float) and isfinite(one):
        return Fraction(one), other
    return one, other


def _written_ends(centre: float, length: float, side: int) -> tuple[str, str]:
    middle, half = Fraction(centre) * side, Fraction(length) * side / 2
    start, end = middle - half, middle + half
    for one, other in _pairs(start, end):
        if _centre_and_length(read_pixels(one), read_pixels(other), side) == (centre, length):
            return one, other
    return _exactly(start), _exactly(end)


def _written_start(centre: float, length: float, side: int) -> tuple[str, str]:
    whole = Fraction(length) * side
    start = Fraction(centre) * side - whole / 2
    for one, other in _pairs(start, whole):
        if _centre_from_start(read_pixels(one), read_pixels(other), side) == (centre, length):
            return one, other
    return _exactly(start), _exactly(whole)


def _pairs(one: Fraction, other: Fraction) -> Iterator[tuple[str, str]]:
    yield from zip(_candidates(one), _candidates(other), strict=True)
    yield from zip(_long_candidates(one), _long_candidates(other), strict=True)


def _candidates(exact: Fraction) -> Iterator[str]:
    """The value in ever more decimals, and as the float nearest to it."""
    for decimals in _TRIED_DECIMALS:
        text = f"{round(float(exact), decimals):.{decimals}f}"
        yield text.rstrip("0").rstrip(".") if decimals else text
    yield repr(float(exact))


def _long_candidates(exact: Fraction) -> Iterator[str]:
    """The value in ever more decimals, with zeros behind so that no digit of them is lost by being read as a float."""
    for decimals in _TRIED_LONG_DECIMALS:
        scaled = round(exact * 10**decimals)
        text = _decimal(scaled, decimals)
        zeros = max(0, _FLOAT_DIGITS + 1 - len(str(abs(scaled))))
        yield text + "0" * zeros


def _exactly(value: Fraction) -> str:
    """All digits of a value whose denominator is a power of two: shares are floats. At least as many as are not read
    as a float."""
    decimals = min(max(value.denominator.bit_length() - 1, 1), _MOST_EXPONENT)
    return _decimal(round(value * 10**decimals), decimals)


def _decimal(scaled: int, decimals: int) -> str:
    """`scaled` / 10 ** `decimals`, for at least one decimal."""
    sign, digits = "-" if scaled < 0 else "", f"{abs(scaled):0{decimals + 1}d}"
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"
