"""Odd and hostile label files and descriptions, each with exactly what is found in it: rule, line and column."""

from dataclasses import dataclass

import pytest

from shared.formats.annotations.model import BrokenConfig, LabelContext, LabelTask, RowLimits
from shared.formats.annotations.registry import label_reader
from shared.formats.annotations.yolo.description.config import read_data_yaml
from shared.formats.findings import Finding
from shared.formats.rules import RULES

Said = tuple[str, int | None, int | None]


@dataclass(frozen=True)
class Label:
    """A label file of an image of 640 x 480, unless another size is given; `kept` rows of it are kept."""

    name: str
    data: bytes
    said: tuple[Said, ...]
    kept: int
    task: LabelTask = "auto"
    keypoints: tuple[int, int] | None = None
    size: tuple[int, int] | None = (640, 480)


def corners(*rows: str) -> bytes:
    return "\n".join(rows).encode()


STAR = "0 .5 .1 .7 .9 .1 .4 .9 .4 .3 .9"
MANY = b"".join(b"0 %.4f %.4f .004 .004\n" % (0.05 + at % 90 / 100, 0.05 + at // 90 / 600) for at in range(48_000))

LABELS = [
    Label("only a byte order mark", b"\xef\xbb\xbf", (("PAIR_EMPTY_LABEL", None, None),), 0),
    Label("zero bytes", bytes(64), (("ROW_COLUMNS", 1, None),), 0),
    Label("a mark in the middle", b"0 .5 .5 .2 .2\n\xef\xbb\xbf0 .2 .2 .1 .1\n", (("ROW_NOT_NUMERIC", 2, 1),), 1),
    Label("big endian UTF-16", "0 .5 .5 .2 .2\n".encode("utf-16-be"), (("ROW_NOT_NUMERIC", 1, 1),), 0),
    Label(
        "old Mac line ends, one row of them bad",
        b"0 .5 .5 .2 .2\r0 .5 .5 .2\r1 .1 .1 .1 .1",
        (("ROW_COLUMNS", 2, None), ("ROW_RAGGED", 2, None)),
        2,
    ),
    Label(
        "a table with a head", b"class,x,y,w,h\n0,.5,.5,.2,.2\n", (("ROW_COLUMNS", 1, None), ("ROW_SEPARATOR", 2, 1)), 0
    ),
    Label("semicolons and decimal commas", b"0;0,5;0,5;0,2;0,2\n", (("ROW_SEPARATOR", 1, 1),), 0),
    Label("one decimal comma", b"0 .5 .5 0,2 .2\n1 .2 .2 .1 .1\n", (("ROW_SEPARATOR", 1, 9),), 1),
    Label("pixels", b"0 320 240 100 50\n1 100 90 30 20\n", (("ROW_PIXEL_COORDS", 1, 3), ("ROW_PIXEL_COORDS", 2, 3)), 0),
    Label(
        "one row in pixels among shares",
        b"0 .5 .5 .2 .2\n0 .1 .1 .1 .1\n0 320 240 100 50\n",
        (("ROW_COORD_RANGE", 3, 3),),
        2,
    ),
    Label("pixels of a polygon", b"0 10 10 300 10 300 200 10 200\n", (("ROW_PIXEL_COORDS", 1, 3),), 0),
    Label(
        "corners, not sizes",
        corners("0 .3 .3 .9 .9", "1 .2 .4 .8 .9", "0 .1 .2 .6 .95"),
        (("ROW_XYXY_SUSPECT", None, None),),
        3,
    ),
    Label(
        "a box over the edge", b"0 .95 .5 .3 .2\n1 .3 .3 .1 .1\n0 .7 .3 .1 .1\n", (("ROW_CORNER_OUTSIDE", 1, None),), 3
    ),
    Label("rounding noise at the edge", b"0 .100001 .5 .200003 .2\n0 .9 .5 .200001 .2\n", (), 2),
    Label("a point outside, the box in range", b"0 .5 .5 -.05 .5 .5 .9\n", (("ROW_CORNER_OUTSIDE", 1, 9),), 1),
    Label(
        "points that are hardly outside", b"0 .5 .5 -.005 .5 .5 1.004\n", (("ROW_COORD_TOLERANCE", 1, 9),), 1, size=None
    ),
    Label("a box of one pixel", b"0 .5 .5 .0015 .2\n", (("ROW_TINY", 1, None),), 1),
    Label("tiny once scaled to what is trained", b"0 .5 .5 .001 .2\n", (("ROW_TINY", 1, None),), 1, size=(6400, 4800)),
    Label("nobody knows how large", b"0 .5 .5 .0001 .2\n", (), 1, size=None),
    Label("the same row twice", b"0 .5 .5 .2 .2\n1 .5 .1 .2 .1\n0 .5 .5 .2 .2\n", (("ROW_DUPLICATE", 3, None),), 3),
    Label("the same as a float32", b"0 .5 .5 .2 .2\n0 .500000001 .5 .2 .2\n", (("ROW_DUPLICATE", 2, None),), 2),
    Label("nearly the same", b"0 .5 .5 .2 .2\n0 .501 .5 .2 .2\n", (("ROW_NEAR_DUPLICATE", 2, None),), 2),
    Label("nearly the same, of another category", b"0 .5 .5 .2 .2\n1 .501 .5 .2 .2\n", (), 2),
    Label("one box, two categories", b"0 .5 .5 .2 .2\n1 .5 .5 .2 .2\n", (("ROW_NEAR_DUPLICATE", 2, None),), 2),
    Label("a polygon of one point", b"0 .1 .1 .1 .1 .1 .1\n", (("ROW_POLY_POINTS", 1, None),), 1),
    Label("a polygon there and back", b"0 .1 .1 .5 .5 .1 .1 .5 .5\n", (("ROW_POLY_POINTS", 1, None),), 1),
    Label("a polygon as thin as a line", b"0 .1 .1 .1 .5 .1 .9\n", (("ROW_ZERO_AREA", 1, None),), 1),
    Label("a star", STAR.encode(), (("ROW_POLY_SELF_INTERSECT", 1, None),), 1),
    Label("a closed ring", b"0 .1 .1 .5 .1 .5 .5 .1 .5 .1 .1\n", (), 1),
    Label("two parts with a bridge", b"0 .1 .1 .3 .1 .3 .3 .1 .3 .1 .1 .6 .6 .9 .6 .9 .9 .6 .9 .6 .6 .1 .1\n", (), 1),
    Label(
        "confidences", b"0 .5 .5 .2 .2 .91\n1 .1 .1 .1 .1 .4\n", (("ROW_COLUMNS", 1, None), ("ROW_COLUMNS", 2, None)), 0
    ),
    Label(
        "boxes, polygons and a track",
        b"0 .5 .5 .2 .2\n0 .1 .1 .2 .1 .2 .2\n0 .5 .5 .3 .3 7\n",
        (("ROW_MIXED_TASK", 2, None), ("ROW_COLUMNS", 3, None), ("ROW_RAGGED", 3, None)),
        2,
    ),
    Label("a keypoint outside", b"0 .5 .5 .2 .2 .5 .5 2 1.4 .5 2\n", (("ROW_KPT_RANGE", 1, 23),), 0, keypoints=(2, 3)),
    Label("keypoints at -1 -1", b"0 .5 .5 .2 .2 .5 .5 -1 -1\n", (("ROW_KPT_RANGE", 1, 21),), 0, keypoints=(2, 2)),
    Label(
        "visible three times over", b"0 .5 .5 .2 .2 .5 .5 3\n", (("ROW_KPT_VISIBILITY", 1, None),), 1, keypoints=(1, 3)
    ),
    Label(
        "boxes in a dataset of poses",
        b"0 .5 .5 .2 .2\n1 .2 .2 .1 .1\n",
        (("ROW_MIXED_TASK", 1, None),),
        2,
        keypoints=(1, 3),
    ),
    Label("an oriented box with three corners", b"0 .1 .1 .2 .1 .2 .2\n", (("ROW_COLUMNS", 1, None),), 0, task="obb"),
    Label("an oriented box as a bow", b"0 .1 .1 .5 .5 .5 .1 .1 .5\n", (), 1, task="obb"),
    Label("words of a spreadsheet", b"0 .5 .5 .2 #REF!\n", (("ROW_NOT_NUMERIC", 1, 12),), 0),
    Label("Arabic digits are numbers to Python, and to trainers", "\u0661 .5 .5 .2 .2".encode(), (), 1),
    Label("a number with an underscore", b"0 .5 .5 .2 .2\n1_0 .5 .5 .2 .2\n", (("ROW_NOT_NUMERIC", 2, 1),), 1),
    Label(
        "the largest float and beyond",
        b"0 1e308 .5 .2 .2\n0 1e309 .5 .2 .2\n",
        (("ROW_NAN", 2, 3), ("ROW_COORD_RANGE", 1, 3)),
        0,
    ),
    Label("48 000 small boxes side by side", MANY, (), 48_000, size=None),
]


@pytest.mark.parametrize("case", LABELS, ids=lambda case: case.name)
def test_an_odd_label_file(case: Label) -> None:
    found: list[Finding] = []
    context = LabelContext(3, RowLimits(), task=case.task, keypoint_shape=case.keypoints)
    rows = label_reader("yolo", context).read(case.data, file="a.txt", size=case.size, report=found.append)
    assert tuple((one.rule, one.line, one.column) for one in found) == case.said
    assert len(rows.annotations) == case.kept == rows.rows_read - rows.rows_left_out
    assert all(RULES[one.rule] and one.file == "a.txt" and len(one.message) < 300 for one in found)


SPLIT = b"train: images\nval: images\n"
YAMLS: list[tuple[str, bytes, tuple[Said, ...]]] = [
    (
        "the Norway problem",
        SPLIT + b"names: [no, yes]\n",
        (("NAME_YAML_COERCED", 3, None), ("NAME_YAML_COERCED", 3, None)),
    ),
    ("names by names", SPLIT + b"names: {cat: 0, dog: 1}\n", (("YAML_NAMES_INVERTED", 3, None),)),
    ("names in a file", SPLIT + b"names: data/coco.names\nnc: 80\n", (("YAML_NAMES_FILE", 3, None),)),
    ("words of ImageNet", SPLIT + b"names: [n01440764, n01443537]\n", (("NAME_REPLACED", 3, None),)),
    ("latin-1", SPLIT + b"names: [caf\xe9]\n", (("YAML_ENCODING", 3, None),)),
    ("a tabulator", SPLIT + b"names:\n\t- a\n", (("YAML_SYNTAX", 4, None),)),
    ("a bracket too few", SPLIT + b"names: [a, b\n", (("YAML_SYNTAX", 4, None),)),
    ("a Python object", SPLIT + b"names: !!python/object/apply:os.system [true]\n", (("YAML_SYNTAX", 3, None),)),
    ("a train that is no path", b"train: 5\nval: images\nnames: [a]\n", (("YAML_TYPE", 1, None),)),
    ("names that are a word", SPLIT + b"names: cat\n", (("YAML_TYPE", 3, None),)),
    ("a path that is a number", SPLIT + b"path: 2024\nnames: [a]\n", (("YAML_TYPE", 3, None),)),
    ("keypoints without values", SPLIT + b"names: [a]\nkpt_shape: [17]\n", (("YAML_TYPE", 4, None),)),
    ("keypoints of four values", SPLIT + b"names: [a]\nkpt_shape: [17, 4]\n", (("YAML_TYPE", 4, None),)),
    (
        "a mirror of too few",
        SPLIT + b"names: [a]\nkpt_shape: [3, 3]\nflip_idx: [0, 1]\n",
        (("YAML_FLIP_IDX", 5, None),),
    ),
    (
        "a mirror that names one twice",
        SPLIT + b"names: [a]\nkpt_shape: [3, 3]\nflip_idx: [0, 1, 1]\n",
        (("YAML_FLIP_IDX", 5, None),),
    ),
    (
        "a mirror that turns round",
        SPLIT + b"names: [a]\nkpt_shape: [3, 3]\nflip_idx: [1, 2, 0]\n",
        (("YAML_FLIP_IDX", 5, None),),
    ),
    ("a mirror that is a word", SPLIT + b"names: [a]\nflip_idx: none\n", (("YAML_TYPE", 4, None),)),
    ("no channel", SPLIT + b"names: [a]\nchannels: 0\n", (("YAML_TYPE", 4, None),)),
    ("a script", SPLIT + b"names: [a]\ndownload: |\n  import os\n", (("YAML_DOWNLOAD_SCRIPT", 4, None),)),
    ("a million categories", SPLIT + b"nc: 1000000\n", (("YAML_LIMIT", 3, None),)),
    ("a category and a half", SPLIT + b"nc: 1.5\n", (("YAML_TYPE", 3, None),)),
    (
        "ids from 1, and too many",
        SPLIT + b"nc: 5\nnames: {1: a, 2: A }\n",
        (("YAML_NC_MISMATCH", 3, None), ("YAML_NAMES_GAP", 4, None), ("NAME_DUPLICATE", 4, None)),
    ),
    (
        "a valid validation",
        b"train: a\nvalid: b\nnames: ['']\n",
        (("YAML_KEY_ALIAS", 2, None), ("NAME_EMPTY", 3, None)),
    ),
]


@pytest.mark.parametrize(("data", "said"), [case[1:] for case in YAMLS], ids=[case[0] for case in YAMLS])
def test_an_odd_description(data: bytes, said: tuple[Said, ...]) -> None:
    found: list[Finding] = []
    try:
        read_data_yaml(data, file="data.yaml", report=found.append)
    except BrokenConfig as error:
        found.append(error.finding)
    assert tuple((one.rule, one.line, one.column) for one in found) == said
    assert all(RULES[one.rule] and one.file == "data.yaml" for one in found)


def test_pixels_name_the_size_to_divide_by() -> None:
    assert "divide by the image size, 640 x 480" in _only(b"0 320 240 100 50")


def test_pixels_of_an_image_that_was_turned() -> None:
    assert "they fit to 480 x 640: width and height are swapped" in _only(b"0 100 600 50 20")


def _only(data: bytes) -> str:
    found: list[Finding] = []
    label_reader("yolo", LabelContext(3, RowLimits())).read(data, file="a", size=(640, 480), report=found.append)
    (one,) = found
    return one.message
