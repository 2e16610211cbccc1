"""The sparse archive, scaled down, as other programs read it."""

import shutil
import subprocess
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from shared.formats.images.probe import probe_image
from tests.bench.huge_archive import MOST_ROWS, HugeRequest, HugeTruth, read_truth, write_huge
from tests.bench.huge_floors import image_offsets

IMAGES, IMAGE_BYTES = 300, 50_000


@pytest.fixture(scope="module", params=[False, True], ids=["labels behind", "interleaved"])
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, HugeTruth]:
    path = tmp_path_factory.mktemp("huge") / "huge.zip"
    truth = write_huge(path, HugeRequest(IMAGES, IMAGES * IMAGE_BYTES, interleaved=request.param))
    return path, truth


def test_zipfile_finds_every_member_with_a_true_crc(archive: tuple[Path, HugeTruth]) -> None:
    path, truth = archive
    with zipfile.ZipFile(path) as found:
        assert found.testzip() is None
        names = found.namelist()
        kinds = Counter(name.split("/")[0] for name in names if "/" in name)
        assert kinds == {"images": IMAGES, "labels": IMAGES}
        assert len(set(names)) == len(names)
        assert truth.images_by_split == {"train": IMAGES * 9 // 10, "val": IMAGES // 10}
        images = [one for one in found.infolist() if one.filename.startswith("images/")]
        assert truth.image_bytes == sum(one.file_size for one in images)
        assert len({(one.CRC, one.file_size) for one in images}) == IMAGES
        assert image_offsets(path, truth) == sorted(one.header_offset for one in images)


def test_unzip_agrees(archive: tuple[Path, HugeTruth]) -> None:
    if not shutil.which("unzip"):
        pytest.skip("there is no unzip here")
    assert subprocess.run(["unzip", "-tqq", str(archive[0])], check=False, capture_output=True).returncode == 0


def test_labels_have_the_rows_that_were_counted(archive: tuple[Path, HugeTruth]) -> None:
    path, truth = archive
    with zipfile.ZipFile(path) as found:
        labels = [found.read(name).decode().splitlines() for name in found.namelist() if name.startswith("labels/")]
    categories = Counter(int(row.split()[0]) for rows in labels for row in rows)
    assert sum(categories.values()) == truth.annotations
    assert [categories[number] for number in range(len(truth.annotations_by_category))] == truth.annotations_by_category
    assert {len(rows) for rows in labels} == set(range(1, MOST_ROWS + 1))


def test_samples_are_where_the_truth_says_and_start_like_jpegs(archive: tuple[Path, HugeTruth]) -> None:
    path, truth = archive
    with zipfile.ZipFile(path) as found, path.open("rb") as file:
        for sample in truth.samples:
            data = found.read(sample.path)
            file.seek(sample.offset)
            assert file.read(sample.size_bytes) == data
            header = probe_image(data[:4096])
            assert (header.format, header.width, header.height) == ("jpeg", sample.width, sample.height)


def test_it_takes_one_block_per_image_and_about_the_size_asked_for(archive: tuple[Path, HugeTruth]) -> None:
    path, truth = archive
    assert truth.image_bytes == pytest.approx(IMAGES * IMAGE_BYTES, rel=0.1)
    assert path.stat().st_blocks * 512 < IMAGES * 6000


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    request = HugeRequest(20, 20 * 8192)
    truths = [write_huge(tmp_path / name, request) for name in ("one.zip", "two.zip")]
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert truths[0] == truths[1] == read_truth(tmp_path / "one.zip")
