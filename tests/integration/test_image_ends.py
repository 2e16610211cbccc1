"""What is said of images that end early, late or oddly is the same on every road; and what decoding them all adds."""

from collections import defaultdict
from pathlib import Path

import pytest

from shared.formats.annotations.trainers.images import SeenImage, refusal
from shared.formats.annotations.trainers.ultralytics import RELEASES
from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import noise
from tests.factories.observed_images import observed_images
from tests.factories.odd_images import odd_images
from tests.factories.yard import Yard

CASES = {f"{name.replace(' ', '_')}": case for name, case in odd_images().items() if "megapixels" not in name}
ROW = b"0 .5 .5 .2 .2\n"
SAID: dict[str, set[str]] = {
    "jpeg_half": {"IMG_TRUNCATED"}, "jpeg_without_its_last_byte": {"IMG_TRUNCATED"},
    "jpeg_without_its_last_2_bytes": {"IMG_TRUNCATED"}, "jpeg_and_a_byte": {"IMG_TRAILING_BYTES"},
    "jpeg_and_5000_bytes": {"IMG_TRAILING_BYTES"},
    "jpeg_turned,_and_a_byte": {"IMG_TRAILING_BYTES", "IMG_EXIF_ROTATED"},
    "png_half": {"IMG_TRUNCATED"}, "png_without_its_last_12_bytes": {"IMG_TRUNCATED"},
    "webp_half": {"IMG_TRUNCATED"}, "webp_without_its_last_byte": {"IMG_TRUNCATED"},
    "webp_without_its_last_2_bytes": {"IMG_TRUNCATED"},
    "bmp_half": {"IMG_DAMAGED"}, "bmp_without_its_last_byte": {"IMG_DAMAGED"},
    "bmp_without_its_last_2_bytes": {"IMG_DAMAGED"},
    "gif": {"IMG_FORMAT", "IMG_EXT_MISMATCH"}, "ppm": {"IMG_FORMAT", "IMG_EXT_MISMATCH"},
    "ico": {"IMG_FORMAT", "IMG_EXT_MISMATCH"}, "tga": {"IMG_FORMAT", "IMG_EXT_MISMATCH"},
    "svg": {"IMG_FORMAT", "IMG_EXT_MISMATCH"}, "png_named_jpg": {"IMG_EXT_MISMATCH"},
    "avif": {"IMG_NOT_MEASURED"}, "jp2": {"IMG_NOT_MEASURED"},
    "avif_named_jpg": {"IMG_NOT_MEASURED", "IMG_EXT_MISMATCH"},
    "empty": {"IMG_UNREADABLE"}, "html": {"IMG_UNREADABLE"}, "json": {"IMG_UNREADABLE"},
    "png_16_gray": {"IMG_BITDEPTH"}, "png_16_rgb": {"IMG_BITDEPTH"}, "tiff_16_gray": {"IMG_BITDEPTH"},
    "tiff_float": {"IMG_BITDEPTH"}, "tiff_cut,_turned": {"IMG_EXIF_ROTATED"},
    **{f"{kind}_orientation_{turn}": {"IMG_EXIF_ROTATED"}
       for kind in ("jpeg", "png", "webp", "tiff") for turn in (3, 5, 6, 7, 8)},
    "178_956_980_pixels": {"IMG_TOO_LARGE"},
    **{size: {"IMG_TOO_SMALL"} for size in ("9_x_20", "20_x_9", "9_x_9", "1_x_1")},
}  # fmt: skip
ADDED_BY_DECODING = {
    "png_wrong_crc": "IMG_CHECKSUM", "jpeg_zeroed": "IMG_DAMAGED", "tiff_half": "IMG_DAMAGED",
    "tiff_cut,_turned": "IMG_DAMAGED", "tiff_without_its_last_byte": "IMG_DAMAGED",
    "tiff_without_its_last_2_bytes": "IMG_DAMAGED", "svg": "IMG_UNDECODABLE",
    "178_956_970_pixels": "IMG_NOT_DECODED", "178_956_980_pixels": "IMG_NOT_DECODED",
}  # fmt: skip
ROADS = {
    "objects": {"storage": "objects"}, "packed": {"storage": "packed"},
    "in place": {"storage": "packed", "in_place": True},
}  # fmt: skip


