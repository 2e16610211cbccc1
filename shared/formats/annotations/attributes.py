"""What a format says beyond boxes and outlines, made fit to be kept: plain JSON values that a database takes."""

from collections.abc import Collection, Mapping
from fractions import Fraction
from math import isfinite

from shared.formats.annotations.model import Attributes
from shared.formats.storable import storable

MAX_CHARACTERS = 256 << 10
"""Of all attributes of one annotation or image, about."""

_DEEPEST = 8
_LARGEST_INTEGER = 2**63 - 1


class TooMuchSaid(ValueError):
    """The attributes are larger, or deeper, than what is kept with an annotation."""


def kept_attributes(said: Mapping[str, object], *, without: Collection[str] = ()) -> Attributes:
    """The values that are worth keeping, under the names they have; empty ones are left out.

    Raises TooMuchSaid.
    """
    found = storable_attributes({key: value for key, value in said.items() if key not in without and key != ""})
    return {key: value for key, value in found.items() if value not in (None, "", [], {})}


def storable_attributes(said: Mapping[str, object]) -> Attributes:
    """All of the values, as a database takes them. Raises TooMuchSaid."""
    budget = _Budget()
    return {_key(key): budget.value(value, 0) for key, value in said.items()}


class _Budget:
    """Counts what is kept of one annotation."""

    def __init__(self) -> None:
        self._left = MAX_CHARACTERS

    def value(self, value: object, depth: int) -> object:
        """The value as plain JSON."""
        self._take(value, depth)
        if isinstance(value, Mapping):
            return {_key(str(key)): self.value(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.value(inner, depth + 1) for inner in value]
        return _scalar(value)

    def _take(self, value: object, depth: int) -> None:
        self._left -= len(value) if isinstance(value, str) else 8
        if self._left < 0 or depth > _DEEPEST:
            raise TooMuchSaid


def _key(key: str) -> str:
    """A key as a database takes it: NUL ends one there."""
    return storable(key).replace("\0", "")


def _scalar(value: object) -> object:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) <= _LARGEST_INTEGER else str(value) if value.bit_length() < 10_000 else None
    return value
