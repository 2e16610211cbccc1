"""What releases of ultralytics make of descriptions: the model against what was observed when they were run."""

import json
from pathlib import Path

import pytest
import yaml

from shared.formats.annotations.trainers.descriptions import (
    NO_DATA_YAML,
    DataYaml,
    paths_asked,
    refusals,
    refused_by_fiftyone,
)
from shared.formats.annotations.trainers.ultralytics import RELEASES
from tests.factories.odd_descriptions import DESCRIPTIONS

FILES = ("data.yaml", "images/train/a.jpg", "images/val/b.jpg", "train/images/a.jpg", "valid/images/b.jpg",
         "train.txt", "val.txt")  # fmt: skip
OBSERVED = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "data/ultralytics_descriptions.jsonl").read_text().splitlines()
]
NO_MAP = {"a tab", "a list", "text", "nothing"}
READ_AND_FAILS_LATER = {"train nowhere"}


def there(path: str) -> bool:
    return path == "" or any(name == path or name.startswith(f"{path}/") for name in FILES)


def said(text: str) -> dict[str, str]:
    described = DataYaml(yaml.safe_load(text.removeprefix("\ufeff")))
    return refusals(described, {path for path in paths_asked(described) if there(path)})


def test_every_description_was_observed() -> None:
    assert [case["description"] for case in OBSERVED] == list(DESCRIPTIONS)


@pytest.mark.parametrize("case", OBSERVED, ids=lambda case: case["description"])
def test_the_model_agrees_with_what_was_observed(case: dict) -> None:
    if case["description"] in NO_MAP:
        assert set(case["verdicts"].values()).isdisjoint({"read"})
        return
    found, observed = said(DESCRIPTIONS[case["description"]]), ""
    for release in RELEASES:
        observed = case["verdicts"].get(release, observed)
        expected = case["description"] not in READ_AND_FAILS_LATER and observed == "read"
        assert (f"ultralytics@{release}" not in found) == expected, (release, observed, found)


def test_a_description_in_a_folder_and_one_that_leads_out() -> None:
    text = "train: images/train\nval: ../images/val\nnames: [a]\n"
    described = DataYaml(yaml.safe_load(text), "deep/folder/")
    assert paths_asked(described) >= {"deep/folder/images/train", "deep/images/val", "deep/folder/images/val"}
    assert refusals(described, {"deep/folder/images/train", "deep/images/val"}) == {}
    lost = refusals(described, {"deep/folder/images/train"})
    assert set(lost.values()) == {"`val` leads to nothing: ../images/val"}


def test_a_path_that_is_the_folder_a_trainer_is_started_in_is_named() -> None:
    described = DataYaml(yaml.safe_load("path: .\ntrain: images\nval: images\nnames: [a]\n"), "set/")
    assert set(refusals(described, {"set/images"}).values()) == {"`val` leads to nothing: images, below `path: .`"}


def test_without_a_data_yaml() -> None:
    assert set(refusals(None, set()).values()) == {NO_DATA_YAML}
    assert len(refusals(None, set())) == len(RELEASES)


def test_fiftyone_wants_a_folder_of_images() -> None:
    assert refused_by_fiftyone(["images/a.jpg", "x/images/b.jpg"]) == {}
    assert list(refused_by_fiftyone(["images/a.jpg", "obj_train_data/b.jpg"])) == ["fiftyone@1.22.1"]
