"""Descriptions of datasets (data.yaml) that are missing, broken or hostile, and such in odd places."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.factories.archives import spoil_crc, zip_of
from tests.factories.broken import CONFIG, around
from tests.factories.import_outcomes import GOOD, about, failed, succeeded
from tests.factories.yard import Yard

MIB = 2**20
OWNED = Path(tempfile.gettempdir()) / "datayard-owned"
YAMLS: Mapping[str, tuple[bytes | None, str, str]] = {
    "python tag": (
        CONFIG + b"x: !!python/object/apply:os.system ['touch %s']\n" % bytes(OWNED),
        "bad-configuration",
        "Python",
    ),
    "alias bomb": (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(12))
        + CONFIG,
        "bad-configuration",
        "aliases",
    ),
    "deep": (b"x: " + b"[" * 5000 + b"]" * 5000 + b"\n" + CONFIG, "bad-configuration", "levels"),
    "broken": (b"names: [a, b\ntrain: {", "bad-configuration", "data.yaml"),
    "not text": (b"\xff\xfe\x00names", "bad-configuration", "data.yaml"),
    "no names": (b"train: images/train\n", "bad-configuration", "names"),
    "a list": (b"- a\n- b\n", "bad-configuration", "map"),
    "too many names": (b"train: images/train\nnc: 100000000\n", "bad-configuration", "nc"),
    "large": (b"#" * (6 * MIB) + b"\n" + CONFIG, "bad-configuration", "larger"),
    "empty": (b"", "bad-configuration", "empty"),
}


@pytest.mark.parametrize("case", YAMLS)
async def test_a_description_that_cannot_be_used(yard: Yard, tmp_path: Path, case: str) -> None:
    data, slug, words = YAMLS[case]
    members = around({})
    del members["data.yaml"]
    zip_of(tmp_path / "a.zip", members | ({"data.yaml": data} if data is not None else {}))

    error = await failed(yard, tmp_path / "a.zip")

    assert error["type"] == f"/problems/{slug}"
    assert words in error["detail"]
    assert "a.zip" in error["detail"]
    assert slug != "bad-configuration" or error["file"] == "data.yaml"
    assert not OWNED.exists()


@pytest.mark.parametrize("data", [None, b"train: pictures/none\nnames: [person, car, traffic light]\n", b"a: b\n"])
async def test_without_a_description_that_leads_to_images_folders_tell(
    yard: Yard, tmp_path: Path, data: bytes | None
) -> None:
    members = around({})
    del members["data.yaml"]
    zip_of(tmp_path / "a.zip", members | ({"data.yaml": data} if data is not None else {}))

    images, findings = await succeeded(yard, tmp_path / "a.zip")

    assert {name: (one["split"], len(one["annotations"])) for name, one in images.items()} == {
        "images/train/good.jpg": ("train", 1),
        "images/val/last.jpg": ("val", 1),
    }
    rule, file = (
        ("YAML_PATH_UNRESOLVED", "data.yaml") if data and b"names" in data else ("NAME_UNKNOWN", "labels/train")
    )
    assert {one for one in about(findings) if not one[0].startswith("SET_")} == {(rule, file)}


async def test_a_description_with_a_wrong_checksum_is_named(yard: Yard, tmp_path: Path) -> None:
    zip_of(tmp_path / "a.zip", around({}))
    spoil_crc(tmp_path / "a.zip", "data.yaml")

    error = await failed(yard, tmp_path / "a.zip")

    assert (error["type"], error["file"]) == ("/problems/bad-configuration", "data.yaml")


async def test_a_broken_file_beside_the_description_harms_nothing(yard: Yard, tmp_path: Path) -> None:
    """A candidate that cannot be read is passed over like one that cannot be used."""
    members = around({})
    del members["data.yaml"]
    zip_of(tmp_path / "a.zip", {"aaa.yaml": b"x: 1\n", **members, "zoo.yaml": CONFIG})
    spoil_crc(tmp_path / "a.zip", "aaa.yaml")

    images, findings = await succeeded(yard, tmp_path / "a.zip")

    assert set(images) == GOOD
    assert ("ARCHIVE_CRC", "aaa.yaml") in about(findings)


@pytest.mark.parametrize("folder", ["ü" * 200, "/".join(["d" * 90] * 10), "🦝" * 120])
async def test_a_description_in_a_folder_with_a_long_name(yard: Yard, tmp_path: Path, folder: str) -> None:
    zip_of(tmp_path / "a.zip", {f"{folder}/{name}": data for name, data in around({}).items()})

    images, _ = await succeeded(yard, tmp_path / "a.zip")

    assert set(images) == {f"{folder}/{name}" for name in GOOD}
