"""Several datasets in one archive: what is offered, and what `root` makes of it."""

import pytest

from shared.formats.annotations.model import UnrecognisedDataset
from shared.formats.annotations.roots import is_below, plain_root
from tests.factories.yolo_listings import names_of, pairs, recognised, said

ROW = b"0 .5 .5 .2 .2\n"


def dataset(top: str, name: str, file: str = "data.yaml") -> dict[str, bytes | None]:
    """A described dataset of one image."""
    description = f"names: [{name}]\ntrain: images/train\n".encode()
    return {f"{top}{file}": description, f"{top}images/train/a.jpg": b"", f"{top}labels/train/a.txt": ROW}


def chosen(members: dict[str, bytes | None], root: str | None = None) -> tuple[list[str], list[str | None]]:
    """The names of the categories, and the labels, of what is read with this root."""
    _, layout, _ = recognised(members, root=root)
    return names_of(layout), [label for _, label in pairs(members, layout).values()]


def test_siblings_are_offered_and_chosen_by_their_folder() -> None:
    members = dataset("detect/", "box") | dataset("segment/", "outline", "coco8.yaml") | dataset("x/y/", "other")
    reader, layout, findings = recognised(members)
    assert layout.config_files == ("detect/data.yaml",)
    assert [(one.root, one.format, one.layout, one.description) for one in reader.choices()] == [
        ("detect", "yolo", "ultralytics", "detect/data.yaml"),
        ("x/y", "yolo", "ultralytics", "x/y/data.yaml"),
        ("segment", "yolo", "ultralytics", "segment/coco8.yaml"),
    ]
    assert reader.choices()[0].reason == "names 1 category and the splits train"
    (ambiguous,) = (finding for finding in findings if finding.rule == "YAML_AMBIGUOUS")
    assert "x/y/data.yaml, segment/coco8.yaml; to import such a one" in ambiguous.message

    assert chosen(members, "detect") == (["box"], ["detect/labels/train/a.txt"])
    assert chosen(members, "segment") == (["outline"], ["segment/labels/train/a.txt"])
    assert chosen(members, "/x\\y/") == chosen(members, "x") == (["other"], ["x/y/labels/train/a.txt"])


def test_within_a_root_nothing_else_is_said() -> None:
    members = dataset("detect/", "box") | dataset("segment/", "outline")
    reader, _, findings = recognised(members, root="segment")
    assert findings == []
    assert [one.root for one in reader.choices()] == ["segment"]


def test_two_descriptions_in_one_folder_are_told_apart_by_their_names() -> None:
    members = dataset("", "one") | {"two.yaml": b"names: [two]\ntrain: images/train\n"}
    reader, _, findings = recognised(members)
    assert [one.root for one in reader.choices()] == ["", "two.yaml"]
    assert said(findings) == [("YAML_AMBIGUOUS", "data.yaml", None)]
    assert chosen(members, "two.yaml") == (["two"], ["labels/train/a.txt"])


def test_a_description_may_lead_out_of_its_root() -> None:
    members = dataset("", "one") | {"segment/data.yaml": b"names: [two]\ntrain: ../images/train\n"}
    assert chosen(members, "segment") == (["two"], ["labels/train/a.txt"])


def test_what_describes_nothing_is_no_choice() -> None:
    members = dataset("", "one") | {"b.yaml": b"names: [", "c.yaml": b"a: b", "d.yaml": None, "obj.data": b"names = x"}
    reader, _, findings = recognised(members)
    assert ([one.root for one in reader.choices()], findings) == ([""], [])


def test_other_kinds_of_descriptions_are_guessed() -> None:
    members = dataset("", "one") | {
        "a/data.yaml": b"names: [x, y]\ntrain: ../train/images\nval: ../valid/images\n",
        "b/obj.data": b"classes = 3\ntrain = train.txt\n",
        "c/obj.data": b"names = obj.names\ntrain = train.txt\n",
    }
    found = {one.root: (one.layout, one.reason) for one in recognised(members)[0].choices()}
    assert found["a"] == ("roboflow", "names 2 categories and the splits train, val")
    assert found["b"] == ("darknet", "names 3 categories and the splits train")
    assert found["c"] == ("darknet", "names categories in a file of their own and the splits train")


def test_choices_are_bounded() -> None:
    members = dict[str, bytes | None]()
    for number in range(60):
        members |= dataset(f"{number:02d}/", "a")
    reader, _, _ = recognised(members)
    assert [one.root for one in reader.choices()] == [f"{number:02d}" for number in range(21)]


def test_a_root_without_a_description() -> None:
    members = dataset("a/", "box") | {"b/images/c.jpg": b"", "b/labels/c.txt": ROW, "b/classes.txt": b"cat\n"}
    _, layout, findings = recognised(members, root="b")
    assert (layout.name, names_of(layout), findings) == ("flat", ["cat"], [])
    assert pairs(members, layout) == {"b/images/c.jpg": (None, "b/labels/c.txt")}


def test_trees_without_descriptions_are_read_together_and_offered_apart() -> None:
    trees = [f"{top}/{name}" for top in ("a/train", "a/valid", "b") for name in ("images/1.jpg", "labels/1.txt")]
    members: dict[str, bytes | None] = dict.fromkeys(trees, ROW)
    reader, layout, _ = recognised(members)
    assert len(layout.image_indexes) == 3
    assert [(one.root, one.description, one.reason) for one in reader.choices()] == [
        ("", "", "3 images have labels"),
        ("a", "", "2 images have labels"),
        ("b", "", "1 image has a label"),
    ]
    assert [one.root for one in recognised(members, root="a")[0].choices()] == ["a"]


def test_a_root_where_nothing_lies() -> None:
    with pytest.raises(UnrecognisedDataset) as caught:
        recognised(dataset("a/", "box"), root="a/b")
    assert caught.value.reason == "nothing lies at the root `a/b`"


@pytest.mark.parametrize(
    ("given", "plain"), [("", ""), ("/", ""), ("./a//b/", "a/b"), ("a\\b", "a/b"), ("a/../b", "a/../b")]
)
def test_how_a_root_is_written(given: str, plain: str) -> None:
    assert plain_root(given) == plain


@pytest.mark.parametrize(
    ("name", "root", "expected"),
    [
        ("a/b", "", True),
        ("a/b", "a", True),
        ("a", "a", True),
        ("ab/c", "a", False),
        ("b", "a", False),
        ("", "a", False),
    ],
)
def test_what_lies_below_a_root(name: str, root: str, expected: bool) -> None:
    assert is_below(name, root) is expected
