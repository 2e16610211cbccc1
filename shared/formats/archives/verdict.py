"""Which entries of an archive are taken, under which name, and why others are not."""

import re
from dataclasses import dataclass

from shared.formats.archives.codecs import CODEC_METHODS
from shared.formats.archives.entry import STORED, ArchiveEntry, EntryKind

LONGEST_NAME_BYTES = 1024

_LONGEST_SHOWN = 200
READ_METHODS = CODEC_METHODS | {STORED}
RATIO_MATTERS_BYTES = 10 << 20
_REFUSED_KINDS = {EntryKind.LINK: "a link", EntryKind.DEVICE: "a device"}
# of the methods that are not read. Source: APPNOTE.TXT 6.3.10, section 4.4.5
_METHOD_NAMES = {
    1: "Shrink",
    2: "Reduce",
    3: "Reduce",
    4: "Reduce",
    5: "Reduce",
    6: "Implode",
    9: "Deflate64",
    10: "PKWARE DCL Implode",
    16: "CMPSC",
    18: "TERSE",
    19: "LZ77",
    94: "MP3",
    96: "a JPEG variant",
    97: "WavPack",
    98: "PPMd",
    99: "AES encryption",
}
# what systems leave behind, and names that are not plain relative paths
_JUNK = re.compile(r"(?i)(?:^|/)(?:__MACOSX/|\._|\.DS_Store$|\.ipynb_checkpoints/|Thumbs\.db$|desktop\.ini$)")
_DRIVE = re.compile(r"[A-Za-z]:")
# nearly all names are plainly plain, and this is the quick way to see it; any other takes the slow way
_PLAIN = re.compile(r"(?i)(?:[^\W_][\w .()+@=,-]*+/)*+[^\W_][\w .()+@=,-]*+(?<!\.db)(?<!\.ini)").fullmatch
_FILE, _SPARSE = EntryKind.FILE, EntryKind.SPARSE


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an entry is left out: the id of the rule, and a message without the name."""

    rule: str
    message: str


def shortened(name: str) -> str:
    """The name for people: at most 200 characters, with the middle left out."""
    if len(name) <= _LONGEST_SHOWN:
        return name
    half = (_LONGEST_SHOWN - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def refusal(entry: ArchiveEntry, *, max_ratio: float) -> Refusal | None:
    """Why the entry's content is not read, whatever its name is; None if it is."""
    if entry.kind is not _FILE and entry.kind is not _SPARSE:
        return Refusal("ARCHIVE_LINK", f"is {_REFUSED_KINDS.get(entry.kind, 'no file')}")
    if entry.encrypted:
        return Refusal("ARCHIVE_ENCRYPTED", "is encrypted")
    if entry.method not in READ_METHODS and entry.kind is not _SPARSE:
        return Refusal("ARCHIVE_METHOD", f"is compressed by {_named(entry.method)}")
    if entry.size_bytes > RATIO_MATTERS_BYTES and entry.size_bytes > max_ratio * entry.compressed_bytes:
        return Refusal("ARCHIVE_BOMB", f"expands from {entry.compressed_bytes} to {entry.size_bytes} bytes")
    return None


def _named(method: int) -> str:
    name = _METHOD_NAMES.get(method)
    return f"{name} (method {method})" if name else f"method {method}"


def guessed_name(entry: ArchiveEntry) -> Refusal | None:
    """What to say of a name that had to be guessed, though the entry is taken; None if it was not."""
    encoding = entry.guessed_encoding
    return (
        Refusal("ARCHIVE_NAME_ENCODING", f"has a name that is not UTF-8; {encoding} was assumed") if encoding else None
    )


def plain_name(name: str) -> str | Refusal | None:
    """The name as a relative path with single slashes; None for what systems leave behind and for directories."""
    return name if _PLAIN(name) else _cleaned(name.replace("\\", "/"))


def _cleaned(path: str) -> str | Refusal | None:
    if _JUNK.search(path):
        return None
    parts = path.split("/")
    if path.startswith("/") or _DRIVE.match(path) or ".." in parts or "\0" in path:
        return Refusal("ARCHIVE_PATH_UNSAFE", "has a path that leaves the archive")
    plain = "/".join(part for part in parts if part not in ("", "."))
    if not path:
        return Refusal("ARCHIVE_PATH_UNSAFE", "has no name")
    return plain if plain and not path.endswith("/") else None
