"""What a check notes of the contents of images, and which of them are there twice by it. 16 bytes for each image.

A note is the beginning of a SHA-256 where the bytes were read, else CRC-32 and size where a zip's directory says them,
else a hash of the size and the first bytes, which were read anyway.
"""

import hashlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import compress, islice
from operator import eq

from shared.features.imports.image_bytes.probe import ImageFacts
from shared.features.imports.shards.manifest import ShardEntry
from shared.formats.archives.directory import Member

UNKNOWN = 0
NO_SPLIT = -1
AT_ONCE = 1 << 18
"""Images whose notes are compared at a time, about."""

_KIND_BITS = 2
_SIZE_BITS = 30
_CHECKSUM_AT = _KIND_BITS + _SIZE_BITS
_DIGEST_BYTES = 8


class NoteKind(IntEnum):
    """What a note is made of."""

    BEGINNING = 1
    CHECKSUM = 2
    HASH = 3


def noted(entries: Sequence[ShardEntry], facts: Mapping[int, ImageFacts]) -> bytes:
    """The notes of a shard's images, eight bytes each; `UNKNOWN` for those that are left out or cannot be told."""
    return array("Q", [_note(one.image, facts.get(one.image.header_offset)) for one in entries]).tobytes()


def fingerprint(size_bytes: int, head: bytes) -> int:
    """A number for an image of this size that begins with these bytes."""
    digest = hashlib.blake2b(head, digest_size=_DIGEST_BYTES, salt=size_bytes.to_bytes(16, "big"))
    return int.from_bytes(digest.digest(), "big")


def kind_of(note: int) -> NoteKind:
    """What a note, not `UNKNOWN`, is made of."""
    return NoteKind(note % (1 << _KIND_BITS))


def _note(item: Member, facts: ImageFacts | None) -> int:
    if facts is None:
        return UNKNOWN
    if facts.sha256 is not None:
        return _of(int(facts.sha256[: 2 * _DIGEST_BYTES], 16), NoteKind.HASH)
    if item.crc32 is not None:
        return item.crc32 << _CHECKSUM_AT | (item.size_bytes % (1 << _SIZE_BITS)) << _KIND_BITS | NoteKind.CHECKSUM
    return UNKNOWN if facts.fingerprint is None else _of(facts.fingerprint, NoteKind.BEGINNING)


def _of(digest: int, kind: NoteKind) -> int:
    return digest >> _KIND_BITS << _KIND_BITS | kind


@dataclass(frozen=True, slots=True)
class Alike:
    """Images with the same note, by their numbers in the archive's directory, and the numbers of their splits."""

    note: int
    members: Sequence[int]
    splits: Sequence[int]

    @property
    def is_in_several_splits(self) -> bool:
        """Whether images of different splits are among them."""
        return len({split for split in self.splits if split != NO_SPLIT}) > 1


@dataclass(slots=True)
class ContentTable:
    """The notes of all images, in the order of the archive."""

    splits: Mapping[str | None, int]
    _notes: "array[int]" = field(default_factory=lambda: array("Q"))
    _members: "array[int]" = field(default_factory=lambda: array("I"))
    _split_of: "array[int]" = field(default_factory=lambda: array("i"))

    def add(self, entries: Sequence[ShardEntry], notes: bytes) -> None:
        """Take the notes of a shard."""
        self._notes.frombytes(notes)
        self._members.extend([entry.image.number for entry in entries])
        self._split_of.extend([self.splits.get(entry.split, NO_SPLIT) for entry in entries])

    def alike(self, *, at_once: int = AT_ONCE) -> Iterator[Alike]:
        """The images that have one note, in the order of the first of them as long as there are not too many images."""
        members, splits = self._members, self._split_of
        parts = len(self._notes) // at_once + 1
        for part in range(parts):
            some = self._notes if parts == 1 else [one for one in self._notes if (one >> _CHECKSUM_AT) % parts == part]
            found: dict[int, list[int]] = {}
            for row in self._rows(_twice(some)):
                found.setdefault(self._notes[row], []).append(row)
            for note, rows in found.items():
                yield Alike(note, [members[row] for row in rows], [splits[row] for row in rows])

    def _rows(self, notes: set[int]) -> Iterator[int]:
        return compress(range(len(self._notes)), map(notes.__contains__, self._notes)) if notes else iter(())


def _twice(notes: Sequence[int]) -> set[int]:
    """Those that are there more than once."""
    ordered = sorted(notes)
    found = set(compress(ordered, map(eq, ordered, islice(ordered, 1, None))))
    found.discard(UNKNOWN)
    return found
