"""`data.yaml` and `obj.data`: what they say, what is tolerated, what is refused."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations.model import BrokenConfig, Category
from shared.formats.annotations.naming_limits import MAX_CATEGORIES
from shared.formats.annotations.splits import names_a_split, normalise_split
from shared.formats.annotations.yolo.description.config import YoloConfig, read_data_yaml
from shared.formats.annotations.yolo.description.darknet import DarknetConfig, read_names, read_obj_data
from shared.formats.annotations.yolo.description.yaml_nodes import MAX_EVENTS
from shared.formats.findings import Finding
from shared.formats.rules import RULES

FILE = "ds/data.yaml"


def read(text: str | bytes) -> tuple[YoloConfig, list[Finding]]:
    findings: list[Finding] = []
    data = text.encode() if isinstance(text, str) else text
    config = read_data_yaml(data, file=FILE, report=findings.append)
    assert all(finding.file == FILE and finding.rule in RULES for finding in findings)
    assert [category.id for category in config.categories] == list(range(len(config.categories)))
    assert len(config.splits) == len(config.split_lines)
    return config, findings


def names(text: str | bytes) -> list[str]:
    return [category.name for category in read(text)[0].categories]


def rules(text: str | bytes) -> list[tuple[str, int | None]]:
    return [(finding.rule, finding.line) for finding in read(text)[1]]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        *((spelt, "train") for spelt in ("train", "Train", "training", "train2017", "train2014", "TRAIN_2017")),
        *((spelt, "val") for spelt in ("val", "valid", "validation", "val2017", "Valid")),
        *((spelt, "test") for spelt in ("test", "testing", "test2017", " test ")),
        *((spelt, spelt) for spelt in ("dev", "minival", "test-dev", "train_extra", "train5", "Holdout", "trains", "")),
    ],
)
def test_splits_have_one_spelling(found: str, expected: str) -> None:
    assert normalise_split(found) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        *((key, True) for key in ("train", "valid", "minival", "test-dev", "train2")),
        *((key, False) for key in ("names", "path", "trainer", "values", "author", "task")),
    ],
)
def test_keys_that_name_splits(key: str, expected: bool) -> None:
    assert names_a_split(key) is expected


def test_a_usual_description() -> None:
    config, findings = read(
        "# a comment\npath: .\ntrain: images/train\nval: [images/val, images/more]\ntest:\n\n"
        "names:\n  0: cat\n  1: dog\nnc: 2\nroboflow: {license: MIT}\n"
    )
    assert config == YoloConfig(
        categories=(Category(0, "cat"), Category(1, "dog")),
        splits=(("train", ("images/train",)), ("val", ("images/val", "images/more"))),
        path=".",
        split_lines=(3, 4),
        notes={"roboflow": {"license": "MIT"}},
    )
    assert findings == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("names: [a, b]", ["a", "b"]),
        ("names: {1: b, 0: a}", ["a", "b"]),
        ("names: {'0': a, \"1\": b}", ["a", "b"]),
        ("nc: 2", ["class_0", "class_1"]),
        ("nc: '2'", ["class_0", "class_1"]),
        ("nc: 2.0", ["class_0", "class_1"]),
        ("names:\nnc: 1", ["class_0"]),
        ("names: []\nnc: 1", ["class_0"]),
        ("names: [über, 猫]", ["über", "猫"]),
        ("names: &a [x, y]\nother: *a", ["x", "y"]),
        ("a: b", []),
        ("names: [a, b]\nnc:", ["a", "b"]),
    ],
)
def test_categories_without_a_word(text: str, expected: list[str]) -> None:
    assert names(text) == expected
    assert rules(text) == []


@pytest.mark.parametrize(
    ("text", "expected", "said"),
    [
        ("names: {1: a, 3: b}", ["class_0", "a", "class_2", "b"], [("YAML_NAMES_GAP", 1)]),
        ("nc: 3\nnames: [a, b]", ["a", "b", "class_2"], [("YAML_NC_MISMATCH", 1)]),
        ("nc: 1\nnames: [a, b]", ["a", "b"], [("YAML_NC_MISMATCH", 1)]),
        ("nc: many\nnames: [a, b]", ["a", "b"], [("YAML_NC_MISMATCH", 1)]),
        ("nc: [2]\nnames: [a, b]", ["a", "b"], [("YAML_NC_MISMATCH", 1)]),
        ("names: [cat, dog, ' CAT ']", ["cat", "dog", " CAT "], [("NAME_DUPLICATE", 1)]),
        ("names: {0: a, '0': b}", ["b"], [("NAME_DUPLICATE", 1)]),
        ("names:\n- yes\n- a", ["True", "a"], [("NAME_YAML_COERCED", 2)]),
        ("names:\n- a\n- no", ["a", "False"], [("NAME_YAML_COERCED", 3)]),
        ("names: [1.5]", ["1.5"], [("NAME_YAML_COERCED", 1)]),
        ("names: [null, ~]", ["None", "None"], [("NAME_YAML_COERCED", 1)] * 2 + [("NAME_DUPLICATE", 1)]),
        ("names: [007]", ["7"], [("NAME_YAML_COERCED", 1)]),
        ("names: [2024-01-31]", ["2024-01-31"], [("NAME_YAML_COERCED", 1)]),
        ("names: [2024-99-99]", ["2024-99-99"], [("NAME_YAML_COERCED", 1)]),
        ("names: ['', b]", ["class_0", "b"], [("NAME_EMPTY", 1)]),
        ("names: {cat: 1, dog: 0}", ["dog", "cat"], [("YAML_NAMES_INVERTED", 1)]),
        ("names: {cat: 2, dog: 0}", ["dog", "class_1", "cat"], [("YAML_NAMES_INVERTED", 1), ("YAML_NAMES_GAP", 1)]),
        ("names: [n01440764, n02]", ["n01440764", "n02"], [("NAME_REPLACED", 1)]),
        ("names: [a]\npath: 5", ["a"], [("YAML_TYPE", 2)]),
        ("names: [a]\npath: [b]", ["a"], [("YAML_TYPE", 2)]),
        ("names: [a]\nkpt_shape: 17", ["a"], [("YAML_TYPE", 2)]),
        ("names: [a]\nchannels: 0", ["a"], [("YAML_TYPE", 2)]),
        ("names: [a]\nchannels: [3]", ["a"], [("YAML_TYPE", 2)]),
        ("names: [a]\nflip_idx: 1", ["a"], [("YAML_TYPE", 2)]),
        ("names: [a]\nflip_idx: [0, 2]", ["a"], [("YAML_FLIP_IDX", 2)]),
        ("names: [a]\nflip_idx: [1, 2, 0]", ["a"], [("YAML_FLIP_IDX", 2)]),
        ("names: [a]\nkpt_shape: [3, 2]\nflip_idx: [1, 0]", ["a"], [("YAML_FLIP_IDX", 3)]),
        ("names: [a]\nkpt_shape: [3, 2]\nflip_idx: [1, 0, 2]\nchannels: 1", ["a"], []),
        ("names: lists/coco.names\nnc: 2", ["class_0", "class_1"], [("YAML_NAMES_FILE", 1)]),
    ],
)
def test_categories_that_are_tolerated(text: str, expected: list[str], said: list[tuple[str, int]]) -> None:
    assert names(text) == expected
    assert rules(text) == said


def test_a_coerced_name_shows_what_was_written() -> None:
    _, (finding,) = read("names: [off]")
    assert "off" in finding.message
    assert "False" in finding.message


def test_aliases_of_split_keys_are_read_and_said() -> None:
    config, findings = read("names: [a]\nvalid: v\nvalidation: w\nval: v\ntrain2017: t\nminival: m\nval_ratio: 0.2")
    assert config.splits == (("val", ("v", "w")), ("train", ("t",)), ("minival", ("m",)))
    assert [(f.rule, f.line) for f in findings] == [("YAML_KEY_ALIAS", 2), ("YAML_KEY_ALIAS", 3)]


def test_a_download_script_is_named_and_nothing_else_happens() -> None:
    text = "names: [a]\ndownload: |\n  import os\n  os.system('exit 1')\n"
    assert rules(text) == [("YAML_DOWNLOAD_SCRIPT", 2)]


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfnames: [a]", "names: [a]".encode("utf-16"), b"names: [a]\r\n"])
def test_encodings_that_are_read(data: bytes) -> None:
    assert names(data) == ["a"]


def _billion_laughs() -> str:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 20)}]" for n in range(1, 10)]
    return "\n".join(["a0: &a0 [x]", *levels, "names: *a9"])


REFUSED = [
    (b"names: [caf\xe9]", "byte 11 "),
    (b"", "is empty"),
    (b"# nothing", "is empty"),
    (b"just text", "not a map"),
    (b"- a\n- b", "not a map"),
    (b"names:\n\t- a", "line 2"),
    (b"train: x\nnames: [a", "line "),
    (b"a: b\n---\nc: d", "not YAML"),
    (b"a: *nowhere", "line 1"),
    (b"a: \x00", "not YAML"),
    (b"train: x\nnames: !!python/object/apply:os.system ['true']", "line 2: the tag names a Python object"),
    (b"x: !!python/name:os.system", "which is never built"),
    (b"names: cat", "must be a list or a map"),
    (b"names: {cat: 0, 1: dog}", "not a category id"),
    (b"names: {cat: 0, dog: cat}", "not a category id"),
    (b"names: {-1: cat}", "not a category id"),
    (b"names: {true: cat}", "not a category id"),
    (b"names: {[a]: cat}", "not a category id"),
    (b"names: {100000: cat}", "ids go up to"),
    (b"names: {99999999999999999999: cat}", "ids go up to"),
    (b"names: [[a]]", "not text"),
    (b"names: &a [*a]", "not text"),
    (b"nc: 1.9", "not a whole number"),
    (b"nc: -1", "not a whole number"),
    (b"nc: many", "not a whole number"),
    (b"nc: 1e12", "more than 100000"),
    (b"nc: 1000000000000", "more than 100000"),
    (b"nc: 100001\nnames: [a]", "more than 100000"),
    (b"nc: " + b"9" * 5000, "more than 100000"),
    (b"names: [a]\ntrain: 5", "line 2: `train` must be a path"),
    (b"names: [a]\ntrain: {a: b}", "must be a path"),
    (b"names: [a]\nval: [a, [b]]", "must be a path"),
    (b"names: [a]\ntrain: [" + b"x, " * 10_001 + b"]", "names more than"),
    (b"x" * (5 * 1024 * 1024 + 1), "larger than"),
    (b"a: " + b"[" * 100_000, "too many"),
    (b"a: [" + b"b, " * 600_000 + b"]", "too many"),
    (b"a: [" + b"b, " * 230_000 + b"]", "too many"),
    (b"x: &a " + b"n" * 1_001 + b"\ntrain: i\nnames: [*a, b]", "line 1: the name of category 0 has more than 1000"),
    (b"names: [a]\ntrain-" + b"s" * 195 + b": images", "line 2: a split's name has more than 200"),
    (_billion_laughs().encode(), "too many"),
]


@pytest.mark.parametrize(("data", "words"), REFUSED)
def test_what_cannot_be_used_is_refused_with_the_reason(data: bytes, words: str) -> None:
    with pytest.raises(BrokenConfig) as caught:
        read(data)
    assert words in caught.value.reason
    assert caught.value.file == FILE
    finding = caught.value.finding
    assert (finding.rule in RULES, finding.file, finding.message) == (True, FILE, caught.value.reason)
    assert finding.line is None or finding.message.startswith(f"line {finding.line}: ")


@pytest.mark.parametrize(
    ("data", "rule", "line"),
    [
        (b"names:\n- caf\xe9", "YAML_ENCODING", 2),
        (b"a: b\nnames:\n\t- a", "YAML_SYNTAX", 3),
        (b"a: b\nx: !!python/name:os.system", "YAML_SYNTAX", 2),
        (b"- a", "YAML_TYPE", None),
        (b"a: b\nnames: cat", "YAML_TYPE", 2),
        (b"names: [a]\ntrain: 5", "YAML_TYPE", 2),
        (b"a: b\nnc: 1000001", "YAML_LIMIT", 2),
        (b"x" * (5 * 1024 * 1024 + 1), "YAML_LIMIT", None),
    ],
)
def test_what_cannot_be_used_is_a_finding_with_its_line(data: bytes, rule: str, line: int | None) -> None:
    with pytest.raises(BrokenConfig) as caught:
        read(data)
    assert (caught.value.finding.rule, caught.value.finding.line) == (rule, line)


def test_what_is_just_within_the_limits_is_read() -> None:
    config, _ = read("x: &a " + "n" * 1_000 + "\ntrain-" + "s" * 194 + ": images\nnames: [*a, b]")
    assert [len(category.name) for category in config.categories] == [1_000, 1]
    assert [len(split) for split, _ in config.splits] == [200]
    assert 2 * MAX_CATEGORIES + 1_000 < MAX_EVENTS


def test_merge_keys_never_expand() -> None:
    levels = [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 45)]
    assert names("\n".join(["a0: &a0 {k: v}", *levels, "names: [a]"])) == ["a"]


def test_a_huge_number_is_never_computed() -> None:
    assert names("names: [a]\nx: " + "1:" * 200_000 + "1") == ["a"]


def test_a_huge_count_allocates_nothing() -> None:
    tracemalloc.start()
    with pytest.raises(BrokenConfig):
        read(b"nc: 1000000000000")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


KEYS = ("names:", "nc:", "train:", "val:", "0: a", "<<:", "? ", ": ", "- a", ",", "[", "]", "{", "}", "---", "%")
VALUES = (" ", "\n", "\t", "&a", "*a", "'", '"', "|", "1e3", "0x", "1:2", "2001-01-01", "\\ud800", "!!int", "!!merge")
fragments = st.sampled_from([*KEYS, *VALUES, "!!python/none", "!!binary", "!!set", "!!float"])


@given(st.one_of(st.binary(max_size=60), st.lists(fragments, max_size=25).map("".join).map(str.encode)))
def test_nothing_but_broken_config_is_raised(data: bytes) -> None:
    try:
        config, _ = read(data)
    except BrokenConfig:
        return
    for category in config.categories:
        category.name.encode()


# Darknet


def test_obj_data_as_cvat_and_darknet_write_it() -> None:
    data = (
        b"\xef\xbb\xbfclasses= 2\r\n# a comment\ntrain  = data/train.txt\n"
        b"valid=data/my valid.txt \nnames = obj.names\nbackup = b/\n"
    )
    assert read_obj_data(data, file="obj.data") == DarknetConfig(
        splits=(("train", "data/train.txt"), ("val", "data/my valid.txt")),
        names_path="obj.names",
        classes=2,
        split_lines=(3, 4),
    )


def test_a_file_about_something_else_has_no_splits() -> None:
    assert read_obj_data(b"hello\nclasses = many\n=\n", file="x.data") == DarknetConfig((), None, None)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"cat\ndog\n", ["cat", "dog"]),
        (b"\xef\xbb\xbfcat\r\n dog \r\n\r\n", ["cat", "dog"]),
        (b"cat\n\nbird", ["cat", "class_1", "bird"]),
        (b"", []),
    ],
)
def test_names_keep_their_line_as_id(data: bytes, expected: list[str]) -> None:
    assert [category.name for category in read_names(data, file="obj.names")] == expected


@pytest.mark.parametrize("data", [b"classes = 1000000000000", b"train = \xff"])
def test_an_obj_data_that_cannot_be_used(data: bytes) -> None:
    with pytest.raises(BrokenConfig):
        read_obj_data(data, file="obj.data")


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a\n" * 100_001, b"n" * 1_001])
def test_names_that_cannot_be_used(data: bytes) -> None:
    with pytest.raises(BrokenConfig):
        read_names(data, file="obj.names")


@given(st.binary(max_size=100))
def test_darknet_readers_raise_nothing_else(data: bytes) -> None:
    for read_it in (read_obj_data, read_names):
        try:
            read_it(data, file="x")
        except BrokenConfig:
            continue
