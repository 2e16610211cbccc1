"""Two images that share one label file: both have its annotations, and it is judged once."""

from collections import Counter
from pathlib import Path

import pytest

from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import CONFIG, ROW
from tests.factories.disturbed_imports import IN_PLACE, PACKED
from tests.factories.yard import Yard


@pytest.mark.parametrize("options", [{}, PACKED, IN_PLACE], ids=["objects", "packed", "in-place"])
async def test_what_a_row_is_found_for_counts_once(yard: Yard, tmp_path: Path, options: dict[str, object]) -> None:
    members = {f"images/train/a.{ending}": jpeg_bytes(20, 20) for ending in ("jpg", "png")}
    zip_of(tmp_path / "a.zip", {**members, "labels/train/a.txt": b"9 0.5 0.5 0.1 0.1\n" + ROW, "data.yaml": CONFIG})

    status = await yard.imported(tmp_path / "a.zip", **options)

    report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()
    assert Counter(finding["rule"] for finding in report["items"]) == report["counts"]
    assert report["counts"]["ROW_CLASS_RANGE"] == 1
    assert (report["rows_read"], report["rows_left_out"]) == (2, 1)
    images = await yard.all_images("a")
    assert [len(image["annotations"]) for image in images] == [1, 1]
    findings = {image["path"].rpartition(".")[2]: image["findings"] for image in images}
    assert findings == {"jpg": 1, "png": 2}  # a JPEG called png is a second one
