"""Which entries of an archive are taken, under which name, and why others are not."""

import re
from dataclasses import dataclass

from shared.formats.archives.entry import DEFLATED, STORED, ArchiveEntry, EntryKind

LONGEST_NAME_BYTES = 1024

_LONGEST_SHOWN = 200
_READ_METHODS = frozenset((STORED, DEFLATED))
_RATIO_MATTERS_BYTES = 10 << 20
_REFUSED_KINDS = {EntryKind.LINK: "a link", EntryKind.DEVICE: "a device", EntryKind.SPARSE: "a sparse file"}
# what systems leave behind, and names that are not plain relative paths
_JUNK = re.compile(r"(?i)(?:^|/)(?:__MACOSX/|\._|\.DS_Store$|\.ipynb_checkpoints/|Thumbs\.db$|desktop\.ini$)")
_DRIVE = re.compile(r"[A-Za-z]:")
# nearly all names are plainly plain, and this is the quick way to see it; any other takes the slow way
_PLAIN = re.compile(r"(?i)(?:[^\W_][\w .()+@=,-]*+/)*+[^\W_][\w .()+@=,-]*+(?<!\.db)(?<!\.ini)").fullmatch
_FILE = EntryKind.FILE


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
    if entry.kind is not _FILE:
        return Refusal("ARCHIVE_LINK", f"is {_REFUSED_KINDS.get(entry.kind, 'no file')}")
    if entry.encrypted:
        return Refusal("ARCHIVE_ENCRYPTED", "is encrypted")
    if entry.method not in _READ_METHODS:
        return Refusal("ARCHIVE_METHOD", f"is compressed by method {entry.method}")
    if entry.size_bytes > _RATIO_MATTERS_BYTES and entry.size_bytes > max_ratio * entry.compressed_bytes:
        return Refusal("ARCHIVE_BOMB", f"expands from {entry.compressed_bytes} to {entry.size_bytes} bytes")
    return None


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
