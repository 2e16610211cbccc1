"""What a dataset may come as: every kind of archive or a folder, with names of any sort and sparse files."""

import io
import tarfile
import unicodedata
from pathlib import Path

import pytest

from tests.factories.archives import jpeg_bytes
from tests.factories.broken import CONFIG, ROW, tar_member, tar_of
from tests.factories.raw_zip import RawMember, raw_zip
from tests.factories.source_kinds import KINDS, STORAGES, check, dataset, rules, served
from tests.factories.yard import Yard


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_gives_the_dataset(small_yard: Yard, tmp_path: Path, kind: str, storage: str) -> None:
    files = dataset()
    source = KINDS[kind](tmp_path / "source", files)
    status = await check(small_yard, source.as_uri(), files, storage=storage)
    assert await rules(small_yard, status) == []


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("kind", ["zip of many methods", "tar.zst", "folder"])
async def test_labels_first(index_yard: Yard, tmp_path: Path, kind: str, storage: str) -> None:
    files = dataset()
    await check(index_yard, str(KINDS[kind](tmp_path / "source", files)), files, storage=storage)


# -- names


@pytest.mark.parametrize("kind", ["zip", "tar"])
async def test_names_in_shift_jis(small_yard: Yard, tmp_path: Path, kind: str) -> None:
    files = {f"images/train/写真の犬{number}.jpg": jpeg_bytes(40, 30, seed=number) for number in range(4)}
    files |= {f"labels/train/写真の犬{number}.txt": ROW for number in range(4)} | {"data.yaml": CONFIG}
    if kind == "zip":
        members = [RawMember(name.encode("cp932"), data) for name, data in files.items()]
        source = raw_zip(tmp_path / "set.zip", members)
    else:
        source = tmp_path / "set.tar"
        with tarfile.open(source, "w", format=tarfile.GNU_FORMAT, encoding="cp932") as archive:
            for name, data in files.items():
                archive.addfile(tar_member(name, size=len(data)), io.BytesIO(data))
    status = await check(small_yard, source.as_uri(), files)
    found = await small_yard.report(status["job_id"], rule="ARCHIVE_NAME_ENCODING")
    assert len(found) == 8
    assert all("Shift-JIS was assumed" in one["message"] for one in found)


@pytest.mark.parametrize("kind", ["zip", "tar", "folder"])
async def test_labels_in_the_other_normal_form(small_yard: Yard, tmp_path: Path, kind: str) -> None:
    """As where images were packed on a Mac, and labels elsewhere."""
    decomposed, composed = (unicodedata.normalize(form, "café") for form in ("NFD", "NFC"))
    assert decomposed != composed
    files = {
        f"images/train/{decomposed}.jpg": jpeg_bytes(40, 30, seed=1),
        f"images/train/{composed}-2.jpg": jpeg_bytes(40, 30, seed=2),
        f"labels/train/{composed}.txt": ROW,
        f"labels/train/{decomposed}-2.txt": ROW * 2,
        "data.yaml": CONFIG.replace(b"val: images/val\n", b""),
    }
    status = await small_yard.imported(KINDS[kind](tmp_path / "set", files))
    found = await served(small_yard, status)
    assert {path: facts[1:] for path, facts in found.items()} == {
        f"images/train/{decomposed}.jpg": (ROW, 1),
        f"images/train/{composed}-2.jpg": (ROW * 2, 2),
    }
    assert await rules(small_yard, status, but=("SET_", "ROW_DUPLICATE")) == [
        ("PAIR_NAME_FORM", f"labels/train/{decomposed}-2.txt"),
        ("PAIR_NAME_FORM", f"labels/train/{composed}.txt"),
    ]


# -- sparse files


@pytest.mark.parametrize("storage", STORAGES)
async def test_a_sparse_member_of_a_tar(small_yard: Yard, tmp_path: Path, storage: str) -> None:
    """GNU tar leaves out the holes of a file: here those of a label, and of an image behind its end."""
    files = dataset()
    image = jpeg_bytes(60, 40, seed=7) + bytes(200_000) + b"tail!\xff\xd9"
    files["images/val/holes.jpg"] = image
    files["labels/val/holes.txt"] = ROW
    source = tar_of(tmp_path / "set.tar", {name: data for name, data in files.items() if "holes.jpg" not in name})
    add_sparse(source, "images/val/holes.jpg", image)
    status = await check(small_yard, source.as_uri(), files, storage=storage)
    assert await rules(small_yard, status) == []


def add_sparse(path: Path, name: str, data: bytes) -> None:
    """Append a sparse member in the pax format 1.0, with one hole: the run of zeros before the last seven bytes."""
    end = len(data) - 7
    start = len(data[:end].rstrip(b"\0")) + 512
    listed = f"2\n0\n{start}\n{end}\n{len(data) - end}\n".encode()
    content = listed.ljust(512, b"\0") + data[:start] + data[end:]
    with tarfile.open(path, "a", format=tarfile.PAX_FORMAT) as archive:
        member = tar_member(f"GNUSparseFile.0/{Path(name).name}", size=len(content))
        member.pax_headers = {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": name,
            "GNU.sparse.realsize": str(len(data)),
        }
        archive.addfile(member, io.BytesIO(content))
