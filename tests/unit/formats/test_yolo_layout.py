"""Layouts of YOLO datasets, recognised by their description and the names of an archive's members."""

import pytest

from shared.formats.annotations.model import BrokenConfig, UnrecognisedDataset
from shared.formats.annotations.yolo.layouts.described import YoloReader, find_configs
from tests.factories.yolo_listings import FOUR, ULTRALYTICS, ListedNames, archive, pairs, read, said, with_yaml

# the layouts

ROBOFLOW = "names: [a]\ntrain: ../train/images\nval: ../valid/images\n"


@pytest.mark.parametrize("top", ["", "ds/", "a/b c/"])
def test_the_ultralytics_layout(top: str) -> None:
    members = with_yaml(ULTRALYTICS, *(top + name for name in FOUR), at=f"{top}data.yaml")
    layout, findings = read(members)
    assert pairs(members, layout) == {
        f"{top}images/train/a.jpg": ("train", f"{top}labels/train/a.txt"),
        f"{top}images/val/b.PNG": ("val", f"{top}labels/val/b.txt"),
    }
    assert (layout.name, layout.splits, layout.config_files) == ("ultralytics", ("train", "val"), (f"{top}data.yaml",))
    assert layout.detection.confidence > 0.9
    assert findings == []


@pytest.mark.parametrize("top", ["", "ds/"])
def test_the_roboflow_layout(top: str) -> None:
    found = (
        "train/images/a.jpg",
        "train/labels/a.txt",
        "valid/images/b.jpg",
        "valid/labels/b.txt",
        "README.dataset.txt",
    )
    members = with_yaml(ROBOFLOW, *(top + name for name in found), at=f"{top}data.yaml")
    layout, findings = read(members)
    assert layout.name == "roboflow"
    assert pairs(members, layout) == {
        f"{top}train/images/a.jpg": ("train", f"{top}train/labels/a.txt"),
        f"{top}valid/images/b.jpg": ("val", f"{top}valid/labels/b.txt"),
    }
    assert findings == []


DARKNET = {
    "obj.data": b"classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\nbackup = b/\n",
    "obj.names": b"cat\ndog\n",
}


@pytest.mark.parametrize("top", ["", "cvat/"])
def test_the_darknet_layout_as_cvat_writes_it(top: str) -> None:
    members: dict[str, bytes | None] = {top + name: data for name, data in DARKNET.items()}
    members[f"{top}train.txt"] = b"data/obj_train_data/a.jpg\n\n"
    members[f"{top}valid.txt"] = b"\xef\xbb\xbfdata/obj_train_data/images/b.jpg\r\n"
    members |= archive(*(f"{top}obj_train_data/{n}" for n in ("a.jpg", "a.txt", "images/b.jpg", "images/b.txt")))
    layout, findings = read(members)
    assert (layout.name, [category.name for category in layout.categories]) == ("darknet", ["cat", "dog"])
    assert pairs(members, layout) == {
        f"{top}obj_train_data/a.jpg": ("train", f"{top}obj_train_data/a.txt"),
        f"{top}obj_train_data/images/b.jpg": ("val", f"{top}obj_train_data/images/b.txt"),
    }
    assert set(layout.config_files) == {top + name for name in ("obj.data", "obj.names", "train.txt", "valid.txt")}
    assert findings == []


def test_darknet_without_its_names_file_counts_the_classes() -> None:
    members = {"obj.data": DARKNET["obj.data"], "train.txt": b"a.jpg", "valid.txt": None, "a.jpg": b""}
    layout, findings = read(members)
    assert [category.name for category in layout.categories] == ["class_0", "class_1"]
    assert {rule for rule, _, _ in said(findings)} == {"YAML_PATH_UNRESOLVED", "PAIR_MISSING_LABEL"}


@pytest.mark.parametrize(
    ("names", "rule"),
    [(b"cat", "YAML_NC_MISMATCH"), (b"cat\ndog\ncow", "YAML_NC_MISMATCH"), (b"a\na", "NAME_DUPLICATE")],
)
def test_darknet_names_are_compared_with_the_count(names: bytes, rule: str) -> None:
    members = DARKNET | {"obj.names": names, "train.txt": b"a.jpg", "valid.txt": b"", "a.jpg": b"", "a.txt": b""}
    layout, findings = read(members)
    assert len(layout.categories) == max(2, len(names.split()))
    assert [finding.rule for finding in findings] == [rule]


