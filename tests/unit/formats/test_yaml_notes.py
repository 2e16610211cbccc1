"""What a `data.yaml` says beside splits and names: kept as notes, told as licence and names, and written again."""

from typing import Any

import pytest
import yaml

from shared.formats.annotations.model import Category, PoseNames
from shared.formats.annotations.notes import license_of
from shared.formats.annotations.writers.losses import LossLog
from shared.formats.annotations.writers.model import WriteOptions
from shared.formats.annotations.writers.yolo import YoloWriter
from shared.formats.annotations.yolo.description.config import YoloConfig, read_data_yaml
from shared.formats.findings import Finding

HEAD = "train: images/train\nval: images/val\nnames: [cat, dog]\n"
LAUGHS = "x0: &x0 [1, 1]\n" + "".join(f"x{at}: &x{at} [{', '.join(8 * [f'*x{at - 1}'])}]\n" for at in range(1, 8))


def read(text: str) -> tuple[YoloConfig, list[Finding]]:
    findings: list[Finding] = []
    return read_data_yaml((HEAD + text).encode(), file="data.yaml", report=findings.append), findings


def written(config: YoloConfig, **options: Any) -> dict[str, Any]:
    asked = {"task": "pose", "tree": "ultralytics", "categories": config.categories, "splits": ["train", "val"]}
    said = {"keypoint_shape": config.keypoint_shape, "notes": config.notes}
    (file,) = YoloWriter(WriteOptions(**{**asked, **said, **options}), LossLog()).finish()
    text = file.parts[0]
    assert isinstance(text, bytes)
    return dict(yaml.safe_load(text))


def test_all_other_keys_are_kept_and_written_again() -> None:
    config, findings = read(
        "nc: 2\npath: .\ndownload: 'bash rm'\ntest:\nminival: x\nchannels: 4\nwhen: 2024-01-02\nlicense: MIT\n"
        "roboflow: {workspace: w, version: 3, license: MIT, url: 'https://u'}\n"
        "label_mapping: {0: 1, a: ~, b: [yes, 1.5]}\n"
    )
    assert list(config.notes) == ["channels", "when", "license", "roboflow", "label_mapping"]
    assert config.notes["when"] == "2024-01-02"
    assert license_of(config.notes) == "MIT"
    assert [one.rule for one in findings] == ["YAML_DOWNLOAD_SCRIPT"]
    for tree in ("ultralytics", "roboflow"):
        again = written(config, task="detect", tree=tree)
        assert again["label_mapping"] == {0: 1, "a": None, "b": [True, 1.5]}
        assert again["roboflow"] == {"workspace": "w", "version": 3, "license": "MIT", "url": "https://u"}
        assert not {"download", "path", "minival", "kpt_shape"} & again.keys()


def test_poses() -> None:
    names = {0: ["left eye", "no"], 1: ["a, b", "8"]}
    config, findings = read(f"kpt_shape: [2, 3]\nflip_idx: [1, 0]\nkpt_names: {names}\n")
    assert [one.pose for one in config.categories] == [PoseNames(tuple(one)) for one in names.values()]
    assert findings == []
    again = written(config)
    assert (again["kpt_shape"], again["flip_idx"], again["kpt_names"]) == ([2, 3], [1, 0], names)
    assert {"kpt_shape", "flip_idx", "kpt_names"}.isdisjoint(written(config, task="detect"))
    unnamed = (*config.categories, Category(2, "bird"))
    assert "kpt_names" not in written(config, categories=unnamed)


@pytest.mark.parametrize(
    "text",
    ["flip_idx: [0, 0]", "flip_idx: [0]", "flip_idx: x", "kpt_names: [a, b]", "kpt_names: {0: [a]}",
     "kpt_names: {x: [a, b]}", "kpt_names: {0: [a, 1]}", "kpt_names: {0: a}", "kpt_names: {[1]: [a, b]}"],
)  # fmt: skip
def test_what_does_not_fit_is_not_written(text: str) -> None:
    config, _ = read(f"kpt_shape: [2, 3]\n{text}\n")
    assert all(one.pose is None for one in config.categories)
    assert {"flip_idx", "kpt_names"}.isdisjoint(written(config))


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        f"x: {'[' * 20}{']' * 20}\n",
        f"x: {'y' * 300_000}\n",
        "x: &a [*a]\n",
    ],
)
def test_too_much_is_left_out_and_said(text: str) -> None:
    config, findings = read(text)
    assert config.notes == {}
    assert [one.rule for one in findings] == ["YAML_NOTES_LIMIT"]


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ({}, None),
        ({"license": "MIT", "roboflow": {"license": "MIT"}}, "MIT"),
        ({"license": "MIT", "roboflow": {"license": "BSD"}}, None),
        ({"licenses": [{"id": 1, "url": "https://l"}]}, "https://l"),
        ({"licenses": [{"name": "a"}, {"name": "b"}]}, None),
        ({"licenses": "x", "license": 3, "roboflow": [1]}, None),
        ({"license": " " + "x" * 300}, "x" * 200),
    ],
)
def test_the_licence(notes: dict[str, object], said: str | None) -> None:
    assert license_of(notes) == said
