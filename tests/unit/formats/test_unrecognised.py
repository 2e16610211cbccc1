"""What is no dataset is told with counts in proper words, and with what to do."""

import pytest

from shared.formats.annotations.model import UnrecognisedDataset
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
