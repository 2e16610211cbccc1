"""PPM, ICO and TGA, which no trainer reads, and what is told by content alone: AVIF, HEIF, JPEG 2000 and SVG.

Sources: Netpbm's ppm(5); the ICONDIR of the Windows SDK; Truevision TGA 2.0; ISO 14496-12, 4.3 (`ftyp`) and 23008-12,
annex B (its brands); ISO 15444-1, I.5.1.
"""

import re
from struct import Struct

from shared.formats.images.header import LARGEST_SIDE, ImageHeader, UnreadableImage, require, sized

_PPM_SIZE = re.compile(rb"P[1-6](?:\s+|#[^\n]*\n)+(\d{1,10})(?:\s+|#[^\n]*\n)+(\d{1,10})(?=\s)")
_MOST_PPM_HEADER = 1 << 10
_TGA = Struct("<3B5x4H2B")
_TGA_KINDS = frozenset((2, 3, 10, 11))
_TGA_DEPTHS = frozenset((8, 15, 16, 24, 32))
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "avif"),
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), "heif"),
}
_BEHIND_FTYP = frozenset((b"meta", b"moov", b"mdat", b"free", b"skip", b"uuid"))
_MOST_BRANDS_BYTES = 512
_JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
_SVG_WITHIN = 1 << 10


def probe_ppm(head: bytes) -> ImageHeader:
    """The size of a PBM, PGM or PPM, which stands in it as text."""
    found = _PPM_SIZE.match(head[:_MOST_PPM_HEADER])
    if found is None:
        require(head, 16, "PPM header")
        raise UnreadableImage("is of no known image format")
    return sized("ppm", *(min(int(side), LARGEST_SIDE + 1) for side in found.groups()))


def probe_ico(head: bytes) -> ImageHeader:
    """The size of the first picture of an icon; 0 stands for 256."""
    require(head, 22, "ICO header")
    if not 0 < int.from_bytes(head[4:6], "little") <= 1024 or head[9]:
        raise UnreadableImage("is of no known image format")
    return sized("ico", head[6] or 256, head[7] or 256)


def probe_tga(head: bytes) -> ImageHeader | None:
    """The size of a TGA of true colours or grays. It has no mark: None unless everything in its header fits."""
    if len(head) < _TGA.size or any(head[3:8]):
        return None
    _, map_kind, kind, _, _, width, height, depth, flags = _TGA.unpack_from(head)
    fits = map_kind == 0 and kind in _TGA_KINDS and depth in _TGA_DEPTHS and flags < 0x40
    return sized("tga", width, height) if fits and width and height else None


def content_kind(head: bytes) -> str | None:
    """`avif`, `heif`, `jp2` or `svg` where the content is that; None for anything else."""
    if head.startswith(_JP2):
        return "jp2"
    if head[4:8] == b"ftyp":
        return _brand(head)
    start = head[:_SVG_WITHIN].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return "svg" if start.startswith(b"<svg") or (start.startswith((b"<?xml", b"<!")) and b"<svg" in start) else None


def _brand(head: bytes) -> str | None:
    """By the brands of the file, the major one first; None unless another box follows, as in every such file."""
    end = int.from_bytes(head[:4], "big")
    if not 16 <= end <= _MOST_BRANDS_BYTES or head[end + 4 : end + 8] not in _BEHIND_FTYP:
        return None
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]
    return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)
