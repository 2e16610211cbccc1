"""Images of every format, sound, cut, with something behind their end, turned, or of an unusual depth; by a name."""

import io
import random
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import cache

from PIL import Image

from tests.factories.archives import jpeg_bytes

WIDTH, HEIGHT = 40, 30


def saved(kind: str, mode: str = "RGB", *, size: tuple[int, int] = (WIDTH, HEIGHT), **options: object) -> bytes:
    """An image as Pillow saves it."""
    out = io.BytesIO()
    _picture(mode, size).save(out, kind, **options)
    return out.getvalue()


def _picture(mode: str, size: tuple[int, int]) -> Image.Image:
    count = size[0] * size[1]
    gray = Image.frombytes("L", size, random.Random(count).randbytes(count))
    if mode in ("I;16", "F"):
        return gray.convert("I" if mode == "I;16" else "F").convert(mode)
    return gray.convert(mode)


def turned(orientation: int) -> Image.Exif:
    """EXIF that says so."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def wrong_crc(png: bytes) -> bytes:
    """A PNG whose pixels do not match their checksum."""
    at = png.index(b"IDAT") + 6
    return png[:at] + bytes((png[at] ^ 0xFF,)) + png[at + 1 :]


def zeroed(jpeg: bytes, count: int = 400) -> bytes:
    """A JPEG with zero bytes in the middle of its pixels."""
    at = len(jpeg) // 2
    return jpeg[:at] + bytes(count) + jpeg[at + count :]


def rgb16_png(width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A PNG of three channels of 16 bits, which Pillow does not write."""
    rows = b"".join(b"\0" + bytes(range(6)) * width for _ in range(height))
    return _png(struct.pack(">LL5B", width, height, 16, 2, 0, 0, 0), rows)


def black_png(width: int, height: int) -> bytes:
    """A PNG of one bit, which Pillow would write too: from a byte for each pixel, which are hundreds of MB here."""
    return _png(struct.pack(">LL5B", width, height, 1, 0, 0, 0, 0), bytes((1 + (width + 7) // 8) * height))


def _png(header: bytes, rows: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    packed = zlib.compress(rows, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def tga(width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A TGA without compression."""
    return struct.pack("<3BHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, width, height, 24, 0) + bytes(3 * width * height)


SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"></svg>\n'


@cache
def odd_images() -> Mapping[str, tuple[str, bytes]]:
    """By what is odd: the name of the file, and its bytes."""
    jpeg, png, webp = saved("JPEG", quality=95), saved("PNG"), saved("WEBP", lossless=True)
    bmp, tiff = saved("BMP"), saved("TIFF")
    plain: dict[str, tuple[str, bytes]] = {
        "jpeg": ("a.jpg", jpeg), "png": ("a.png", png), "webp": ("a.webp", webp), "bmp": ("a.bmp", bmp),
        "tiff": ("a.tif", tiff), "gif": ("a.jpg", saved("GIF")), "ppm": ("a.png", saved("PPM")),
        "ico": ("a.png", saved("ICO")), "tga": ("a.bmp", tga()), "svg": ("a.png", SVG),
        "avif": ("a.avif", saved("AVIF")), "avif named jpg": ("a.jpg", saved("AVIF")),
        "jp2": ("a.jp2", saved("JPEG2000")), "png named jpg": ("a.jpg", png),
        "mpo": ("a.mpo", saved("MPO", save_all=True, append_images=[Image.new("RGB", (WIDTH, HEIGHT), "red")])),
        "mpo named jpg": ("a.jpg", saved("MPO", save_all=True, append_images=[Image.new("RGB", (WIDTH, HEIGHT))])),
        "empty": ("a.jpg", b""), "html": ("a.jpg", b"<!doctype html><html></html>"), "json": ("a.jpg", b'{"a": 1}'),
    }  # fmt: skip
    depths: dict[str, tuple[str, bytes]] = {
        "png 16 gray": ("a.png", saved("PNG", "I;16")), "png 16 rgb": ("a.png", rgb16_png()),
        "tiff 16 gray": ("a.tif", saved("TIFF", "I;16")), "tiff float": ("a.tif", saved("TIFF", "F")),
        "png palette": ("a.png", saved("PNG", "P")), "jpeg cmyk": ("a.jpg", saved("JPEG", "CMYK")),
        "png 1 bit": ("a.png", saved("PNG", "1")), "png rgba": ("a.png", saved("PNG", "RGBA")),
    }  # fmt: skip
    return plain | depths | _cut(jpeg, png, webp, bmp, tiff) | _turned() | _sized()


def _cut(jpeg: bytes, png: bytes, webp: bytes, bmp: bytes, tiff: bytes) -> dict[str, tuple[str, bytes]]:
    found: dict[str, tuple[str, bytes]] = {}
    endings = {"jpeg": "jpg", "png": "png", "webp": "webp", "bmp": "bmp", "tiff": "tif"}
    cuts: dict[str, Callable[[bytes], bytes]] = {
        "half": lambda data: data[: len(data) // 2],
        "without its last byte": lambda data: data[:-1],
        "without its last 2 bytes": lambda data: data[:-2],
        "and a byte": lambda data: data + b"\0",
        "and 5000 bytes": lambda data: data + b"datayard" * 625,
    }
    for kind, data in {"jpeg": jpeg, "png": png, "webp": webp, "bmp": bmp, "tiff": tiff}.items():
        for what, change in cuts.items():
            found[f"{kind} {what}"] = f"a.{endings[kind]}", change(data)
    found["png without its last 12 bytes"] = "a.png", png[:-12]
    found["png wrong crc"] = "a.png", wrong_crc(png)
    found["jpeg zeroed"] = "a.jpg", zeroed(saved("JPEG", quality=95, size=(200, 150)))
    found["tiff cut, turned"] = "a.tif", saved("TIFF", exif=turned(6))[:-900]
    return found


def _turned() -> dict[str, tuple[str, bytes]]:
    """9 pixels or 10 across: what is compared is the shorter side, so turning changes nothing, or the size is odd."""
    found: dict[str, tuple[str, bytes]] = {}
    for kind, ending in {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "TIFF": "tif"}.items():
        for orientation in (3, 5, 6, 7, 8):
            found[f"{kind.lower()} orientation {orientation}"] = f"a.{ending}", saved(kind, exif=turned(orientation))
    found["jpeg turned, and a byte"] = "a.jpg", saved("JPEG", exif=turned(6)) + b"\0"
    return found


def _sized() -> dict[str, tuple[str, bytes]]:
    found = {f"{width} x {height}": ("a.png", saved("PNG", size=(width, height)))
             for width, height in ((9, 20), (20, 9), (10, 20), (10, 10), (9, 9), (1, 1))}  # fmt: skip
    found["178 956 970 pixels"] = "a.png", black_png(17_895_697, 10)
    found["178 956 980 pixels"] = "a.png", black_png(17_895_698, 10)
    found["196 megapixels"] = "a.png", black_png(14_000, 14_000)
    found["400 megapixels"] = "a.png", black_png(20_000, 20_000)
    found["jpeg of one tone"] = "a.jpg", jpeg_bytes(WIDTH, HEIGHT)
    return found
