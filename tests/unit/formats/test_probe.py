"""Image headers against Pillow's answer, cut files, and bytes that are anything but an image."""

import io
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shared.formats.images.exif import directory_offset, with_directory
from shared.formats.images.probe import ImageHeader, NeedMoreBytes, UnreadableImage, probe_image

ORIENTATION = 0x0112
MODES = {
    "JPEG": ("L", "RGB", "CMYK"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB"),
    "TIFF": ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F"),
    "GIF": ("L", "P"),
}
CASES = [(image_format, mode) for image_format, modes in MODES.items() for mode in modes]


def saved(image_format: str, mode: str = "RGB", *, size: tuple[int, int] = (37, 23), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, image_format, **options)
    return out.getvalue()


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[ORIENTATION] = orientation
    return block


BITS = {"I;16": 16, "F": 32}


GRAY = ("1", "L", "LA", "I;16")


def as_pillow_says(data: bytes) -> ImageHeader:
    with Image.open(io.BytesIO(data)) as image:
        orientation = image.getexif().get(ORIENTATION, 1)
        turned = image.format == "TIFF" and orientation >= 5  # Pillow turns these alone before it is asked to
        width, height = reversed(image.size) if turned else image.size
        name, mode = str(image.format).lower(), image.mode
        is_gray = name in ("jpeg", "png") and mode in GRAY
        return ImageHeader(name, width, height, orientation, BITS.get(mode, 8), mode == "F", is_gray)


@pytest.mark.parametrize(("image_format", "mode"), CASES)
def test_agrees_with_pillow(image_format: str, mode: str) -> None:
    data = saved(image_format, mode)
    assert probe_image(data) == as_pillow_says(data)
    name, is_gray = image_format.lower(), image_format in ("JPEG", "PNG") and mode in GRAY
    expected = ImageHeader(name, 37, 23, 1, BITS.get(mode, 8), mode == "F", is_gray)
    assert probe_image(data, complete=True) == expected


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation(image_format: str, orientation: int) -> None:
    data = saved(image_format, exif=exif(orientation))
    assert probe_image(data, complete=True) == as_pillow_says(data)
    assert probe_image(data).orientation == orientation


@pytest.mark.parametrize(
    ("option", "value"), [("progressive", True), ("icc_profile", b"x" * 200_000), ("comment", b"hello")]
)
def test_jpeg_variants(option: str, value: object) -> None:
    out = io.BytesIO()
    Image.new("RGB", (37, 23)).save(out, "JPEG", exif=exif(6), **{option: value})
    data = out.getvalue()
    assert probe_image(data) == ImageHeader("jpeg", 37, 23, 6)


def test_webp_lossless_and_animated() -> None:
    assert probe_image(saved("WEBP", lossless=True, size=(300, 5))) == ImageHeader("webp", 300, 5, 1)
    animated = saved("WEBP", save_all=True, append_images=[Image.new("RGB", (37, 23), "red")])
    assert probe_image(animated) == as_pillow_says(animated)


def test_big_tiff_and_byte_orders() -> None:
    assert probe_image(saved("TIFF", big_tiff=True, exif=exif(5))) == ImageHeader("tiff", 37, 23, 5)
    entries = struct.pack(">HHLHH", 256, 3, 1, 70, 0) + struct.pack(">HHLL", 257, 4, 1, 80)
    entries += struct.pack(">HHLHH", 274, 3, 1, 8, 0)
    assert probe_image(b"MM\0*" + struct.pack(">LH", 8, 3) + entries) == ImageHeader("tiff", 70, 80, 8)


def test_bmp_core_header_and_rows_stored_top_down() -> None:
    core = b"BM" + bytes(12) + struct.pack("<LHHHH", 12, 11, 13, 1, 24) + bytes(8)
    assert probe_image(core) == ImageHeader("bmp", 11, 13, 1)
    top_down = b"BM" + bytes(12) + struct.pack("<Lll", 40, 11, -13) + bytes(40)
    assert probe_image(top_down) == ImageHeader("bmp", 11, 13, 1)


def needed(data: bytes, *, complete: bool = False) -> int:
    """How many bytes are asked for; 0 if the head suffices."""
    try:
        probe_image(data, complete=complete)
    except NeedMoreBytes as missing:
        return missing.at_least
    return 0


def test_asks_for_as_much_as_it_needs() -> None:
    for data in (saved("JPEG", icc_profile=b"x" * 300_000), saved("TIFF", size=(300, 300)), saved("PNG")):
        length = 16
        for _ in range(20):
            wanted = needed(data[:length])
            assert not wanted or length < wanted <= len(data)
            length = wanted or length
        assert probe_image(data[:length]) == as_pillow_says(data)


@pytest.mark.parametrize("at", [2, 20])
def test_jpeg_fill_and_lone_markers_are_skipped(at: int) -> None:
    data = saved("JPEG")
    for fill in (b"\xff", b"\xff" * 300_000, b"\xff\xd3", b"\xff\xff\x01\xff\xd7\xff" * 1_000):
        assert probe_image(data[:at] + fill + data[at:]) == ImageHeader("jpeg", 37, 23, 1)


@pytest.mark.parametrize("between", [b"\xff" * (2 << 20), b"\xff\xd0" * (1 << 20), b"\xff\xe0\0\2" * 10_000])
def test_the_search_for_a_jpeg_frame_ends(between: bytes) -> None:
    started = time.monotonic()
    with pytest.raises(UnreadableImage, match="JPEG with"):
        probe_image(b"\xff\xd8" + between)
    assert time.monotonic() - started < 0.5


def test_sides_have_a_limit() -> None:
    def big_tiff(side: int) -> bytes:
        entries = b"".join(struct.pack("<HHQQ", tag, 16, 1, side) for tag in (256, 257))
        return b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, 2) + entries

    assert probe_image(big_tiff(2**31 - 1)).width == 2**31 - 1
    for side in (2**31, 2**63, 2**64 - 1):
        with pytest.raises(UnreadableImage, match=f"TIFF of {side} x {side} pixels"):
            probe_image(big_tiff(side))


