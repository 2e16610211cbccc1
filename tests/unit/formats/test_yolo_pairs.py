"""Which split and which label an image of a YOLO dataset gets, and which have none."""

import pytest

from shared.formats.annotations.member_names import is_image
from shared.formats.annotations.yolo.layouts.paths import label_path
from tests.factories.yolo_listings import archive, pairs, read, said, with_yaml

# images in several splits, or in none


def test_two_splits_with_one_directory_are_said_once() -> None:
    layout, findings = read(with_yaml("names: [a]\nval: images\ntrain: ./images/\n", "images/a.jpg", "labels/a.txt"))
    assert (list(layout.split_ids), layout.splits) == ([0], ("train", "val"))
    assert said(findings) == [("PAIR_SPLIT_DUP", "data.yaml", 2)]


def test_of_several_splits_the_first_has_the_image() -> None:
    members = with_yaml(
        "names: [a]\ntest: images/x\nextra: no\nval: val.txt\ntrain: images\n", "images/x/a.jpg", "labels/x/a.txt"
    )
    members["val.txt"] = b"images/x/a.jpg\nimages/x/a.jpg\n"
    layout, findings = read(members)
    assert pairs(members, layout) == {"images/x/a.jpg": ("train", "labels/x/a.txt")}
    assert said(findings) == [("PAIR_SPLIT_DUP", "images/x/a.jpg", None)] * 2
    assert "in train and in val" in findings[0].message


def test_images_in_no_split_are_counted_by_directory() -> None:
    others = ("ds/extra/1.jpg", "ds/extra/deep/2.jpg", "ds/3.jpg", "elsewhere/4.jpg", "ds/images/other/5.jpg")
    members = with_yaml("names: [a]\ntrain: images/train\n", "ds/images/train/a.jpg", "ds/labels/train/a.txt", *others)
    members = {("ds/data.yaml" if name == "data.yaml" else name): data for name, data in members.items()}
    layout, findings = read(members)
    assert len(layout.image_indexes) == 1
    assert {(f.rule, f.file, f.message.split()[0]) for f in findings} == {
        ("PAIR_UNLISTED_IMAGE", directory, count)
        for directory, count in [("ds", "1"), ("ds/extra", "2"), ("ds/images", "1"), ("elsewhere", "1")]
    }


# labels


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("images/train/a.jpg", "labels/train/a.txt"),
        ("d/images/train/a.jpg", "d/labels/train/a.txt"),
        ("d/train/images/a.jpg", "d/train/labels/a.txt"),
        ("images/d/images/a.jpg", "images/d/labels/a.txt"),
        ("d/images/images/a.jpg", "d/images/labels/a.txt"),
        ("d/train/a.jpg", "d/train/a.txt"),
        ("d/images_old/a.jpg", "d/images_old/a.txt"),
        ("d/Images/a.jpg", "d/Images/a.txt"),
        ("myimages/a.jpg", "myimages/a.txt"),
        ("d/images/a.b.c.jpg", "d/labels/a.b.c.txt"),
        ("a.jpg", "a.txt"),
    ],
)
def test_where_a_label_is_looked_for(image: str, label: str) -> None:
    assert label_path(image) == label


@pytest.mark.parametrize(
    ("name", "expected"),
    [(f"a.{suffix}", True) for suffix in ("jpg", "JPEG", "avif", "tiff", "mpo", "heic", "jp2", "dng", "webp")]
    + [
        (name, False)
        for name in (".a.jpg", "x/._a.jpg", ".x/a.jpg", "__MACOSX/a.jpg", "a.gif", "a.txt", "jpg", "d.jpg/", "")
    ],
)
def test_what_an_image_is(name: str, expected: bool) -> None:
    assert is_image(name) is expected


def test_an_image_below_images_has_no_label_beside_it() -> None:
    members = with_yaml("names: [a]\ntrain: images\n", "images/a.jpg", "images/a.txt")
    layout, findings = read(members)
    assert list(layout.label_indexes) == [-1]
    assert said(findings) == [("PAIR_MISSING_LABEL", "images/a.jpg", None)]


def test_images_that_share_a_label_are_said() -> None:
    members = with_yaml("names: [a]\ntrain: images\n", "images/a.jpg", "images/a.png", "labels/a.txt")
    layout, findings = read(members)
    assert list(layout.label_indexes) == [3, 3]
    assert said(findings) == [("PAIR_STEM_COLLISION", "images/a.png", None)]


def test_labels_without_an_image_are_said_and_other_texts_are_not() -> None:
    no_labels = (
        "classes.txt",
        "notes.txt",
        "README.dataset.txt",
        "train.txt",
        "LICENSE.txt",
        ".x.txt",
        "x.json",
        "_darknet.labels",
    )
    members = with_yaml(
        "names: [a]\ntrain: images/t\n",
        *("images/t/a.jpg", "labels/t/a.txt", "labels/t/lost.txt", "labels/other/b.txt", "about.txt"),
        *(f"labels/t/{name}" for name in no_labels),
    )
    _, findings = read(members)
    assert said(findings) == [("PAIR_ORPHAN_LABEL", "labels/t/lost.txt", None)]


@pytest.mark.parametrize(
    ("images", "shared"),
    [
        (("images/train/a.jpg", "images/train/b.jpg", "images/val/a.jpg", "images/val/b.jpg"), 2),
        (("train/images/x/a.jpg", "val/images/x/a.jpg", "val/images/y/a.jpg"), 1),
        (("images/train/a.jpg", "images/val/a.png"), 0),
        (("images/train/x/a.jpg", "images/val/y/a.jpg"), 0),
        (("images/train/x/a.jpg", "images/train/y/a.jpg"), 0),
    ],
)
def test_names_that_two_splits_share_are_counted(images: tuple[str, ...], shared: int) -> None:
    paths = ("images/{}", "{}/images")
    train, val = ([path.format(split) for path in paths] for split in ("train", "val"))
    labels = (label_path(image) for image in images)
    _, findings = read(with_yaml(f"names: [a]\ntrain: {train}\nval: {val}\n", *images, *labels))
    found = [(one.file, one.message.split()[0]) for one in findings if one.rule == "PAIR_STEM_SPLITS"]
    assert found == ([(next(image for image in images if "val" in image), str(shared))] if shared else [])


def test_the_label_of_an_image_in_no_split_is_no_orphan_and_no_collision() -> None:
    members = with_yaml("names: [a]\ntrain: train.txt\n", "images/a.jpg", "images/a.png", "images/b.jpg")
    members |= archive("labels/a.txt", "labels/b.txt") | {"train.txt": b"images/a.png"}
    _, findings = read(members)
    assert said(findings) == [("PAIR_UNLISTED_IMAGE", "images", None)]
