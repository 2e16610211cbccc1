"""ImageFolder: where classes and splits are read from folders, and what is no such dataset."""

import pytest

from shared.formats.annotations.model import UnrecognisedDataset
from tests.factories.pure_imports import Imported, pure_import


def folders(*names: str, **options: object) -> Imported:
    return pure_import(dict.fromkeys(names, b""), **options)  # type: ignore[arg-type]


def said(found: Imported) -> dict[str, tuple[str | None, str | None]]:
    """Of each image its split and its class."""
    return {image: (found.splits[image], *(labels or [None])) for image, labels in found.labels.items()}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["train/cat/1.jpg", "val/dog/2.jpg"], [("train", "cat"), ("val", "dog")]),
        (["x/Training/cat/1.jpg", "x/validation/dog/2.jpg"], [("train", "cat"), ("val", "dog")]),
        (["cat/train/1.jpg", "dog/test/2.jpg"], [("train", "cat"), ("test", "dog")]),
        (["cat/1.jpg", "dog/2.jpg"], [(None, "cat"), (None, "dog")]),
        (["x/y/cat/1.jpg", "x/y/dog/2.jpg"], [(None, "cat"), (None, "dog")]),
        (["images/cat/1.jpg", "images/dog/2.jpg"], [(None, "cat"), (None, "dog")]),
        (["train/images/cat/1.jpg", "val/images/dog/2.jpg"], [("train", "cat"), ("val", "dog")]),
        (["train/cat/a/b/1.jpg", "train/dog/images/2.jpg"], [("train", "cat"), ("train", "dog")]),
        (["cars/1.jpg", "planes/2.jpg", "train/3.jpg"], [(None, "cars"), (None, "planes"), (None, "train")]),
        (["train/train/1.jpg", "train/car/2.jpg"], [("train", "train"), ("train", "car")]),
        (["train/cat/1.jpg", "train/dog/2.jpg", "test/3.jpg"], [("train", "cat"), ("train", "dog"), ("test", None)]),
        (["train/a/1.jpg", "val/a/2.jpg", "more/a/3.jpg"], [("train", "a"), ("val", "a"), ("more", "a")]),
        (["train/cat/1.jpg", "val/cat/2.jpg"], [("train", "cat"), ("val", "cat")]),
        (["x/train/a/1.jpg", "x/x/train/b/2.jpg"], [("train", "a"), ("train", "b")]),
        (["0/1.png", "1/2.png"], [(None, "0"), (None, "1")]),
    ],
)
def test_layouts(names: list[str], expected: list[tuple[str | None, str | None]]) -> None:
    found = folders(*names)

    assert found.layout.format == "imagefolder"
    assert list(said(found).values()) == expected
    assert found.names == sorted({name for _, name in expected if name})
    assert found.found(but=("SET_CLASS",)) == []


def test_what_lies_beside_is_left_out_and_said() -> None:
    found = folders("logo.png", "__MACOSX/train/._cat/1.jpg", "train/cat/1.jpg", "train/dog/2.jpg", "misc/x/3.jpg")

    assert list(found.rows) == ["train/cat/1.jpg", "train/dog/2.jpg"]
    assert found.found() == [
        ("PAIR_UNLISTED_IMAGE", ".", None, None),
        ("PAIR_UNLISTED_IMAGE", "misc/x/", None, None),
    ]


def test_a_class_that_a_split_lacks_is_named() -> None:
    found = folders("train/a/1.jpg", "train/b/2.jpg", "train/c/2.jpg", "val/a/3.jpg", "test/4.jpg")

    finding = found.one("SET_CLASS_NOT_IN_SPLIT")
    assert (finding.file, finding.message) == ("val", "val has no image of 2 of 3 classes: b, c")


def test_the_fewer_signs_the_less_confidence() -> None:
    sure = folders("train/a/1.jpg", "val/b/1.jpg").layout.confidence
    fairly = folders("a/1.jpg", "b/1.jpg").layout.confidence
    hardly = folders("train/a/1.jpg", "val/a/1.jpg").layout.confidence
    asked_for = folders("a/1.jpg", format_name="imagefolder").layout.confidence
    assert sure > fairly > hardly > asked_for


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a.txt"], "no images"),
        (["images/1.jpg"], "no folders were found that could be classes"),
        (["train/images/1.jpg", "val/images/2.jpg"], "no folders were found"),
        (["train/1.jpg", "test/2.jpg"], "no folders were found"),
        (["images/train/1.jpg", "masks/train/1.png"], "no folders were found"),
        (["images/train/1.jpg", "labels/train/1.txt"], "1 of 1 images that were looked at have label files"),
        (["cat/1.jpg", "cat/1.xml", "dog/2.jpg", "dog/2.xml"], "2 of 2 images"),
        ([f"{number}/1.jpg" for number in range(30)], "30 folders hold 30 images"),
    ],
)
def test_refusals(names: list[str], reason: str) -> None:
    with pytest.raises(UnrecognisedDataset) as caught:
        folders(*names, format_name="imagefolder")
    assert reason in caught.value.reason


# -- image sets without labels


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["1.jpg", "2.png"], [None, None]),
        (["images/1.jpg", "readme.txt", "LICENSE"], [None]),
        (["holiday/1.jpg"], [None]),
        (["train/1.jpg", "test_images/2.jpg", "Validation/3.jpg"], ["train", "test", "val"]),
    ],
)
def test_unlabelled(names: list[str], splits: list[str | None]) -> None:
    found = folders(*names)

    assert (found.layout.format, found.layout.categories) == ("images", ())
    assert list(found.splits.values()) == splits
    assert not any(rows.annotations for rows in found.rows.values())
    assert found.found() == []


@pytest.mark.parametrize("label", ["1.txt", "labels/1.txt", "1.json", "my.yml", "classes.csv", "x.xml"])
def test_what_may_be_labels_is_not_silently_lost(label: str) -> None:
    with pytest.raises(UnrecognisedDataset) as caught:
        folders("1.jpg", label)
    assert "not images: " in caught.value.reason
    assert folders("1.jpg", label, format_name="images").layout.format == "images"