@pytest.mark.parametrize("big", [False, True])
def test_a_directory_can_be_moved_to_the_front(big: bool) -> None:
    data = saved("TIFF", big_tiff=big, exif=exif(5), size=(300, 200))
    offset = directory_offset(data[:16])
    assert offset is not None
    count = 8 if big else 4
    late = data[:count] + (len(data)).to_bytes(count, "little") + data[2 * count :] + data[offset:]
    assert directory_offset(late) == len(data)
    assert probe_image(with_directory(late[:16], late[len(data) :])) == as_pillow_says(data)


@pytest.mark.parametrize("head", [b"", b"II*\0\x08", b"\xff\xd8" + bytes(20), b"II+\0" + bytes(8)])
def test_what_is_no_tiff_has_no_directory(head: bytes) -> None:
    assert directory_offset(head) is None


def test_webp_wants_its_end_only_for_a_promised_orientation() -> None:
    data = saved("WEBP", size=(400, 400), exif=exif(3))
    with pytest.raises(NeedMoreBytes) as caught:
        probe_image(data[:64])
    assert caught.value.at_least == len(data)
    assert probe_image(data[:64], complete=True) == ImageHeader("webp", 400, 400, 1)
    assert probe_image(saved("WEBP", size=(400, 400))[:64]) == ImageHeader("webp", 400, 400, 1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>", "starts like HTML, not an image"),
        (b'\n {"error": 1}', "starts like JSON, not an image"),
        (bytes(100), "starts with zero bytes only"),
        (b"hello there", "is of no known image format"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "PNG without IHDR"),
        (b"\xff\xd8\xff\xd9\x00\x00", "JPEG ends before its frame header"),
        (b"\xff\xd8\xff\xda\x00\x08", "JPEG whose pixels come before its frame header"),
        (b"\xff\xd8\x00\x00\x00\x00", "JPEG with other bytes where a segment should start"),
        (b"\xff\xd8\xff\xe0\x00\x01", "JPEG with a segment shorter than its own length field"),
        (b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x00\x00\x10", "JPEG of 16 x 0 pixels"),
        (b"RIFF\0\0\0\0WAVE" + bytes(30), "RIFF file that is not WebP"),
        (b"RIFF\0\0\0\0WEBPxxxx" + bytes(30), "WebP without an image chunk"),
        (b"GIF8" + bytes(30), "GIF of an unknown version"),
        (b"BM" + bytes(30), "BMP with an unknown header of 0 bytes"),
        (b"II*\0\x08\0\0\0\0\0", "TIFF directory of 0 entries"),
        (b"II*\0\x08\0\0\0\x01\0" + bytes(12), "TIFF without a width or a height"),
    ],
)
def test_says_what_is_wrong(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage) as caught:
        probe_image(data)
    assert caught.value.reason == reason


@pytest.mark.parametrize("image_format", list(MODES))
def test_every_cut(image_format: str) -> None:
    """A shorter head of a file gives the same answer, or asks for more; as a whole file it is called broken."""
    data = saved(image_format, "L")
    whole = probe_image(data)
    for length in range(10, min(len(data), 700)):
        wanted = needed(data[:length])
        if wanted:
            assert length < wanted <= len(data)
            with pytest.raises(UnreadableImage, match="is cut off"):
                probe_image(data[:length], complete=True)
        else:
            assert probe_image(data[:length]) == whole


STARTS = [saved(name, "L")[:400] for name in MODES] + [saved("TIFF", big_tiff=True)[:60], b"MM\0*", b"MM\0+"]
STARTS += [saved(name, exif=exif(6))[:400] for name in ("JPEG", "PNG", "WEBP")]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(STARTS), st.data(), st.booleans())
def test_never_raises_anything_else(start: bytes, data: st.DataObject, complete: bool) -> None:
    damaged = bytearray(start)
    for _ in range(data.draw(st.integers(0, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    head = bytes(damaged[: data.draw(st.integers(0, len(damaged)))]) + data.draw(st.binary(max_size=40))
    try:
        wanted = needed(head, complete=complete)
        header = None if wanted else probe_image(head, complete=complete)
    except UnreadableImage:
        return
    assert wanted == 0 or (wanted > len(head) and not complete)
    assert header is None or (header.width > 0 < header.height and 1 <= header.orientation <= 8)
