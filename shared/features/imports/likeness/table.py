"""What the images of a dataset look like, and which of them look nearly the same. 28 bytes are held for each image."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from struct import Struct

from shared.features.imports.image_bytes.probe import ImageFacts
from shared.features.imports.likeness.near import Families, near_pairs
from shared.features.imports.shards.manifest import ShardEntry

_NO_SPLIT = -1
_NOTE = Struct("<QQlL")
_DIGITS = 16


def noted(
    entries: Sequence[ShardEntry], facts: Mapping[int, ImageFacts], splits: Sequence[str], places: Iterable[int]
) -> bytes:
    """How images look, the beginning of their SHA-256, their split, and the place that they are given here."""
    numbers: dict[str | None, int] = {split: number for number, split in enumerate(splits)}
    notes = []
    for place, entry in zip(places, entries, strict=True):
        known = facts.get(entry.image.header_offset)
        if known is not None and known.likeness is not None and known.sha256 is not None:
            digest = int(known.sha256[:_DIGITS], 16)
            notes.append(_NOTE.pack(known.likeness, digest, numbers.get(entry.split, _NO_SPLIT), place))
    return b"".join(notes)


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """Images of different contents that look nearly the same: the places of the first of each content.

    `splits` are the numbers of the splits of all images with these contents.
    """

    places: Sequence[int]
    splits: frozenset[int]


@dataclass(slots=True)
class LikenessTable:
    """The notes of all images, in the order of the archive."""

    _likenesses: "array[int]" = field(default_factory=lambda: array("Q"))
    _digests: "array[int]" = field(default_factory=lambda: array("Q"))
    _splits: "array[int]" = field(default_factory=lambda: array("i"))
    _places: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, notes: bytes, *, base: int = 0) -> None:
        """Take the notes of a shard; `base` is added to the places."""
        for likeness, digest, split, place in _NOTE.iter_unpack(notes):
            self._likenesses.append(likeness)
            self._digests.append(digest)
            self._splits.append(split)
            self._places.append(base + place)

    def alike(self) -> list[LookAlikes]:
        """The groups, in the order of their first images. Who looks like any image of a group is of the group."""
        families, repeated = self._families()
        groups: dict[int, array[int]] = {}
        for row, likeness in enumerate(self._likenesses):
            if likeness in repeated or likeness in families:
                groups.setdefault(families.head(likeness), array("L")).append(row)
        return list(self._different(groups.values()))

    def _families(self) -> tuple[Families, set[int]]:
        """Hashes with those near them, and the hashes that several images have."""
        ordered = sorted(self._likenesses)
        families = Families()
        for one, other in near_pairs([likeness for likeness, _same in groupby(ordered)]):
            families.join(one, other)
        return families, {one for one, other in pairwise(ordered) if one == other}

    def _different(self, groups: "Iterable[array[int]]") -> Iterator[LookAlikes]:
        """The groups of several contents."""
        for rows in groups:
            first: dict[int, int] = {}
            for row in rows:
                first.setdefault(self._digests[row], self._places[row])
            if len(first) > 1:
                splits = {self._splits[row] for row in rows}
                yield LookAlikes(array("Q", first.values()), frozenset(splits - {_NO_SPLIT}))
