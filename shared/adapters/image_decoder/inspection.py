"""Looks at one image with Pillow, and at JPEGs with libjpeg-turbo, which tells of damage that Pillow passes over.

It imports nothing of ours, as it is also run as a program: it reads images from its input, the size of each in eight
bytes before it, and answers each with a line of JSON, `null` or `{"kind": …, "reason": …}`.
"""

import contextlib
import io
import json
import re
import struct
import sys
import warnings
from typing import BinaryIO, NamedTuple

import simplejpeg
from PIL import Image, ImageFile, UnidentifiedImageError

SIZE = struct.Struct(">Q")
_JPEG, _END_OF_JPEG = b"\xff\xd8", b"\xff\xd9"
_DAMAGE = ("Corrupt JPEG data", "Premature end of JPEG")
_SHOWN_CHARACTERS = 200
_OBJECT = re.compile(r"<[^<>]* at 0x[0-9a-f]+>")


class Found(NamedTuple):
    """What is wrong with an image; `kind` is one of FlawKind."""

    kind: str
    reason: str


def inspect(data: bytes, *, most_pixels: int) -> Found | None:
    """What is wrong with the image; None where every pixel can be decoded. Never raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _inspect(data, most_pixels)
    except UnidentifiedImageError:
        return Found("undecodable", "its format is not known, or its header is broken")
    except MemoryError:
        return Found("not-decoded", "it takes more memory than a decoder has")
    except Exception as error:  # noqa: BLE001 - decoders of hostile bytes raise whatever comes to them
        return Found("undecodable", _words(error))


def _inspect(data: bytes, most_pixels: int) -> Found | None:
    Image.MAX_IMAGE_PIXELS = None  # refused here, and in our own words
    with Image.open(io.BytesIO(data)) as image:
        pixels = image.width * image.height
        if pixels > most_pixels:
            return Found("not-decoded", f"it has {pixels} pixels, and up to {most_pixels} are decoded")
        if data.startswith(_JPEG):
            return _jpeg(data, image)
        if found := _verified(data):
            return found
        return _loaded(image)


def _verified(data: bytes) -> Found | None:
    """What trainers notice: a PNG's chunks are checked, of other formats nothing."""
    with Image.open(io.BytesIO(data)) as image:
        try:
            image.verify()
        except Exception as error:  # noqa: BLE001 - see inspect
            words = _words(error)
            return Found("checksum" if "checksum" in words or "broken PNG" in words else "truncated", words)
    return None


def _loaded(image: ImageFile.ImageFile) -> Found | None:
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - see inspect
        return Found("damaged", _words(error))
    return None


def _jpeg(data: bytes, image: ImageFile.ImageFile) -> Found | None:
    """Decoded to an eighth of its size: every coefficient is read, and next to no memory is taken."""
    with contextlib.suppress(Exception):
        image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
    if found := _loaded(image):
        return found if data.endswith(_END_OF_JPEG) else Found("truncated", found.reason)
    try:
        colours = simplejpeg.decode_jpeg_header(data)[2]
        simplejpeg.decode_jpeg(data, colorspace="CMYK" if colours in ("CMYK", "YCCK") else "GRAY", min_factor=8)
    except ValueError as error:
        if (words := _words(error)).startswith(_DAMAGE):
            return Found("damaged", words)
    return None


def _words(error: Exception) -> str:
    """What the decoder says, without the addresses of objects, which are different every time."""
    return _OBJECT.sub("the image", f"{error}")[:_SHOWN_CHARACTERS] or type(error).__name__


def main(most_pixels: int, memory_bytes: int) -> None:
    """Answer until the input ends, within so much memory where the system can see to that."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    source, answers = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(SIZE.size):
        found = inspect(_exactly(source, SIZE.unpack(head)[0]), most_pixels=most_pixels)
        answers.write(json.dumps(found._asdict() if found else None).encode() + b"\n")
        answers.flush()


def _exactly(source: BinaryIO, size: int) -> bytes:
    return source.read(size)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
