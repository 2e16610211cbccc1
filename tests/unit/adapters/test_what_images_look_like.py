"""The perceptual hash of images: it stays when a picture is saved anew, and tells pictures apart."""

from itertools import combinations

import pytest
from PIL import Image

from shared.adapters.image_decoder.inspection import inspect
from shared.features.imports.likeness.near import MOST_BITS
from tests.factories.odd_images import turned, zeroed
from tests.factories.pictures import SAME, encoded, picture

MOST_PIXELS = 1 << 22
PICTURES = 12


def hash_of(data: bytes) -> int | None:
    return inspect(data, most_pixels=MOST_PIXELS).likeness


def hash_in(data: bytes) -> int:
    found = hash_of(data)
    assert found is not None
    return found


@pytest.mark.parametrize("change", SAME)
def test_a_picture_that_is_saved_anew_looks_the_same(change: str) -> None:
    far = []
    for seed in range(PICTURES):
        original = hash_in(encoded(picture(seed), quality=90))
        far.append((original ^ hash_in(SAME[change](picture(seed)))).bit_count())
    assert sorted(far)[-2] <= MOST_BITS
    assert max(far) <= MOST_BITS + 1


def test_pictures_differ() -> None:
    hashes = [hash_in(encoded(picture(seed))) for seed in range(PICTURES)]
    assert min((one ^ other).bit_count() for one, other in combinations(hashes, 2)) > 4 * MOST_BITS


def test_pictures_that_are_turned_on_display_look_as_they_are_displayed() -> None:
    lying = picture(1).transpose(Image.Transpose.ROTATE_90)
    upright, plain = hash_in(encoded(picture(1))), hash_in(encoded(lying))
    assert (plain ^ upright).bit_count() > 4 * MOST_BITS
    for kind in ("PNG", "WEBP", "TIFF"):
        assert (hash_in(encoded(lying, kind, exif=turned(6))) ^ upright).bit_count() <= MOST_BITS


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation(orientation: int) -> None:
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    image = picture(2).transpose(back[orientation]) if orientation in back else picture(2)
    found = hash_in(encoded(image, exif=turned(orientation), quality=90))
    assert (found ^ hash_in(encoded(picture(2), quality=90))).bit_count() <= MOST_BITS


FLAT = {
    "black": Image.new("RGB", (300, 200)),
    "noise in the dark": Image.effect_noise((300, 200), 3),
    "gradient": Image.linear_gradient("L"),
    "a spot": Image.new("L", (300, 200)),
    "16 bits of gray": Image.new("I;16", (300, 200), 900),
    "one pixel": Image.new("RGB", (1, 1), (9, 8, 7)),
}
FLAT["a spot"].paste(255, (30, 40, 36, 46))


@pytest.mark.parametrize("name", FLAT)
def test_of_flat_images_nothing_is_said(name: str) -> None:
    assert inspect(encoded(FLAT[name], "PNG"), most_pixels=MOST_PIXELS) == ("", "", None)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr", "LAB", "I", "F", "I;16"])
def test_every_kind_of_pixels(mode: str) -> None:
    image = picture(3).convert("I").convert(mode) if mode == "I;16" else picture(3).convert(mode)
    assert (hash_in(encoded(image, "TIFF")) ^ hash_in(encoded(picture(3)))).bit_count() <= MOST_BITS


def test_of_what_is_damaged_or_not_decoded_nothing_is_said() -> None:
    jpeg = encoded(picture(4), quality=90)
    for data in (zeroed(jpeg), jpeg[: len(jpeg) // 2], b"", b"<html>"):
        seen = inspect(data, most_pixels=MOST_PIXELS)
        assert seen.kind
        assert seen.likeness is None
    assert inspect(jpeg, most_pixels=1).likeness is None
