"""Labels and images made to fill memory, to take time, or to be taken for something else."""

import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import ROW, around, huge_png, noise
from tests.factories.hostile import NEIGHBOURS, Case, one_of

X, IMAGE = "images/train/x.jpg", jpeg_bytes(30, 20, seed=5)
LABEL = "labels/train/x.txt"
KIB, MIB = 2**10, 2**20

# -- labels


def _labelled(data: bytes, **options: object) -> Callable[[Path], object]:
    return lambda path: zip_of(path, around({X: IMAGE, LABEL: data}), **options)  # type: ignore[arg-type]


def _rows(data: bytes, *rules: str) -> Case:
    return Case(_labelled(data), rules=one_of(*rules), file=LABEL, good={**NEIGHBOURS, X: IMAGE})


LABELS: Mapping[str, Case] = {
    "binary": _rows(noise(50_000), "ROW_ENCODING"),
    "UTF-16": _rows(ROW.decode().encode("utf-16"), "ROW_ENCODING"),
    "UTF-16 without a mark": _rows(ROW.decode().encode("utf-16-be") * 100, "ROW_NOT_NUMERIC", "ROW_COLUMNS"),
    "UTF-32": _rows(ROW.decode().encode("utf-32"), "ROW_ENCODING"),
    "one line of 10 MB": _rows(noise(MIB).hex(" ", 2).encode() * 4 + b" 1", "ROW_COLUMNS"),
    "one number of 9 MB": _rows(b"0 9" + b"123456789" * MIB + b" 0.5 0.5 0.5\n", "ROW_COLUMNS"),
    "one number of 900 KB": _rows(b"0 9" + b"123456789" * (MIB // 10) + b" 0.5 0.5 0.5\n", "ROW_NAN"),
    "one fraction of 9 MB": _rows(b"0 0.5 0.5 0.1 0." + b"123456789" * MIB + b"\n9\n", "ROW_COLUMNS"),
    "exponents": _rows(b"0 1e-99999999 0.5 0.5 1e999999999\n1e308 1e308 1e308 1e308 1e308\n", "ROW_NAN"),
    "words that Python takes for numbers": _rows(b"1_0 0.5 0.5 0.5 0.5\ninf nan infinity -0 +1\n", "ROW_NOT_NUMERIC"),
    "digits of other scripts, which Python reads": Case(
        _labelled("\u0660 \u0660.\u0665 \u0660.\u0665 \u0660.\u0662 \u0660.\u0662\n".encode()),
        good={**NEIGHBOURS, X: IMAGE},
    ),
    "NUL between the numbers": _rows(b"0\0 0.5\0 0.5 0.5 0.5\n", "ROW_NOT_NUMERIC"),
    "every kind of line end": _rows(
        "0 0.5 0.5 0.5 0.5\x0b\x0c\x1c\x1d\x1e\x85\u2028\u20299 1\n".encode(), "ROW_COLUMNS"
    ),
    "a terminal's escapes": _rows(b"\x1b[2J\x1b]0;owned\x07 0 0 0 0\n", "ROW_NOT_NUMERIC"),
    "ids of 10^18": _rows(b"999999999999999999 0.5 0.5 0.1 0.1\n-1 0.5 0.5 0.1 0.1\n", "ROW_CLASS_RANGE"),
    "a hundred thousand bad rows": _rows(b"7 1 1 1 1\n" * 100_000, "ROW_CLASS_RANGE"),
    "a polygon of a million points": _rows(b"0" + b" 0.5 0.25" * 1_000_000 + b"\n", "ROW_COLUMNS"),
    "JSON": _rows(b'{"a": [1, 2, 3]}\n' * 99, "ROW_NOT_NUMERIC", "ROW_COLUMNS"),
    "a zip": _rows(b"PK\3\4" + noise(500), "ROW_ENCODING"),
    "8 images of one stem": Case(
        lambda path: zip_of(
            path,
            around(
                {LABEL: ROW}
                | {
                    f"images/train/x.{ending}": IMAGE
                    for ending in ("jpg", "JPG", "jpeg", "png", "bmp", "webp", "tif", "tiff")
                }
            ),
        ),
        rules=one_of("PAIR_STEM_COLLISION"),
    ),
    "2 000 labels of nothing": Case(
        lambda path: zip_of(path, around({f"labels/train/o{n}.txt": ROW for n in range(2000)})),
        rules=one_of("PAIR_ORPHAN_LABEL"),
    ),
}


# -- images


def big_tiff(width: int, height: int) -> bytes:
    """A BigTIFF whose sides are 64-bit numbers."""
    entries = b"".join(struct.pack("<HHQQ", tag, 16, 1, value) for tag, value in ((256, width), (257, height)))
    return b"II+\0" + struct.pack("<HHQ", 8, 0, 16) + struct.pack("<Q", 2) + entries + bytes(8)


def _tiff(offset: int, entries: int = 1) -> bytes:
    return b"II*\0" + struct.pack("<L", offset) + struct.pack("<H", entries) + bytes(600)


def _webp(width: int, height: int, *, exif: bool = False) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\xff\xff\xff\x7fWEBPVP8X\x0a\0\0\0" + bytes([8 * exif]) + bytes(3) + sides + bytes(100)


def _segments(count: int, payload: bytes = b"") -> bytes:
    return b"\xff\xd8" + (b"\xff\xe0" + (len(payload) + 2).to_bytes(2, "big") + payload) * count


def _image(name: str, data: bytes, *rules: str, kept: bool = False) -> Case:
    file = f"images/train/{name}"
    return Case(
        lambda path: zip_of(path, around({file: data}), compression=zipfile.ZIP_STORED),
        rules=one_of(*rules),
        file=file,
        good={**NEIGHBOURS, file: data} if kept else NEIGHBOURS,
        never=one_of() if kept else one_of(file),
    )


_EXIF_RING = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHLL", 0x8769, 4, 1, 8) + struct.pack("<L", 8)
IMAGES: Mapping[str, Case] = {
    "PNG of 10^9 pixels": _image("x.png", huge_png(40_000, 25_000), "IMG_TOO_LARGE", kept=True),
    "PNG of 2^32 x 2^32": _image("x.png", huge_png(2**32 - 1, 2**32 - 1), "IMG_UNREADABLE"),
    "PNG of 2^31 x 2^31": _image("x.png", huge_png(2**31 - 1, 2**31 - 1), "IMG_TOO_LARGE", kept=True),
    "BigTIFF of 2^63 x 2^63": _image("x.tif", big_tiff(2**63, 2**63), "IMG_UNREADABLE"),
    "BigTIFF of 2^64 x 1": _image("x.tif", big_tiff(2**64 - 1, 1), "IMG_UNREADABLE"),
    "BigTIFF of 2^62 x 2^62": _image("x.tif", big_tiff(2**62, 2**62), "IMG_UNREADABLE"),
    "WebP of 16 million x 16 million": _image("x.webp", _webp(2**24, 2**24), "IMG_TOO_LARGE", kept=True),
    "WebP that promises what never comes": _image(
        "x.webp", _webp(20, 20, exif=True), "IMG_UNREADABLE", "PAIR_MISSING_LABEL", kept=True
    ),
    "BMP of the least height": _image(
        "x.bmp",
        b"BM" + bytes(12) + struct.pack("<Lll", 40, 10, -(2**31)) + bytes(99),
        "IMG_UNREADABLE",
    ),
    "JPEG of segments of no length": _image("x.jpg", b"\xff\xd8" + b"\xff\xe0\0\0" * 5000, "IMG_UNREADABLE"),
    "JPEG of a million segments": _image("x.jpg", _segments(1_000_000), "IMG_UNREADABLE"),
    "JPEG of 7 MB of restarts": _image("x.jpg", b"\xff\xd8" + b"\xff\xd0" * (7 * MIB // 2), "IMG_UNREADABLE"),
    "JPEG of 7 MB of fill": _image("x.jpg", b"\xff\xd8" + b"\xff" * (7 * MIB), "IMG_UNREADABLE"),
    "JPEG with EXIF that points to itself": _image(
        "x.jpg",
        b"\xff\xd8\xff\xe1" + (len(_EXIF_RING) + 2).to_bytes(2, "big") + _EXIF_RING + IMAGE[2:],
        "PAIR_MISSING_LABEL",
        kept=True,
    ),
    "TIFF that points to itself": _image("x.tif", _tiff(0), "IMG_UNREADABLE"),
    "TIFF of 65 535 entries": _image("x.tif", _tiff(8, 0xFFFF), "IMG_UNREADABLE"),
    "TIFF at 4 GB": _image("x.tif", _tiff(0xFFFFFFFF), "IMG_UNREADABLE"),
    "SVG with a script": _image("x.jpg", b"<svg onload='alert(1)'/>", "IMG_FORMAT", kept=True),
    "HTML behind a GIF's start": _image(
        "x.jpg", b"GIF89a\x0a\0\x0a\0<script>alert(1)</script>", "IMG_FORMAT", kept=True
    ),
    "AVIF of noise": _image("x.jpg", b"\0\0\0\x1cftypavif" + noise(999), "IMG_UNREADABLE"),
    "a PNG of 200 000 chunks": _image(
        "x.png", huge_png(20, 20)[:33] + b"\0\0\0\0aaaa\0\0\0\0" * 200_000 + b"IEND", "PAIR_MISSING_LABEL", kept=True
    ),
}
