"""Names of members that are not UTF-8: which encoding an archive's names are in, and their text.

Zips written by older systems have names in the code page of the machine, and do not say which. The choice is between
CP437 (the original one, and what the specification asks for), Shift-JIS and GBK, and it is made once per archive, by
how many bytes of the names each of them explains as letters that people use. Other encodings are read as one of these
three, and a name in one of them may happen to be UTF-8: the text is wrong then, but the same bytes give the same text
everywhere in an archive, so that an image and its label still pair.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from shared.formats.archives.entry import UNDECIDED, ArchiveEntry, PlainEntries

_MOST_SAMPLES = 200
_MOST_HELD = 20_000
_MOST_HELD_CHARACTERS = 1 << 20
_LONGEST_SAMPLE_BYTES = 256


class _Encoding(NamedTuple):
    """A candidate: its codec, the codec that ranks its characters, and points per byte for ranges of codes there."""

    codec: str
    ranks: str
    ranges: Sequence[tuple[int, int, int]]
    otherwise: int


# in the order of preference among equals
_ENCODINGS: Mapping[str, _Encoding] = {
    "CP437": _Encoding(
        # accented letters; the rest are frames, Greek and mathematics
        "cp437", "cp437", ((0x80, 0x9A, 2), (0xA0, 0xA5, 2), (0xE1, 0xE1, 2)), -2,
    ),
    "Shift-JIS": _Encoding(
        # half-width kana; symbols; letters and kana; kanji of level 1; kanji of level 2
        "cp932", "cp932",
        ((0xA1, 0xDF, 1), (0x8140, 0x81FC, 2), (0x824F, 0x8396, 4), (0x889F, 0x9872, 4), (0x989F, 0xEAA4, 1)), -1,
    ),
    "GBK": _Encoding(
        # hanzi that GB 2312 lacks; symbols and kana; level 1, which is most of any text; level 2
        "gb18030", "gb2312", ((0, 0, 1), (0xA1A1, 0xA9FE, 2), (0xB0A1, 0xD7F9, 4), (0xD8A1, 0xF7FE, 2)), -1,
    ),
}  # fmt: skip
_FALLBACK = "CP437"
_FOREIGN = r"[^\x00-\x7f]"
# between Latin letters, one or two characters: usual for accented letters, and unusual for Chinese and Japanese
_BESIDE_LETTER = re.compile(rf"(?<=[A-Za-z]){_FOREIGN}|{_FOREIGN}(?=[A-Za-z])")
_LONE_BESIDE_LETTER = re.compile(
    rf"(?<=[A-Za-z]){_FOREIGN}{{1,2}}(?=[A-Za-z])|(?<=[A-Za-z]){_FOREIGN}(?!{_FOREIGN})"
    rf"|(?<!{_FOREIGN}){_FOREIGN}(?=[A-Za-z])"
)
_LONE_COSTS = 8
_PRIVATE = range(0xE000, 0xF900)
_BESIDE_LETTER_ADDS = 2


class NameDecoder:
    """Decodes the names of one archive. The encoding of those that are not UTF-8 is settled once."""

    def __init__(self) -> None:
        self._encoding = ""

    def settle(self, samples: Iterable[bytes]) -> None:
        """Choose the encoding by these names, unless it is chosen already."""
        parts = [part for raw in samples for part in raw[:_LONGEST_SAMPLE_BYTES].split(b"/") if not _is_utf8(part)]
        self._encoding = self._encoding or max(
            _ENCODINGS, key=lambda label: sum(_points(part, label) for part in parts)
        )

    def decode(self, raw: bytes) -> tuple[str, str]:
        """The name, and the encoding that was guessed for it: "" if it is UTF-8.

        Settles the encoding if need be. Each part between slashes is decoded alone, as UTF-8, as what was settled, or
        as CP437, which knows every byte. So equal parts are equal in every name.
        """
        try:
            return raw.decode(), ""
        except UnicodeDecodeError:
            self.settle([raw])
        return "/".join(map(self._part, raw.split(b"/"))), self._encoding

    def _part(self, raw: bytes) -> str:
        for codec in ("utf-8", _ENCODINGS[self._encoding].codec):
            try:
                return raw.decode(codec)
            except UnicodeDecodeError:
                continue
        return raw.decode(_ENCODINGS[_FALLBACK].codec)


class HeldEntries:
    """Holds entries back from the first whose name is UNDECIDED, until enough such names tell the encoding.

    What is held is bounded: 200 undecided names, 20 000 entries, or names of 1 Mi characters. The order stays.
    """

    def __init__(self) -> None:
        self._names = NameDecoder()
        self._held: list[ArchiveEntry | PlainEntries] = []
        self._samples: list[bytes] = []
        self._count = self._characters = 0

    def pass_on(self, item: ArchiveEntry | PlainEntries) -> Sequence[ArchiveEntry | PlainEntries]:
        """What can be handed on now that `item` has come, with names decided."""
        undecided = isinstance(item, ArchiveEntry) and item.guessed_encoding == UNDECIDED
        if not undecided and not self._held:
            return (item,)
        self._held.append(item)
        if isinstance(item, PlainEntries):
            self._count += len(item.names)
        else:
            self._count += 1
            self._characters += len(item.name)
            if undecided:
                self._samples.append(_raw(item))
        return self.release() if self._is_enough() else ()

    def release(self) -> Sequence[ArchiveEntry | PlainEntries]:
        """Everything held, with names decided by what is known."""
        held, self._held = self._held, []
        self._names.settle(self._samples)
        self._samples, self._count, self._characters = [], 0, 0
        return [self._decided(item) for item in held]

    def _is_enough(self) -> bool:
        many = len(self._samples) >= _MOST_SAMPLES or self._count >= _MOST_HELD
        return many or self._characters >= _MOST_HELD_CHARACTERS

    def _decided(self, item: ArchiveEntry | PlainEntries) -> ArchiveEntry | PlainEntries:
        if isinstance(item, PlainEntries) or item.guessed_encoding != UNDECIDED:
            return item
        name, encoding = self._names.decode(_raw(item))
        return item._replace(name=name, guessed_encoding=encoding)


def undecided_name(raw: bytes) -> tuple[str, str]:
    """The name and, if it is not UTF-8, UNDECIDED; the bytes then stay in it as surrogates until they are decided."""
    try:
        return raw.decode(), ""
    except UnicodeDecodeError:
        return raw.decode(errors="surrogateescape"), UNDECIDED


def other_spellings(name: str) -> Sequence[str]:
    """The same name in the other Unicode normal forms, NFC and NFD.

    macOS takes them for one name and writes NFD into archives, so that a dataset collected there and elsewhere may
    have the image in one form and its label in the other. Names are kept as they are; only pairing should look here.
    """
    if name.isascii():
        return ()
    forms = dict.fromkeys((unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)))
    return [form for form in forms if form != name]


def _raw(entry: ArchiveEntry) -> bytes:
    return entry.name.encode(errors="surrogateescape")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _points(part: bytes, label: str) -> int:
    """How well the encoding explains the bytes: more is better."""
    encoding = _ENCODINGS[label]
    try:
        text = part.decode(encoding.codec)
    except UnicodeDecodeError:
        return -2 * sum(byte > 0x7F for byte in part)
    points = sum(_points_of(character, encoding) for character in text if character > "\x7f")
    if label == _FALLBACK:
        return points + _BESIDE_LETTER_ADDS * len(_BESIDE_LETTER.findall(text))
    return points - _LONE_COSTS * len(_LONE_BESIDE_LETTER.findall(text))


def _points_of(character: str, encoding: _Encoding) -> int:
    if _PRIVATE.start <= ord(character) < _PRIVATE.stop:
        return -_LONE_COSTS  # a byte that the code page leaves to its vendor
    try:
        ranked = character.encode(encoding.ranks)
    except UnicodeEncodeError:
        ranked = b""
    code, width = int.from_bytes(ranked, "big"), len(character.encode(encoding.codec))
    return width * next((points for low, high, points in encoding.ranges if low <= code <= high), encoding.otherwise)
