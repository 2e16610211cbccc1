"""YOLO datasets that nothing describes: recognised by the names of files and by the first rows of labels."""

import pytest

from shared.formats.annotations.model import UnrecognisedDataset
from tests.factories.yolo_listings import names_of, pairs, recognised, said

ROW = b"0 .5 .5 .2 .2\n"
CLASSES = {"classes.txt": b"cat\ndog\n"}


def tree(*images: str, **more: bytes) -> dict[str, bytes | None]:
    """Images, each with a label where trainers look for it, and other files."""
    labels = {image.replace("images/", "labels/").rpartition(".")[0] + ".txt": ROW for image in images}
    return {**dict.fromkeys(images, b""), **labels, **more}


# the layouts


@pytest.mark.parametrize("top", ["", "ds/", "my data/v1/"])
@pytest.mark.parametrize(
    ("name", "images", "splits"),
    [
        ("flat", ("images/a.jpg", "images/b.PNG"), (None, None)),
        ("flat", ("images/x/a.jpg", "images/y/z/b.jpg"), (None, None)),
        ("ultralytics", ("images/train/a.jpg", "images/val/b.jpg"), ("train", "val")),
        ("ultralytics", ("images/train2017/a.jpg", "images/val2017/b.jpg"), ("train", "val")),
        ("ultralytics", ("images/train/deep/er/a.jpg", "images/train/b.jpg"), ("train", "train")),
        ("roboflow", ("train/images/a.jpg", "valid/images/b.jpg"), ("train", "val")),
        ("roboflow", ("train/images/a.jpg", "train/images/b.jpg"), ("train", "train")),
        ("loose", ("a.jpg", "b.jpg"), (None, None)),
        ("loose", ("train/a.jpg", "test/b.jpg"), ("train", "test")),
        ("loose", ("obj_train_data/a.jpg", "obj_train_data/b.jpg"), (None, None)),
    ],
)
def test_a_tree_without_a_description(top: str, name: str, images: tuple[str, ...], splits: tuple[str | None]) -> None:
    members = {top + member: data for member, data in (tree(*images) | CLASSES).items()}
    _, layout, findings = recognised(members)
    found = pairs(members, layout)
    assert (layout.name, layout.format, names_of(layout)) == (name, "yolo", ["cat", "dog"])
    assert [found[top + image][0] for image in images] == list(splits)
    assert all(label is not None for _, label in found.values())
    assert layout.splits == tuple(dict.fromkeys(split for split in ("train", "val", "test") if split in splits))
    assert (layout.config_files, layout.names_in_labels, findings) == ((f"{top}classes.txt",), False, [])
    assert 0.5 < layout.confidence < 0.95
    assert "2 of 2 images" in layout.reason
    assert "classes.txt" in layout.reason


def test_images_and_labels_side_by_side_below_images() -> None:
    members = {"images/a.jpg": b"", "images/a.txt": ROW} | CLASSES
    _, layout, findings = recognised(members)
    assert (layout.name, pairs(members, layout)) == ("loose", {"images/a.jpg": (None, "images/a.txt")})
    assert findings == []


def test_what_nobody_labelled_is_of_the_dataset_where_it_lies_like_the_rest() -> None:
    members = tree("ds/images/train/a.jpg", "ds/images/val/b.jpg") | CLASSES
    members |= dict.fromkeys(("ds/images/test/c.jpg", "ds/docs/plot.png", "logo.png"), b"")
    _, layout, findings = recognised(members)
    assert pairs(members, layout)["ds/images/test/c.jpg"] == ("test", None)
    assert layout.splits == ("train", "val", "test")
    assert {(rule, file) for rule, file, _ in said(findings)} == {
        ("PAIR_MISSING_LABEL", "ds/images/test/c.jpg"),
        ("PAIR_UNLISTED_IMAGE", "ds"),
        ("PAIR_UNLISTED_IMAGE", "."),
    }


def test_labels_without_an_image_are_said_and_files_of_names_are_none() -> None:
    members = tree("images/a.jpg") | {"labels/classes.txt": b"cat\n", "labels/lost.txt": ROW, "README.txt": b"Hello"}
    _, layout, findings = recognised(members)
    assert names_of(layout) == ["cat"]
    assert said(findings) == [("PAIR_ORPHAN_LABEL", "labels/lost.txt", None)]


def test_a_description_comes_first() -> None:
    members = tree("images/train/a.jpg") | CLASSES | {"data.yaml": b"names: [x]\ntrain: images/train\n"}
    _, layout, _ = recognised(members)
    assert (layout.confidence, names_of(layout)) == (0.99, ["x"])


