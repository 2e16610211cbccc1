"""A file compressed as a whole, unpacked as it streams by."""

from bz2 import BZ2Decompressor
from collections.abc import Callable, Iterator, Mapping

from shared.formats.archives.codecs import CODEC_ERRORS, Codec, Inflate, damage, unpacked, xz_codec, zstd_codec
from shared.formats.archives.detect import ArchiveKind
from shared.formats.archives.errors import BrokenArchive

_FRESH: Mapping[ArchiveKind, Callable[[], Codec]] = {
    ArchiveKind.TAR_GZ: lambda: Inflate(31),
    ArchiveKind.TAR_BZ2: BZ2Decompressor,
    ArchiveKind.TAR_XZ: xz_codec,
    ArchiveKind.TAR_ZST: zstd_codec,
}


class Inflation:
    """Decompresses gzip, bzip2, xz or zstd, any number of streams one behind the other, in pieces of at most 1 MiB.

    Memory is bounded: windows of more than 128 MiB are refused. Zeros after a stream are padding.
    """

    def __init__(self, kind: ArchiveKind) -> None:
        self._fresh = _FRESH[kind]
        self._stream = self._fresh()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What comes out for what goes in. Raises BrokenArchive for damaged data."""
        rest: bytes | memoryview = chunk
        while rest:
            if self._stream.eof:
                rest = bytes(rest).lstrip(b"\0")  # gzip(1) and xz(1) tolerate it too
                if not rest:
                    return
                self._stream = self._fresh()
            try:
                rest = yield from unpacked(self._stream, rest)
            except CODEC_ERRORS as error:
                raise BrokenArchive(f"its compressed stream {damage(error)} ({error})") from error

    def close(self) -> None:
        """Raises BrokenArchive when the stream ends in the middle of a member."""
        if not self._stream.eof:
            raise BrokenArchive("its compressed stream ends early: the file is cut off")
