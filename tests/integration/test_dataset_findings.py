"""Findings about a dataset as a whole: written when it is finished, counted, and the same when that is done again."""

from pathlib import Path

import pytest

from shared.features.imports.repository import ImportJobRepository
from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.yard import Yard

ROW = b"%d 0.5 0.5 0.25 0.25\n"


def dataset(count: int, *, config: bytes, first_id: int = 1) -> dict[str, bytes]:
    """Images with one box each, all the same; ids go round three."""
    files = {"data.yaml": config}
    for number in range(count):
        files[f"images/{number:03d}.jpg"] = jpeg_bytes(40, 30, seed=number)
        files[f"labels/{number:03d}.txt"] = ROW % (first_id + number % 3)
    return files


async def test_what_only_the_whole_tells_is_in_the_report_and_in_the_counts(yard: Yard, tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", dataset(18, config=b"train: images\nnames: [a, b, c]\n"))
    status = await yard.imported(path)
    report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()

    expected = {
        "ROW_CLASS_RANGE": 6,
        "SET_NO_VAL": 1,
        "SET_CLASS_UNUSED": 1,
        "SET_ONE_BASED": 1,
        "SET_BOXES_IDENTICAL": 1,
    }
    assert report["counts"] == expected
    assert status["progress"]["findings"] == report["total"] == 10
    whole = [one for one in report["items"] if one["file"] == "."]
    assert {one["rule"] for one in whole} == {rule for rule in expected if rule.startswith("SET_")}
    row = next(one for one in report["items"] if one["rule"] == "ROW_CLASS_RANGE")
    assert row["effect"] == {
        "ultralytics>=8.4.190": "drop_image",
        "ultralytics>=8.3.120,<8.4.190": "drop_image",
        "ultralytics<8.3.120": "keep",
    }


async def test_a_finish_that_is_cut_short_is_done_again_to_the_same_effect(
    yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cuts = ImportJobRepository.succeed, []

    async def cut(*arguments: object, **options: object) -> object:
        if not cuts:
            cuts.append(arguments)
            raise ConnectionResetError
        return await whole(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ImportJobRepository, "succeed", cut)
    path = zip_of(tmp_path / "a.zip", dataset(12, config=b"train: images\nval: images\nnames: [a, b, c]\n", first_id=0))
    status = await yard.imported(path)
    report = (await yard.api.get(f"/datasets/import/{status['job_id']}/report")).json()

    assert cuts
    assert status["state"] == "succeeded"
    assert report["counts"] == {"PAIR_SPLIT_DUP": 1, "SET_BOXES_IDENTICAL": 1}
    assert report["total"] == 2


@pytest.mark.parametrize(
    ("files", "rule", "file", "line"),
    [
        ({"data.yaml": b"train: images\nnames: [a\n"}, "YAML_SYNTAX", "data.yaml", 3),
        ({"data.yaml": b"train: images\nnames: [caf\xe9]\n"}, "YAML_ENCODING", "data.yaml", 2),
        ({"data.yaml": b"train: 5\nnames: [a]\n"}, "YAML_TYPE", "data.yaml", 1),
        ({"readme.txt": b"hello"}, "YAML_MISSING", ".", None),
    ],
)
async def test_why_a_description_cannot_be_used_is_in_the_report(
    yard: Yard, tmp_path: Path, files: dict[str, bytes], rule: str, file: str, line: int | None
) -> None:
    path = zip_of(tmp_path / "a.zip", {"images/a.jpg": jpeg_bytes(40, 30), **files})
    job_id = await yard.start_import(path, format="yolo")
    assert (await yard.ended(job_id))["state"] == "failed"
    assert [(one["rule"], one["file"], one["line"]) for one in await yard.report(job_id)] == [(rule, file, line)]


async def test_names_in_a_file_of_their_own(yard: Yard, tmp_path: Path) -> None:
    config = b"train: images\nval: images\nnames: data/coco.names\nnc: 3\n"
    files = dataset(4, config=config, first_id=0) | {"data/coco.names": b"cat\ndog\nbird\n"}
    status = await yard.imported(zip_of(tmp_path / "a.zip", files))
    categories = (await yard.api.get(f"/datasets/{status['dataset_id']}/categories")).json()
    assert [one["name"] for one in categories["items"]] == ["cat", "dog", "bird"]
    assert {one["rule"] for one in await yard.report(status["job_id"])} >= {"YAML_NAMES_FILE"}
