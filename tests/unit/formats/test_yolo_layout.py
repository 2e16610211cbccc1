"""Layouts of YOLO datasets, recognised by their description and the names of an archive's members."""

import time
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations import yolo_splits
from shared.formats.annotations.model import AnnotationReader, BrokenConfig, DatasetLayout, UnrecognisedDataset
from shared.formats.annotations.yolo_layout import YoloReader, find_configs
from shared.formats.annotations.yolo_paths import bases_of, candidates, is_image, label_path
from shared.formats.findings import Finding
from shared.formats.rules import RULES


class ListedNames:
    """A name table over a list; of two members with one name the first is found."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._index = {name: index for index, name in reversed(list(enumerate(names)))}

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int, /) -> str:
        return self._names[index]

    def each_name(self) -> Iterator[str]:
        return iter(self._names)

    def find(self, name: str, /) -> int | None:
        return self._index.get(name)


def archive(*names: str, **texts: str) -> dict[str, bytes | None]:
    return {**dict.fromkeys(names, b""), **{name: text.encode() for name, text in texts.items()}}


def read(members: Mapping[str, bytes | None]) -> tuple[DatasetLayout, list[Finding]]:
    names = ListedNames(list(members))
    reader: AnnotationReader = YoloReader(names)
    while wanted := reader.config_members():
        for index in wanted:
            reader.provide(index, members[names.name(index)])
    findings: list[Finding] = []
    layout = reader.layout(findings.append)
    assert all(finding.rule in RULES for finding in findings)
    assert len(layout.image_indexes) == len(layout.label_indexes) == len(layout.split_ids)
    assert list(layout.image_indexes) == sorted(set(layout.image_indexes))
    return layout, findings


def pairs(members: Mapping[str, bytes | None], layout: DatasetLayout) -> dict[str, tuple[str, str | None]]:
    """Image name → (split, label name)."""
    names = list(members)
    rows = zip(layout.image_indexes, layout.split_ids, layout.label_indexes, strict=True)
    return {names[image]: (layout.splits[split], None if label < 0 else names[label]) for image, split, label in rows}


def said(findings: list[Finding]) -> list[tuple[str, str, int | None]]:
    return [(finding.rule, finding.file, finding.line) for finding in findings]


def with_yaml(text: str, *names: str, at: str = "data.yaml") -> dict[str, bytes | None]:
    return {at: text.encode(), **dict.fromkeys(names, b"")}


# the layouts

ULTRALYTICS = "names: [a]\npath: .\ntrain: images/train\nval: images/val\n"
ROBOFLOW = "names: [a]\ntrain: ../train/images\nval: ../valid/images\n"
FOUR = ("images/train/a.jpg", "images/val/b.PNG", "labels/train/a.txt", "labels/val/b.txt")


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


# paths of the description


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


def test_the_label_of_an_image_in_no_split_is_no_orphan_and_no_collision() -> None:
    members = with_yaml("names: [a]\ntrain: train.txt\n", "images/a.jpg", "images/a.png", "images/b.jpg")
    members |= archive("labels/a.txt", "labels/b.txt") | {"train.txt": b"images/a.png"}
    _, findings = read(members)
    assert said(findings) == [("PAIR_UNLISTED_IMAGE", "images", None)]


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


@pytest.mark.parametrize("data", [b"names: [", b"train: images\n", b"names: {a: 0}\ntrain: images", None])
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
    started = time.monotonic()
    _, findings = read(members)
    assert time.monotonic() - started < 5
    assert len(findings) == 100_000
