"""Pictures that look like photographs to a perceptual hash, and what people do to pictures without changing them."""

import io
import random
from collections.abc import Callable, Mapping

from PIL import Image, ImageEnhance

_SPOTS = 14
SIZE = (320, 240)


def picture(seed: int) -> Image.Image:
    """A picture of soft spots of all colours, another one for each seed."""
    pixels = random.Random(seed).randbytes(_SPOTS * _SPOTS * 3)
    return Image.frombytes("RGB", (_SPOTS, _SPOTS), pixels).resize(SIZE, Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """The file that Pillow makes of it."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def sideways(image: Image.Image) -> bytes:
    """Pixels that lie on their side, and EXIF that turns them upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(image.transpose(Image.Transpose.ROTATE_90), exif=exif, quality=90)


SAME: Mapping[str, Callable[[Image.Image], bytes]] = {
    "poor": lambda image: encoded(image, quality=20),
    "progressive": lambda image: encoded(image, progressive=True, quality=60),
    "png": lambda image: encoded(image, "PNG"),
    "webp": lambda image: encoded(image, "WEBP", quality=50),
    "half": lambda image: encoded(image.resize((SIZE[0] // 2, SIZE[1] // 2))),
    "double": lambda image: encoded(image.resize((SIZE[0] * 2, SIZE[1] * 2))),
    "square": lambda image: encoded(image.resize((224, 224))),
    "brighter": lambda image: encoded(ImageEnhance.Brightness(image).enhance(1.1), quality=85),
    "less contrast": lambda image: encoded(ImageEnhance.Contrast(image).enhance(0.8), quality=85),
    "gray": lambda image: encoded(image.convert("L"), quality=85),
    "with alpha": lambda image: encoded(image.convert("RGBA"), "PNG"),
    "sideways": sideways,
}
"""What leaves a picture nearly the same."""
