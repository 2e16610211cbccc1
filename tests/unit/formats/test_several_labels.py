"""Tables whose cells hold several labels: when they are taken apart, when not, and what the plan says about it."""

import pytest

from shared.formats.annotations.tables.several_labels import separation_of
from tests.factories.pure_imports import Imported, pure_import

COMBINED = ("haze primary", "agriculture clear primary", "clear primary", "clear haze", "agriculture haze primary",
            "agriculture clear haze primary", "agriculture primary", "agriculture haze")  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "listed", "separator"),
    [
        (["healthy", "scab", "rust", "scab rust"], (), " "),
        (["16 0", "7 1 2 0", "5"], (), " "),
        (COMBINED, (), " "),
        (["Mass|Pleural Thickening", "Mass", "Pleural Thickening|Edema", "Edema|Hernia"], (), "|"),
        (["a;b", "a; c", "b", "c"], (), ";"),
        (["cat, dog", "dog", "cat"], (), ","),
        (["red cat", "dog"], ("red", "cat", "dog"), " "),
        # names that hold what could separate labels
        (["golden retriever", "labrador retriever", "pug"], (), ""),
        (["black cat", "black dog", "white cat", "white dog"], (), ""),
        (["cat", "cat flap"], (), ""),
        (["Smith, John", "Smith, Jane", "Doe, John"], (), ""),
        (["one|two", "three|four"], (), ""),
        (["red cat", "red", "cat"], ("red cat", "red", "cat"), ""),
        (["red cat", "red", "cat"], ("red", "dog"), ""),
        (["red cat", "red", "cat"], ("something", "else"), " "),
        (["cat", "dog"], (), ""),
        ([], (), ""),
        (["|", " ; "], (), ""),
    ],
)
def test_evidence(cells: list[str], listed: tuple[str, ...], separator: str) -> None:
    found = separation_of(cells, listed)
    assert found.separator == separator
    if separator:
        assert "cells hold several labels" in found.reason


def table(text: str, **files: str) -> Imported:
    members = {f"images/{name}.jpg": b"" for name in "abcd"}
    return pure_import({**members, "labels.csv": text, **{f"{name}.txt": said for name, said in files.items()}})


@pytest.mark.parametrize("separator", [" ", "|", ";", ",", ", "])
def test_each_label_is_an_annotation(separator: str) -> None:
    both = separator.join(("scab", "rust", "scab"))
    found = table(f'image_id,labels\na,healthy\nb,"{both}"\nc,rust\nd,scab\n')
    assert found.names == ["healthy", "rust", "scab"]
    assert list(found.labels.values()) == [["healthy"], ["scab", "rust"], ["rust"], ["scab"]]
    shown = "blanks" if separator == " " else f"`{separator.strip()}`"
    assert f"cells hold several labels, separated by {shown}: they are found in other cells, too" in found.layout.reason
    assert found.found() == []


def test_names_with_blanks_stay_whole_and_the_plan_says_why() -> None:
    found = table("image_id,label\na,golden retriever\nb,labrador retriever\nc,pug\n")
    assert found.names == ["golden retriever", "labrador retriever", "pug"]
    assert "cells with blanks are one label each: 'golden' is in no other cell" in found.layout.reason


def test_a_list_of_classes_decides() -> None:
    text = "image_id,label\na,red cat\nb,dog\n"
    assert table(text).names == ["dog", "red cat"]
    found = table(text, classes="red\ncat\ndog\n")
    assert found.labels["images/a.jpg"] == ["red", "cat"]
    assert "all are in the list of classes" in found.layout.reason
    assert found.layout.config_files == ("classes.txt",)
    assert table(text, classes="red cat\ndog\n").names == ["dog", "red cat"]


@pytest.mark.parametrize(
    "text",
    [
        "image_id,class_id,label\na,1,scab\nb,2,rust\nc,3,scab rust\n",
        "image,xmin,ymin,xmax,ymax,label\na,1,1,9,9,scab\na,1,1,9,9,rust\nb,1,1,9,9,scab rust\n",
    ],
)
def test_names_with_ids_and_of_boxes_stay_whole(text: str) -> None:
    assert set(table(text).names) == {"scab", "rust", "scab rust"}


def test_a_column_of_ids_alone() -> None:
    found = table("Id,class_id\na,16 0\nb,2\nc,\n")
    assert found.names == ["0", "2", "16"]
    assert found.labels["images/a.jpg"] == ["16", "0"]


def test_attributes_are_made_fit_to_be_kept() -> None:
    head = "path,width,height,class,class_id,type,x_center,y_center,box_width,box_height,attributes\n"
    row = 'images/a.jpg,9,9,cat,0,box,0.5,0.5,0.2,0.2,"{""a\\ud800"": [""\\ud800"", 1e999], ""b"": %s, ""c"": """"}"\n'
    found = table(head + row % ("9" * 30))
    attributes = found.rows["images/a.jpg"].annotations[0].attributes
    assert attributes == {"a\ufffd": ["\ufffd", "inf"], "b": "9" * 30, "c": ""}
