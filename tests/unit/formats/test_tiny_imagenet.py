"""Tiny-ImageNet: ids, words, the list of validation images, and what is odd about them."""

import pytest

from shared.formats.annotations.model import UnrecognisedDataset
from tests.factories.pure_imports import pure_import

LISTED = "val_0.JPEG\tn02\t0\t32\t44\t62\nval_9.JPEG\tn01\t0\t0\t1\t1\nval_1.JPEG\tn09\t0\t0\t1\t1\n"
FILES = {
    "wnids.txt": "n02\nn01\n\nn02\n",
    "words.txt": "n00\tentity\nn01\tgoldfish, Carassius auratus\nn02\tsalamander\n",
    "train/n01/images/n01_0.JPEG": b"",
    "train/n01/n01_boxes.txt": "n01_0.JPEG\t0\t0\t9\t9\n",
    "train/n02/images/n02_0.JPEG": b"",
    "train/n03/images/n03_0.JPEG": b"",
    "val/images/val_0.JPEG": b"",
    "val/images/val_1.JPEG": b"",
    "val/val_annotations.txt": LISTED,
    "test/images/test_0.JPEG": b"",
    "other/x.JPEG": b"",
}


@pytest.mark.parametrize("root", ["", "tiny-imagenet-200/"])
def test_all_that_it_says(root: str) -> None:
    found = pure_import({f"{root}{name}": data for name, data in FILES.items()})

    assert found.layout.format == "tiny-imagenet"
    assert [(one.name, one.source_id) for one in found.layout.categories] == [
        ("salamander", "n02"),
        ("goldfish", "n01"),
    ]
    assert list(found.splits.values()) == ["train", "train", "train", "val", "val", "test"]
    assert list(found.labels.values()) == [["goldfish"], ["salamander"], [], ["salamander"], [], []]
    assert found.found() == [
        ("NAME_DUPLICATE", f"{root}wnids.txt", 4, None),
        ("PAIR_UNLISTED_IMAGE", f"{root}other/", None, None),
        ("PAIR_MISSING_IMAGE", f"{root}val/val_annotations.txt", 2, None),
        ("ROW_CLASS_UNKNOWN", f"{root}val/val_annotations.txt", 3, 12),
        ("SET_UNLABELLED", "train", None, None),
        ("SET_UNLABELLED", "val", None, None),
        ("SET_UNLABELLED", "test", None, None),
    ]


def test_classes_of_one_word_keep_their_id_beside_it() -> None:
    words = {"words.txt": "n01\tcrane\nn02\tcrane, derrick\n"}
    assert pure_import(FILES | words).names == ["crane (n02)", "crane (n01)"]


def test_without_words_classes_are_called_by_their_id() -> None:
    files = {name: data for name, data in FILES.items() if name != "words.txt"}
    assert pure_import(files).names == ["n02", "n01"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"wnids.txt": ""}, "names nothing"), ({"wnids.txt": None}, "no wnids.txt beside a folder train")],
)
def test_refusals(change: dict[str, str | None], reason: str) -> None:
    files = {name: data for name, data in (FILES | change).items() if data is not None}
    with pytest.raises(UnrecognisedDataset) as caught:
        pure_import(files, format_name="tiny-imagenet")
    assert reason in caught.value.reason
