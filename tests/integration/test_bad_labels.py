"""Labels that are huge or nonsense: findings name them, and their neighbours are imported."""

import zipfile
from pathlib import Path

import pytest

from shared.formats.annotations.model import RowLimits
from shared.foundation.settings import LimitSettings
from tests.factories.archives import zip_of
from tests.factories.broken import ROW, around, noise
from tests.factories.import_outcomes import GOOD, IMAGE, about, succeeded
from tests.factories.yard import Yard

MIB = 2**20


async def _with_label(yard: Yard, path: Path, data: bytes, **options: object) -> tuple[dict, list[dict]]:
    zip_of(path, around({"images/train/x.jpg": IMAGE, "labels/train/x.txt": data}))
    images, findings = await succeeded(yard, path, **options)
    assert set(images) == GOOD | {"images/train/x.jpg"}
    assert [len(images[name]["annotations"]) for name in sorted(GOOD)] == [1, 1]
    return images["images/train/x.jpg"], findings


async def test_a_label_of_a_million_columns(yard: Yard, tmp_path: Path) -> None:
    image, findings = await _with_label(yard, tmp_path / "a.zip", b"0" + b" 0.5" * 1_000_000 + b"\n" + ROW)

    assert len(image["annotations"]) == 1
    rows = [(one["file"], one["line"], one["message"][:8]) for one in findings if one["rule"] == "ROW_COLUMNS"]
    assert rows == [("labels/train/x.txt", 1, "a row of")]


@pytest.mark.parametrize("content", [b"0 0.5 0.5 0.25 0.25\n", None], ids=["rows", "noise"])
async def test_a_label_of_100_megabytes(yard: Yard, tmp_path: Path, content: bytes | None) -> None:
    data = content * (100 * MIB // len(content)) if content else noise(100 * MIB)
    compression = zipfile.ZIP_DEFLATED if content else zipfile.ZIP_STORED
    members = around({"images/train/x.jpg": IMAGE, "labels/train/x.txt": data})
    zip_of(tmp_path / "a.zip", members, compression=compression)

    images, findings = await succeeded(yard, tmp_path / "a.zip")

    assert images["images/train/x.jpg"]["annotations"] == []
    assert {rule for rule, file in about(findings) if file == "labels/train/x.txt"} <= {
        "LABEL_TOO_LARGE",
        "ARCHIVE_BOMB",
    }
    assert any(file == "labels/train/x.txt" for _, file in about(findings))


async def test_a_label_of_200_000_bad_rows(yard: Yard, tmp_path: Path) -> None:
    """Findings are kept up to a bound; after 100 000 bad rows the file is given up, and one finding counts the rest."""
    zip_of(tmp_path / "a.zip", around({"images/train/x.jpg": IMAGE, "labels/train/x.txt": b"9 1 1 1 1\n" * 200_000}))
    status = await yard.imported(tmp_path / "a.zip")
    report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()

    assert status["state"] == "succeeded"
    named = report["counts"]["ROW_CLASS_RANGE"]
    assert report["counts"] == {"ROW_CLASS_RANGE": named, "ROW_LIMIT": 1, "SET_CLASS_UNUSED": 1}
    assert 100_000 <= named < 200_000
    assert report["total"] == LimitSettings().max_findings_per_step + 2
    assert (report["rows_read"], report["rows_left_out"]) == (200_002, 200_000)
    assert status["progress"]["findings"] == named + 2


async def test_a_label_with_more_boxes_than_a_document_holds(yard: Yard, tmp_path: Path) -> None:
    """400 000 good rows are more than 16 MB of BSON: neither the job nor its neighbours may suffer."""
    data = b"".join(b"0 0.%06d 0.5 0.25 0.25\n" % number for number in range(400_000))
    zip_of(tmp_path / "a.zip", around({"images/train/x.jpg": IMAGE, "labels/train/x.txt": data}))
    status = await yard.imported(tmp_path / "a.zip")
    limited = await yard.report(status["job_id"], rule="ROW_LIMIT")

    assert status["state"] == "succeeded"
    assert status["progress"]["annotations"] == RowLimits().max_rows + 2
    assert about(limited) == {("ROW_LIMIT", "labels/train/x.txt")}


@pytest.mark.parametrize("rows", [b"\xff\xfe\x00", b"\0" * 50_000, b"nan 0.5 0.5 0.1 0.1\n" * 3, b"1e400 1 1 1 1\n"])
async def test_labels_of_nonsense(yard: Yard, tmp_path: Path, rows: bytes) -> None:
    image, findings = await _with_label(yard, tmp_path / "a.zip", rows + b"\n" + ROW)

    assert len(image["annotations"]) == 1
    assert {file for _, file in about(findings)} == {"labels/train/x.txt"}
