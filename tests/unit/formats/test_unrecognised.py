"""What is no dataset is told with counts in proper words, and with what to do."""

import pytest

from shared.formats.annotations.model import UnrecognisedDataset
from shared.formats.annotations.registry import DatasetReader
from shared.formats.annotations.yolo.layouts.described import YoloReader
from tests.factories.yolo_listings import ListedNames


@pytest.mark.parametrize(
    ("names", "counts"),
    [
        (["a.jpg"], "among 1 file (1 image, 0 .txt files); "),
        (["a.jpg", "a.txt", "b.png"], "among 3 files (2 images, 1 .txt file); "),
    ],
)
def test_what_was_there_and_what_to_do(names: list[str], counts: str) -> None:
    with pytest.raises(UnrecognisedDataset) as caught:
        YoloReader(ListedNames(names)).layout(lambda _finding: None)
    assert counts in caught.value.reason
    assert caught.value.reason.endswith(
        "add a data.yaml with train, val and names, or pass `config`; see docs/layouts.md"
    )


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a.dcm", "b/c.dcm", "d.bin", "LICENSE"], "there is no image and no label among 4 files (.dcm x 2, .bin x 1)"),
        (["LICENSE"], "there is no image and no label among 1 file"),
    ],
)
def test_where_nothing_could_be_a_dataset_no_format_has_a_say(names: list[str], reason: str) -> None:
    with pytest.raises(UnrecognisedDataset) as caught:
        DatasetReader(ListedNames(names)).layout(lambda _finding: None)
    assert caught.value.reason == f"{reason}; see docs/layouts.md"


def test_each_format_says_once_why_not() -> None:
    with pytest.raises(UnrecognisedDataset) as caught:
        DatasetReader(ListedNames(["labels/a.txt", "labels/b.txt"])).layout(lambda _finding: None)
    assert caught.value.reason.count("not yolo: ") == 1
    assert "; not coco: " in caught.value.reason
