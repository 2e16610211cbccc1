"""Looks at one image with Pillow, and at JPEGs with libjpeg-turbo, which tells of damage that Pillow passes over.

It imports nothing of ours, as it is also run as a program: it reads images from its input, the size of each in eight
bytes before it, and answers each with a line of JSON, `{"kind": …, "reason": …, "likeness": …}`.
"""

import contextlib
import io
import json
import re
import struct
import sys
import warnings
from typing import BinaryIO, NamedTuple

import numpy as np
import simplejpeg
from PIL import Image, ImageFile, UnidentifiedImageError

SIZE = struct.Struct(">Q")
_JPEG, _END_OF_JPEG = b"\xff\xd8", b"\xff\xd9"
_DAMAGE = ("Corrupt JPEG data", "Premature end of JPEG")
_SHOWN_CHARACTERS = 200
_OBJECT = re.compile(r"<[^<>]* at 0x[0-9a-f]+>")


_SIDE, _FREQUENCIES, _LEAST_DRAFT = 32, 8, 128
_COSINES = np.cos(np.pi / (2 * _SIDE) * np.outer(np.arange(_FREQUENCIES), 2 * np.arange(_SIDE) + 1))
_NOISE = _SIDE / 2
"""How strong a frequency is, if neighbouring pixels differ by one level of gray at random."""
_LEAST_STRENGTH = 4 * _NOISE
"""Photographs are at 16 and more; gradients, black tiles and a spot in the dark below 4."""
_PLAIN_MODES, _DEEP_MODES = ("L", "RGB"), ("I", "F")
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Seen(NamedTuple):
    """What an image shows: what is wrong with it, one of FlawKind or "", and what it looks like, see `likeness`."""

    kind: str
    reason: str
    likeness: int | None = None


def inspect(data: bytes, *, most_pixels: int) -> Seen:
    """What the image shows; its kind is empty where every pixel can be decoded. Never raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _inspect(data, most_pixels)
    except UnidentifiedImageError:
        return Seen("undecodable", "its format is not known, or its header is broken")
    except MemoryError:
        return Seen("not-decoded", "it takes more memory than a decoder has")
    except Exception as error:  # noqa: BLE001 - decoders of hostile bytes raise whatever comes to them
        return Seen("undecodable", _words(error))


def _inspect(data: bytes, most_pixels: int) -> Seen:
    Image.MAX_IMAGE_PIXELS = None  # refused here, and in our own words
    with Image.open(io.BytesIO(data)) as image:
        pixels = image.width * image.height
        if pixels > most_pixels:
            return Seen("not-decoded", f"it has {pixels} pixels, and up to {most_pixels} are decoded")
        found = _jpeg(data, image) if data.startswith(_JPEG) else _verified(data) or _loaded(image)
        return found or Seen("", "", _likeness_or_none(image))


def _verified(data: bytes) -> Seen | None:
    """What trainers notice: a PNG's chunks are checked, of other formats nothing."""
    with Image.open(io.BytesIO(data)) as image:
        try:
            image.verify()
        except Exception as error:  # noqa: BLE001 - see inspect
            words = _words(error)
            return Seen("checksum" if "checksum" in words or "broken PNG" in words else "truncated", words)
    return None


def _loaded(image: ImageFile.ImageFile) -> Seen | None:
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - see inspect
        return Seen("damaged", _words(error))
    return None


def _jpeg(data: bytes, image: ImageFile.ImageFile) -> Seen | None:
    """Decoded to an eighth of its size, or what is looked at: every coefficient is read, and little memory is taken."""
    with contextlib.suppress(Exception):
        image.draft("L", (_drafted(image.width), _drafted(image.height)))
    if found := _loaded(image):
        return found if data.endswith(_END_OF_JPEG) else Seen("truncated", found.reason)
    try:
        colours = simplejpeg.decode_jpeg_header(data)[2]
        simplejpeg.decode_jpeg(data, colorspace="CMYK" if colours in ("CMYK", "YCCK") else "GRAY", min_factor=8)
    except ValueError as error:
        if (words := _words(error)).startswith(_DAMAGE):
            return Seen("damaged", words)
    return None


def _drafted(side: int) -> int:
    return max(side // 8, min(side, _LEAST_DRAFT))


def _likeness_or_none(image: Image.Image) -> int | None:
    with contextlib.suppress(Exception):  # an unusual image that is sound, but nobody knows how to make gray
        return likeness(image)
    return None


def likeness(image: Image.Image) -> int | None:
    """64 bits of which few change when the image is resized, compressed or brightened; None where it is nearly flat.

    The perceptual hash of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), 3.2.1:
    the lowest frequencies of a small gray image, each compared with their median. Here with those along one side too.
    """
    gray = _gray(image)
    strengths = np.round(_COSINES @ gray @ _COSINES.T).ravel()
    if np.median(np.abs(strengths[1:])) < _LEAST_STRENGTH:
        return None
    bits = strengths > np.median(strengths[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _gray(image: Image.Image) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """The image as it is shown, small and gray, from 0 to 255; more than 8 bits are taken from darkest to brightest."""
    turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    deep = image.mode.startswith(_DEEP_MODES)
    plain = image if image.mode in _PLAIN_MODES else image.convert("F" if deep else "RGB")
    small = plain.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    small = small if deep else small.convert("L")
    gray = np.asarray(small if turn is None else small.transpose(turn), dtype=np.float64)
    if deep:
        gray = (gray - gray.min()) * (255 / max(np.ptp(gray), 1e-9))
    return gray


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
        seen = inspect(_exactly(source, SIZE.unpack(head)[0]), most_pixels=most_pixels)
        answers.write(json.dumps(seen._asdict()).encode() + b"\n")
        answers.flush()


def _exactly(source: BinaryIO, size: int) -> bytes:
    return source.read(size)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