def test_a_description_that_leads_nowhere_still_names_the_categories() -> None:
    members = tree("images/train/a.jpg") | {"data.yaml": b"names: [x]\ntrain: /home/me/pictures\nkpt_shape: [2, 3]\n"}
    _, layout, findings = recognised(members)
    assert (names_of(layout), layout.keypoint_shape, layout.splits) == (["x"], (2, 3), ("train",))
    assert said(findings) == [("YAML_PATH_UNRESOLVED", "data.yaml", 2)]


def test_empty_labels_in_a_folder_for_labels_are_labels() -> None:
    members = tree("images/train/a.jpg") | {"labels/train/a.txt": b" \n"}
    _, layout, findings = recognised(members)
    assert (layout.name, layout.categories, layout.names_in_labels) == ("ultralytics", (), True)
    assert [rule for rule, _, _ in said(findings)] == ["NAME_UNKNOWN"]


def test_some_strange_labels_are_no_reason_to_refuse() -> None:
    members = tree("images/a.jpg", "images/b.jpg", "images/c.jpg") | CLASSES | {"labels/b.txt": b"what is this"}
    _, layout, _ = recognised(members)
    assert len(layout.image_indexes) == 3


@pytest.mark.parametrize(
    ("image", "label", "split"),
    [
        ("img/a.jpg", "lbl/a.txt", None),
        ("Images/train/a.jpg", "Labels/train/a.txt", "train"),
        ("images/a.jpg", "labels/obj_train_data/a.txt", None),
    ],
)
def test_labels_that_lie_apart_go_with_images_by_name(image: str, label: str, split: str | None) -> None:
    members = {image: b"", label: ROW} | CLASSES
    _, layout, findings = recognised(members)
    assert (layout.name, pairs(members, layout), findings) == ("apart", {image: (split, label)}, [])
    assert layout.confidence < 0.7


def test_labels_that_lie_apart_are_taken_from_the_folder_of_the_same_name() -> None:
    folders = [f"{one}/{split}" for one in ("img", "lbl") for split in ("train", "val")]
    members = {f"{folder}/a.{'jpg' if 'img' in folder else 'txt'}": ROW for folder in folders} | CLASSES
    _, layout, _ = recognised(members)
    assert pairs(members, layout) == {
        "img/train/a.jpg": ("train", "lbl/train/a.txt"),
        "img/val/a.jpg": ("val", "lbl/val/a.txt"),
    }


# what is none


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (
            dict.fromkeys(("images/a.jpg", "images/b.jpg", "my.yml"), b""),
            "none of 2 images has a .txt file of its name",
        ),
        ({"a.jpg": b"", "a.txt": b"A cat on a mat.\n"}, "a.txt goes with an image, but 'A cat on a mat.' is no label"),
        ({"a.jpg": b"", "a.txt": b""}, "empty, and nothing says that they are labels"),
        ({"a.jpg": b"", "a.txt": None}, "empty, and nothing says that they are labels"),
        ({"a.jpg": b"", "a.txt": b"Car 0.0 0 1.5 1 2 3 4 5 6 7 8 9 10 11\n"}, "is no label row"),
        ({"labels/a.txt": ROW, "classes.txt": b"cat\n"}, "2 .txt files, but no image"),
        ({"labels/a.txt": ROW, "notes.json": b"{}"}, "Label Studio's export without its images"),
        ({"obj.data": b"train = train.txt\nclasses = 1\n", "train.txt": b"a.jpg", "a.txt": ROW}, '{"images": …, "lab'),
        ({}, "no image"),
    ],
)
def test_what_is_no_dataset_is_explained(members: dict[str, bytes | None], words: str) -> None:
    with pytest.raises(UnrecognisedDataset) as caught:
        recognised(members)
    assert words in caught.value.reason


# names that are nearly those of labels


def test_names_that_differ_in_case_or_form() -> None:
    members = tree("images/a.jpg") | CLASSES | {"images/B.jpg": b"", "labels/b.txt": ROW}
    members |= {"images/\u00e9.jpg": b"", "labels/e\u0301.txt": ROW}
    _, layout, findings = recognised(members)
    assert pairs(members, layout) == {
        "images/a.jpg": (None, "labels/a.txt"),
        "images/B.jpg": (None, None),
        "images/\u00e9.jpg": (None, "labels/e\u0301.txt"),
    }
    assert {(rule, file) for rule, file, _ in said(findings)} == {
        ("PAIR_MISSING_LABEL", "images/B.jpg"),
        ("PAIR_CASE", "labels/b.txt"),
        ("PAIR_NAME_FORM", "labels/e\u0301.txt"),
    }
