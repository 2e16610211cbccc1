"""Which kind of archive a file is, told by its first 512 bytes, and what else it looks like."""

from codecs import getincrementaldecoder
from enum import StrEnum
from tarfile import HeaderError, TarInfo

HEAD_BYTES = 512


class ArchiveKind(StrEnum):
    """The kinds that are recognised. Only those in `READ_KINDS` are read; the others can be named in an error."""

    ZIP = "zip"
    TAR = "tar"
    TAR_GZ = "tar.gz"
    TAR_BZ2 = "tar.bz2"
    TAR_XZ = "tar.xz"
    TAR_ZST = "tar.zst"
    RAR = "rar"
    SEVEN_ZIP = "7z"
    HDF5 = "hdf5"


READ_KINDS = frozenset(kind for kind in ArchiveKind if kind is ArchiveKind.ZIP or kind.startswith("tar"))

_MAGICS = (
    ((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), ArchiveKind.ZIP),
    ((b"\x1f\x8b\x08",), ArchiveKind.TAR_GZ),
    ((b"BZh",), ArchiveKind.TAR_BZ2),
    ((b"\xfd7zXZ\0",), ArchiveKind.TAR_XZ),
    ((b"\x28\xb5\x2f\xfd",), ArchiveKind.TAR_ZST),
    ((b"Rar!\x1a\x07",), ArchiveKind.RAR),
    ((b"7z\xbc\xaf\x27\x1c",), ArchiveKind.SEVEN_ZIP),
    ((b"\x89HDF\r\n\x1a\n",), ArchiveKind.HDF5),
)

_OTHERS = (
    ((b"<!doctype html", b"<html"), "HTML page"),
    ((b"<",), "XML text"),
    ((b"{", b"["), "JSON text"),
    ((b"%pdf",), "PDF document"),
    ((b"version https://git-lfs",), "Git LFS pointer"),
    ((b"\xff\xd8\xff", b"\x89png", b"gif8", b"riff"), "image or other media file"),
    ((b"par1",), "Parquet table"),
    ((b"mz", b"\x7felf"), "program"),
)
_TEXT_CONTROLS = frozenset(b"\t\n\f\r\x1b")


def detect_archive(head: bytes) -> ArchiveKind | None:
    """The archive's kind by its first bytes; a compressed stream is taken for a compressed tar.

    None for anything else. A zip behind a prefix (a self-extractor) shows only at its end, which the caller looks at.
    """
    for magics, kind in _MAGICS:
        if head.startswith(magics):
            return kind
    return ArchiveKind.TAR if _starts_a_tar(head) else None


def _starts_a_tar(head: bytes) -> bool:
    """Whether the first block is a header with a right checksum, which old tars without a magic have too."""
    try:
        TarInfo.frombuf(head[:HEAD_BYTES], "latin-1", "strict")
    except HeaderError:
        return False
    return True


def describe(head: bytes) -> str:
    """What the file is: a kind of archive, or what else it looks like."""
    kind = detect_archive(head)
    return f"{kind} archive" if kind else describe_unknown(head)


def describe_unknown(head: bytes) -> str:
    """What a file that is no archive looks like, in plain words; "unknown" if nothing is recognised."""
    if not head:
        return "empty file"
    start = head[:HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for magics, words in _OTHERS:
        if start.startswith(magics):
            return words
    if not head.strip(b"\0"):
        return "zero bytes only"
    return "plain text" if _is_text(head) else "unknown"


def _is_text(head: bytes) -> bool:
    """Whether the bytes are UTF-8 (whose last character may be cut) without control characters."""
    try:
        getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return all(byte >= 0x20 or byte in _TEXT_CONTROLS for byte in head)
