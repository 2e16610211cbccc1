"""Paths in the description of a YOLO dataset, and lines of its lists: hints at where images are."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations.member_names import is_image
from shared.formats.annotations.model import BrokenConfig, UnrecognisedDataset
from shared.formats.annotations.yolo.layouts import splits as yolo_splits
from shared.formats.annotations.yolo.layouts.paths import bases_of, candidates
from tests.factories.yolo_listings import FOUR, ULTRALYTICS, pairs, read, said, with_yaml


@pytest.mark.parametrize(
    ("yaml_at", "path", "value"),
    [
        ("data.yaml", None, "images/train"),
        ("data.yaml", None, "./images/train/"),
        ("data.yaml", None, "../images/train"),
        ("data.yaml", None, "../../images/train"),
        ("data.yaml", None, "images\\train"),
        ("data.yaml", None, "C:\\data\\mine\\images\\train"),
        ("data.yaml", None, "/content/drive/My Drive/images/train"),
        ("data.yaml", ".", "images/train"),
        ("data.yaml", "../datasets/coco8", "images/train"),
        ("data.yaml", "/home/me/coco8", "images/train"),
        ("data.yaml", "images", "train"),
        ("data.yaml", "nowhere", "images/train"),
        ("cfg/data.yaml", None, "images/train"),
        ("cfg/data.yaml", None, "../images/train"),
        ("cfg/data.yaml", "..", "images/train"),
        ("data.yaml", None, "datasets/mine/images/train"),
    ],
)
def test_a_path_is_a_hint(yaml_at: str, path: str | None, value: str) -> None:
    text = f"names: [a]\ntrain: '{value}'\n" + (f"path: '{path}'\n" if path else "")
    members = with_yaml(text, "images/train/deep/a.jpg", "labels/train/deep/a.txt", "images/trainer/b.jpg", at=yaml_at)
    layout, findings = read(members)
    assert pairs(members, layout) == {"images/train/deep/a.jpg": ("train", "labels/train/deep/a.txt")}
    assert [finding.rule for finding in findings] == ["PAIR_UNLISTED_IMAGE"]


def test_the_path_comes_first() -> None:
    members = with_yaml(
        "names: [a]\npath: two\ntrain: images\n", "images/a.jpg", "two/images/b.jpg", "two/labels/b.txt"
    )
    layout, _ = read(members)
    assert list(pairs(members, layout)) == ["two/images/b.jpg"]


@pytest.mark.parametrize("value", [".", "./", "/"])
def test_the_root_itself_may_be_a_split(value: str) -> None:
    members = with_yaml(f"names: [a]\ntrain: {value}\n", "a.jpg", "a.txt", "x/b.jpg", "x/b.txt")
    layout, findings = read(members)
    assert pairs(members, layout) == {"a.jpg": ("train", "a.txt"), "x/b.jpg": ("train", "x/b.txt")}
    assert findings == []


def test_what_leads_nowhere_is_said_with_its_line_and_costs_nothing_else() -> None:
    text = ULTRALYTICS + "test: ../test/images\n"
    layout, findings = read(with_yaml(text, *FOUR))
    assert len(layout.image_indexes) == 2
    assert layout.confidence < 0.9
    assert said(findings) == [("YAML_PATH_UNRESOLVED", "data.yaml", 5)]
    assert "../test/images" in findings[0].message


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("./images/a.jpg", "train.txt"),
        ("images/a.jpg", "train.txt"),
        ("images/a.jpg", "lists/train.txt"),
        ("../images/a.jpg", "lists/train.txt"),
        ("../../x/images/a.jpg", "train.txt"),
        ("data/images/a.jpg", "train.txt"),
        ("C:\\mine\\images\\a.jpg", "train.txt"),
        ("/home/me/ds/images/a.jpg", "train.txt"),
    ],
)
def test_a_line_of_a_list_is_a_hint(line: str, at: str) -> None:
    members = with_yaml(f"names: [a]\ntrain: {at}\n", "images/a.jpg", "images/b.jpg", "labels/a.txt", "labels/b.txt")
    members[at] = f"\ufeff\r\n{line}\r\n{line.replace('a.jpg', 'b.jpg')}\r\n".encode()
    layout, findings = read(members)
    assert pairs(members, layout) == {
        "images/a.jpg": ("train", "labels/a.txt"),
        "images/b.jpg": ("train", "labels/b.txt"),
    }
    assert layout.config_files == ("data.yaml", at)
    assert findings == []


def test_lines_that_name_no_image_are_said_with_their_number() -> None:
    members = with_yaml("names: [a]\ntrain: train.txt\n", "images/a.jpg", "labels/a.txt")
    members["train.txt"] = b"images/a.jpg\nimages/gone.jpg\n\nlabels/a.txt\n\xff\xfe.jpg\n" + b"a/" * 9_000 + b"x.jpg"
    _, findings = read(members)
    assert said(findings) == [("PAIR_MISSING_IMAGE", "train.txt", line) for line in (2, 4, 5, 6)]
    assert len(findings[-1].message) < 300


def test_a_list_that_cannot_be_read_is_said() -> None:
    members = with_yaml("names: [a]\ntrain: images\nval: val.txt\n", "images/a.jpg", "labels/a.txt")
    members["val.txt"] = None
    layout, findings = read(members)
    assert len(layout.image_indexes) == 1
    assert [finding.rule for finding in findings] == ["YAML_PATH_UNRESOLVED"]


# bounds

parts = st.sampled_from(["images", "labels", "train", "a.jpg", "b.txt", "data.yaml", "..", ".", "", "C:", "x\\y", "é"])


@given(st.lists(parts, max_size=8).map("/".join), st.sampled_from(["", "ds/", "a/b/c/"]))
def test_no_path_leads_out_of_the_archive(path: str, directory: str) -> None:
    for name in candidates(path, bases_of(directory)):
        assert not name.startswith("/")
        assert not name.endswith("/")
        assert ".." not in name.split("/")


values = st.lists(parts, max_size=4).map("/".join)
member_names = st.lists(
    st.lists(parts.filter(lambda p: p not in ("", ".", "..")), min_size=1, max_size=4).map("/".join), max_size=12
)


@given(member_names, values, values, st.lists(values, max_size=4).map("\n".join))
def test_any_archive_is_laid_out_or_refused(names: list[str], train: str, val: str, listed: str) -> None:
    members = with_yaml(f"names: [a]\ntrain: '{train}'\nval: ['{val}', list.txt]\n", *names) | {
        "list.txt": listed.encode()
    }
    try:
        layout, _ = read(members)
    except (UnrecognisedDataset, BrokenConfig):
        return
    assert all(is_image(name) for name in pairs(members, layout))


def test_a_list_that_names_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yolo_splits, "MOST_MISSES", 50)
    members = with_yaml("names: [a]\ntrain: [train.txt, images]\n", "images/a.jpg", "labels/a.txt")
    members["train.txt"] = b"images/a.jpg\n" + b"b.jpg\n" * 59 + b"a.jpg\n"
    _, findings = read(members)
    assert len(findings) == 50
    assert findings[-1].line == 51
    assert "is not read beyond this line" in findings[-1].message


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_line_of_any_length_costs_only_itself(end: bytes) -> None:
    members = with_yaml("names: [a]\ntrain: train.txt\n", "images/a.jpg", "labels/a.txt")
    members["train.txt"] = end.join([b"\xef\xbb\xbf", b" " * 99, b"a/" * 1_000_000 + b"b.jpg", b"", b"images/a.jpg"])
    layout, findings = read(members)
    assert len(layout.image_indexes) == 1
    assert said(findings) == [("PAIR_MISSING_IMAGE", "train.txt", 3)]


def test_a_list_of_another_dataset_costs_little() -> None:
    members = with_yaml("names: [a]\ntrain: [train.txt, images]\n", "images/a.jpg", "labels/a.txt")
    members["train.txt"] = b"/a/b/c/d/e/f/g/h/i/other.jpg\n" * 100_000
    started = time.process_time()  # a busy machine takes none of it
    _, findings = read(members)
    assert time.process_time() - started < 5
    assert len(findings) == 100_000