def members() -> dict[str, bytes]:
    files = {"data.yaml": b"train: images\nval: images\nnames: [a]\n"}
    for name, (file, data) in CASES.items():
        files[f"images/{name}.{file.rpartition('.')[2]}"] = data
        files[f"labels/{name}.txt"] = ROW
    return files


async def said(yard: Yard, job_id: str) -> dict[str, set[str]]:
    """The rules about images, by case, without those about images that are like others: all cases are one picture."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in await yard.report(job_id):
        if one["rule"].startswith("IMG_") and one["rule"] not in ("IMG_DUP_CONTENT", "IMG_NEAR_DUP"):
            found[Path(one["file"]).stem].add(one["rule"])
    return dict(found)


@pytest.mark.parametrize("compression", [0, 8], ids=["stored", "deflated"])
@pytest.mark.parametrize("road", ROADS)
async def test_the_same_is_said_on_every_road(yard: Yard, tmp_path: Path, road: str, compression: int) -> None:
    path = zip_of(tmp_path / "a.zip", members(), compression=compression)
    status = await yard.imported(path, **ROADS[road])

    assert status["state"] == "succeeded", status["error"]
    assert await said(yard, status["job_id"]) == SAID
    await _agrees_with_trainers(yard, status["job_id"], set())


@pytest.mark.parametrize("road", ROADS)
async def test_decoding_finds_what_headers_do_not_show(yard: Yard, tmp_path: Path, road: str) -> None:
    path = zip_of(tmp_path / "a.zip", members())
    status = await yard.imported(path, deep=True, **ROADS[road])

    expected = {name: set(rules) for name, rules in SAID.items()}
    for name, rule in ADDED_BY_DECODING.items():
        expected.setdefault(name, set()).add(rule)
    assert await said(yard, status["job_id"]) == expected
    await _agrees_with_trainers(yard, status["job_id"], {"png_wrong_crc"})


async def _agrees_with_trainers(yard: Yard, job_id: str, known_by_decoding: set[str]) -> None:
    """The images a release keeps are those it was observed to keep; only a PNG's checksum is not seen in passing."""
    report = (await yard.api.get(f"/datasets/import/{job_id}/report?limit=1")).json()
    for release in RELEASES:
        kept = {case.name.replace(" ", "_") for case in observed_images() if case.said_by(release) != "dropped"}
        kept |= {"png_wrong_crc"} - known_by_decoding
        assert report["trainers"][f"ultralytics@{release}"]["images_kept"] == len(kept & CASES.keys()), release
        assert report["trainers"][f"ultralytics@{release}"]["images_rewritten"] == 3


async def test_large_images_that_end_oddly(yard: Yard, tmp_path: Path) -> None:
    jpeg, filler = jpeg_bytes(40, 30, seed=1), noise(9 << 20).replace(b"\xff", b"\xfe")
    cut = jpeg[:-2] + filler
    files = {"data.yaml": b"train: images\nval: images\nnames: [a]\n", "images/late.jpg": jpeg + filler,
             "images/cut.jpg": cut, "images/whole.jpg": jpeg + filler + b"\xff\xd9"}  # fmt: skip
    path = zip_of(tmp_path / "a.zip", files, compression=0)
    for options in ROADS.values():
        status = await yard.imported(path, **options)
        assert await said(yard, status["job_id"]) == {"late": {"IMG_TRAILING_BYTES"}, "cut": {"IMG_TRUNCATED"}}


def test_a_release_between_two_is_not_asked() -> None:
    assert refusal(SeenImage("jpg", "jpeg", 10, 10), "8.0.0") is None
