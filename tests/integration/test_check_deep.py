"""A check that decodes every image says what an import that does so says; without, only headers are looked at."""

from functools import partial
from pathlib import Path

import pytest

from shared.features.imports.checks.options import CheckOptions
from shared.features.imports.models import ImportRequest
from shared.foundation.settings import PillowDecoder, SourceSettings
from shared.wiring import checking
from shared.wiring.checking import CheckContext, check_source
from shared.wiring.decoders import image_decoder
from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.yard import Yard

DAMAGED = "images/train/damaged.jpg"


def archive(path: Path) -> Path:
    """A whole image, and a JPEG with a hole in its middle: neither its head nor its end tell of that."""
    image = jpeg_bytes(640, 480, seed=2)
    middle = len(image) // 2
    files = {
        "data.yaml": b"train: images/train\nval: images/train\nnames: [a]\n",
        DAMAGED: image[:middle] + bytes(400) + image[middle + 400 :],
        "images/train/whole.jpg": jpeg_bytes(64, 48, seed=1),
        "labels/train/damaged.txt": b"0 .5 .5 .2 .2\n",
        "labels/train/whole.txt": b"0 .5 .5 .2 .2\n",
    }
    return zip_of(path, files)


async def said(path: Path, folder: Path, *, processes: int, **request: object) -> set[tuple[str, str]]:
    """What is found in images."""
    context = CheckContext(
        SourceSettings(allow_files=True), processes=processes, make_decoder=partial(image_decoder, PillowDecoder())
    )
    asked = ImportRequest.model_validate({"source": str(path), **request})
    report = await check_source(context, asked, CheckOptions(), folder=folder)
    assert report.images == 2
    return {(one.rule, one.file) for one in report.findings.items if one.rule.startswith("IMG_")}


@pytest.mark.parametrize("processes", [1, 2])
async def test_damage_that_headers_do_not_show(
    yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setattr(checking, "WORTH_DECODERS", 0)
    path = archive(tmp_path / "damaged.zip")
    assert await said(path, tmp_path / "shallow", processes=processes) == set()

    found = await said(path, tmp_path / "deep", processes=processes, deep=True)
    status = await yard.imported(path, deep=True)
    reported = await yard.report(status["job_id"])
    assert found == {(one["rule"], one["file"]) for one in reported if one["rule"].startswith("IMG_")}
    assert {file for _, file in found} == {DAMAGED}