# which description is read


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["x/y/data.yaml", "x/other.yaml", "x/dataset.yml"], ["x/dataset.yml", "x/y/data.yaml", "x/other.yaml"]),
        (["b/data.yaml", "a/data.yml"], ["a/data.yml", "b/data.yaml"]),
        (["obj.data", "a.data", "z/coco.yml"], ["z/coco.yml", "obj.data", "a.data"]),
        (["__MACOSX/data.yaml", ".git/data.yaml", "._data.yaml", "data.yaml.txt", "yaml"], []),
        (["DATA.YAML"], ["DATA.YAML"]),
    ],
)
def test_the_order_of_candidates(names: list[str], expected: list[str]) -> None:
    assert [candidate.name for candidate in find_configs(ListedNames(names)).members] == expected


def test_a_description_that_was_dropped_is_not_asked_for() -> None:
    """Its name is still gone over, but not found."""
    names = ListedNames(["data.yaml", "data.yaml", "x/data.yaml"])
    assert [candidate.index for candidate in find_configs(names).members] == [0, 2]


def test_candidates_are_bounded() -> None:
    names = [f"{number:05d}.yaml" for number in range(3_000, 0, -1)]
    members = find_configs(ListedNames(names)).members
    assert [candidate.name for candidate in members] == [f"{number:05d}.yaml" for number in range(1, 51)]


def test_several_descriptions_are_said() -> None:
    _, findings = read(with_yaml(ULTRALYTICS, *FOUR) | {"old/data.yaml": b"names: [b]"})
    assert said(findings) == [("YAML_AMBIGUOUS", "data.yaml", None)]
    assert "old/data.yaml" in findings[0].message


def test_what_describes_no_dataset_is_passed_over() -> None:
    members: dict[str, bytes | None] = {
        "a.yaml": b"services: {}",
        "b.yaml": b"[",
        "c.yaml": None,
        "d.yaml": b"train: images",
    }
    members |= {"e.yaml": b"valid: x\nnames: [a]\ntrain: images/train\nval: images/val\n"}
    members |= dict.fromkeys(FOUR, b"")
    layout, findings = read(members)
    assert layout.config_files == ("e.yaml",)
    assert {finding.rule for finding in findings} == {"YAML_KEY_ALIAS", "YAML_PATH_UNRESOLVED"}


def test_an_obj_data_is_read_where_the_yaml_describes_nothing() -> None:
    members = DARKNET | {"x.yaml": b"a: b", "train.txt": b"a.jpg", "valid.txt": b"", "a.jpg": b"", "a.txt": b""}
    assert read(members)[0].name == "darknet"


@pytest.mark.parametrize("data", [b"names: [", b"train: images\n", b"names: {a: b}\ntrain: images", None])
def test_a_broken_data_yaml_is_named(data: bytes | None) -> None:
    with pytest.raises(BrokenConfig) as caught:
        read({"data.yaml": data, "images/a.jpg": b""})
    assert caught.value.file == "data.yaml"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "no data.yaml or obj.data"),
        (dict.fromkeys(FOUR, b""), "2 images, 2 .txt files"),
        ({"x.yaml": b"["} | dict.fromkeys(FOUR, b""), "passed over: x.yaml: line "),
        ({"data.yaml": b"names: [a]"} | dict.fromkeys(FOUR, b""), "data.yaml: names no splits"),
        (
            {"data.yaml": b"names: [a]\ntrain: nowhere"} | dict.fromkeys(FOUR, b""),
            "none of its paths leads to an image",
        ),
        ({"data.yaml": b"names: [a]\ntrain: labels", "labels/a.txt": b""}, "none of its paths leads to an image"),
    ],
)
def test_what_is_no_dataset_is_explained(members: dict[str, bytes | None], words: str) -> None:
    with pytest.raises(UnrecognisedDataset) as caught:
        read(members)
    assert words in caught.value.reason


def test_the_conversation_is_kept() -> None:
    reader = YoloReader(ListedNames(["data.yaml", "a.jpg"]))
    assert reader.config_members() == (0,)
    with pytest.raises(RuntimeError):
        reader.layout(lambda finding: None)
    with pytest.raises(KeyError):
        reader.provide(1, b"")
