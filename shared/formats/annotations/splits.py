"""The names of splits, as the many tools spell them and as this product does."""

import re

CANONICAL = ("train", "val", "test")

_SPELLINGS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_YEAR = re.compile(r"[_-]?20[0-9]{2}$")
_SPLIT_KEY = re.compile(r"(train|val|test|minival|dev|eval|holdout)([^a-z].*)?$", re.IGNORECASE | re.DOTALL)


def normalise_split(name: str) -> str:
    """`train`, `val` or `test` for their known spellings, in any case and with a year; any other name as found."""
    return _SPELLINGS.get(_YEAR.sub("", name.strip().lower()), name)


def names_a_split(key: str) -> bool:
    """Whether a key of a description names a split, as `train`, `valid`, `minival` and `test-dev` do."""
    return normalise_split(key) in CANONICAL or _SPLIT_KEY.match(key) is not None


def in_order_of_precedence(splits: list[str]) -> tuple[str, ...]:
    """Train, val, test, then the others as found: of several splits that claim an image, the first one gets it."""
    return tuple(sorted(splits, key=lambda split: CANONICAL.index(split) if split in CANONICAL else len(CANONICAL)))
