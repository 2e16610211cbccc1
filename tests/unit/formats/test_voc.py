"""Pascal VOC: which layouts are recognised, what their files say, and exactly what is found in odd ones."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as some

from shared.formats.annotations.model import LabelContext, RowLimits, UnrecognisedDataset
from shared.formats.annotations.voc.labels import VocLabels, names_in
from tests.factories.pure_imports import SIZE, Imported, pure_import

CAT = "<object><name>cat</name><bndbox><xmin>10</xmin><ymin>5</ymin><xmax>30</xmax><ymax>25</ymax></bndbox></object>"
CAT_BOX = ("cat", 0.2, 0.3, 0.2, 0.4)


def xml(*objects: str, size: tuple[object, object] | None = SIZE, file: str = "") -> str:
    """An annotation of these objects, one a line from line 3 on."""
    sides = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>" if size else ""
    name = f"<filename>{file}</filename>" if file else ""
    return "\n".join(["<annotation>", f"{name}{sides}", *objects, "</annotation>"])


def box(name: str, *corners: object) -> str:
    values = "".join(
        f"<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    return f"<object><name>{name}</name><bndbox>{values}</bndbox></object>"


def one(text: str | bytes, **options: object) -> Imported:
    """A dataset of one image with this annotation; another, sound one says what kind of dataset it is."""
    return pure_import({"a.jpg": b"", "a.xml": text, "b.jpg": b"", "b.xml": xml(CAT)}, **options)  # type: ignore[arg-type]


# -- layouts

DEVKIT = {
    "VOCdevkit/VOC2012/JPEGImages/1.jpg": b"",
    "VOCdevkit/VOC2012/JPEGImages/2.jpg": b"",
    "VOCdevkit/VOC2012/JPEGImages/3.jpg": b"",
    "VOCdevkit/VOC2012/JPEGImages/4.jpg": b"",
    "VOCdevkit/VOC2012/SegmentationClass/1.png": b"",
    "VOCdevkit/VOC2012/Annotations/1.xml": xml(CAT),
    "VOCdevkit/VOC2012/Annotations/2.xml": xml(box("dog", 0, 0, 100, 50)),
    "VOCdevkit/VOC2012/Annotations/3.xml": xml(),
    "VOCdevkit/VOC2012/ImageSets/Main/train.txt": "1\n",
    "VOCdevkit/VOC2012/ImageSets/Main/val.txt": "2\r\n1\r\n9\r\n",
    "VOCdevkit/VOC2012/ImageSets/Main/trainval.txt": "1\n2\n3\n",
    "VOCdevkit/VOC2012/ImageSets/Main/cat_train.txt": "1  1\n2 -1\n",
    "VOCdevkit/VOC2012/ImageSets/Layout/test.txt": "4 1\n",
}


def test_the_development_kit() -> None:
    found = pure_import(DEVKIT)
    folder = "VOCdevkit/VOC2012/"

    assert (found.layout.format, found.layout.name, found.names) == ("voc", "voc", ["cat", "dog"])
    assert list(found.splits.values()) == ["train", "val", "trainval", "test"]
    assert list(found.boxes.values()) == [[CAT_BOX], [("dog", 0.5, 0.5, 1.0, 1.0)], [], []]
    assert found.found() == [
        ("PAIR_MISSING_LABEL", f"{folder}JPEGImages/4.jpg", None, None),
        ("PAIR_UNLISTED_IMAGE", f"{folder}SegmentationClass/", None, None),
        ("PAIR_SPLIT_DUP", f"{folder}ImageSets/Main/val.txt", 2, None),
        ("PAIR_MISSING_IMAGE", f"{folder}ImageSets/Main/val.txt", 3, None),
        ("PAIR_EMPTY_LABEL", f"{folder}Annotations/3.xml", None, None),
    ]
    assert set(found.layout.config_files) == {
        name for name in DEVKIT if "Main/t" in name or "Main/v" in name or "Layout" in name
    }


@pytest.mark.parametrize(
    ("image", "label", "split"),
    [
        ("a.jpg", "a.xml", None),
        ("raccoon/images/a.jpg", "raccoon/annotations/a.xml", None),
        ("train/a.jpg", "train/a.xml", "train"),
        ("valid/a.b.JPG", "valid/a.b.xml", "val"),
        ("set/images/test/a.png", "set/labels/test/a.xml", "test"),
        ("images/train/a.png", "annotations/a.xml", "train"),
        ("Data/CLS-LOC/train/n01/a.JPEG", "Annotations/CLS-LOC/train/n01/a.xml", "train"),
        ("a/pictures/x.jpg", "a/deep/er/x.XML", None),
    ],
)
def test_labels_pair_wherever_they_lie(image: str, label: str, split: str | None) -> None:
    found = pure_import({image: b"", label: xml(CAT)})

    assert found.boxes == {image: [CAT_BOX]}
    assert found.splits == {image: split}
    assert found.found(but=("XML_FILENAME",)) == []


def test_splits_keep_their_folders_apart() -> None:
    found = pure_import(
        {
            f"{split}/{number}.{ending}": xml(CAT)
            for split in ("train", "valid")
            for number in (1, 2)
            for ending in ("jpg", "xml")
        }
    )
    assert found.layout.splits == ("train", "val")
    assert found.splits == {"train/1.jpg": "train", "train/2.jpg": "train", "valid/1.jpg": "val", "valid/2.jpg": "val"}


def test_strays_pair_by_what_they_say() -> None:
    found = pure_import(
        {"a.jpg": b"", "1.xml": xml(CAT, file="a.jpg"), "b.jpg": b"", "b.xml": xml(CAT, file="c:\\x\\q.jpg")}
    )

    assert found.boxes == {"a.jpg": [CAT_BOX], "b.jpg": [CAT_BOX]}
    assert found.found() == [("XML_FILENAME", "1.xml", 2, 1), ("XML_FILENAME", "b.xml", 2, 1)]


def test_pairs_that_do_not_come_out_even() -> None:
    found = pure_import({"i/a.jpg": b"", "i/a.png": b"", "i/b.jpg": b"", "x/a.xml": xml(CAT), "x/z.xml": xml(CAT)})

    assert found.found() == [
        ("PAIR_MISSING_LABEL", "i/b.jpg", None, None),
        ("PAIR_STEM_COLLISION", "i/a.png", None, None),
        ("PAIR_ORPHAN_LABEL", "x/z.xml", None, None),
    ]


def test_classes_that_a_file_lists_keep_its_order() -> None:
    files = {"a.jpg": b"", "a.xml": xml(CAT, box("ant", 1, 1, 2, 2)), "labels.txt": "zebra\ncat\n"}
    assert pure_import(files).names == ["zebra", "cat", "ant"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("# label:color_rgb:parts:actions\nzebra:0,128,0::\ncat:128,0,0:ear:\n", ["zebra", "cat", "ant"]),
        ("background:0,0,0::\r\nzebra:::\r\ncat:::\r\n", ["zebra", "cat", "ant"]),
        ("background:1,2,3::\nbackground:::\ncat:::\n", ["background", "cat", "ant"]),
        ("cat\nzebra\n", ["cat", "zebra", "ant"]),
        (b"\xff:::\n::::\n:::\n", ["::::", "ant", "cat"]),
        ("#", ["#", "ant", "cat"]),
        ("", ["ant", "cat"]),
    ],
)
def test_the_label_map_of_cvat_and_datumaro(text: str | bytes, names: list[str]) -> None:
    files = {"a.jpg": b"", "a.xml": xml(CAT, box("ant", 1, 1, 2, 2)), "labelmap.txt": text, "labels.txt": "x\n"}
    assert pure_import(files).names == names


def test_lists_of_other_names_are_splits_but_for_those_of_all_images() -> None:
    lists = {"default": "1", "all": "1\n2", "fold_1": "1", "cat_dusk": "1", "dusk": "1\n2", "train": "2"}
    files = {f"ImageSets/Main/{name}.txt": text for name, text in lists.items()}
    files |= {f"Annotations/{number}.xml": xml(CAT) for number in (1, 2)}
    found = pure_import({**files, **{f"JPEGImages/{number}.jpg": b"" for number in (1, 2)}})
    assert found.splits == {"JPEGImages/1.jpg": "dusk", "JPEGImages/2.jpg": "train"}
    assert found.found() == []


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"a.jpg": b"", "a.txt": b""}, "0 .xml files and 1 images"),
        ({"a.jpg": b"", "a.xml": b"<html/>"}, "no <annotation> in the .xml files that were read: a.xml"),
        ({"a.jpg": b"", "b.xml": xml(CAT)}, "none goes with an image by its name"),
        ({"a.xml": xml(CAT)}, "1 .xml files and 0 images"),
    ],
)
def test_refusals_say_what_was_looked_for(members: Mapping[str, bytes], reason: str) -> None:
    with pytest.raises(UnrecognisedDataset) as caught:
        pure_import(members, format_name="voc")
    assert caught.value.reason.startswith("not voc: ")
    assert reason in caught.value.reason


# -- objects


def test_everything_an_object_says_is_kept() -> None:
    text = xml(
        "<object><name>cat</name><pose>Left</pose><truncated>1</truncated><occluded>0</occluded>"
        "<difficult>1</difficult><bndbox><xmax>30.5</xmax><xmin>10.5</xmin><ymin>5</ymin><ymax>25</ymax></bndbox>"
        "<part><name>head</name><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>50</xmax><ymax>25</ymax></bndbox></part>"
        "<attributes><attribute><name>colour</name><value>grey</value></attribute></attributes></object>"
    )
    (cat,) = one(text).rows["a.jpg"].annotations

    assert cat.bbox == (0.205, 0.3, 0.2, 0.4)
    assert cat.attributes == {
        "pose": "Left",
        "truncated": 1,
        "occluded": 0,
        "difficult": 1,
        "colour": "grey",
        "parts": [{"name": "head", "bbox": [0.25, 0.25, 0.5, 0.5]}],
    }


@pytest.mark.parametrize(
    "polygon",
    [
        "<x1>10</x1><y1>5</y1><x2>30</x2><y2>5</y2><x3>30</x3><y3>25</y3>",
        "<pt><x>10</x><y>5</y></pt><pt><x>30</x><y>5</y></pt><pt><x>30</x><y>25</y></pt>",
    ],
)
def test_polygons(polygon: str) -> None:
    found = one(xml(f"<object><name>cat</name><polygon>{polygon}</polygon></object>"))
    (cat,) = found.rows["a.jpg"].annotations

    assert (cat.type, cat.points) == ("polygon", ((0.1, 0.1), (0.3, 0.1), (0.3, 0.5)))
    assert found.boxes["a.jpg"] == [CAT_BOX]


@pytest.mark.parametrize(
    ("row", "kept", "findings"),
    [
        (box("cat", 10, 5, 30, 25), 1, []),
        (box("cat", " 10 ", "5.", "3e1", 25), 1, []),
        (box("cat", 10, 5, 10, 25), 1, [("ROW_ZERO_AREA", "<object>")]),
        (box("cat", 30, 5, 10, 25), 0, [("ROW_CORNER_ORDER", "<xmax>")]),
        (box("cat", 10, 5, 100.5, 25), 1, [("ROW_COORD_TOLERANCE", "<xmax>")]),
        (box("cat", -10, 5, 30, 25), 0, [("ROW_COORD_RANGE", "<xmin>")]),
        (box("cat", 10, 5, 30, 500), 0, [("ROW_COORD_RANGE", "<ymax>")]),
        (box("cat", "ten", 5, 30, 25), 0, [("ROW_NOT_NUMERIC", "<xmin>")]),
        (box("cat", "1_0", 5, 30, 25), 0, [("ROW_NOT_NUMERIC", "<xmin>")]),
        (box("cat", "", 5, 30, 25), 0, [("ROW_NOT_NUMERIC", "<xmin>")]),
        (box("cat", "nan", 5, 30, 25), 0, [("ROW_NAN", "<xmin>")]),
        (box("cat", 10, 5, "1e999", 25), 0, [("ROW_NAN", "<xmax>")]),
        (box("", 10, 5, 30, 25), 0, [("XML_FIELD", "<object>")]),
        ("<object><name>cat</name></object>", 0, [("XML_FIELD", "<object>")]),
        ("<object><name>cat</name><bndbox><xmin>1</xmin></bndbox></object>", 0, [("XML_FIELD", "<object>")]),
        ("<object><name>cat</name><polygon><x1>1</x1><y1>1</y1></polygon></object>", 0, [("XML_FIELD", "<object>")]),
        (box("dog", 1, 1, 2, 2) + CAT, 2, []),
        (CAT + "\n" + CAT, 2, [("ROW_DUPLICATE", "\n<object>")]),
    ],
)
def test_odd_objects(row: str, kept: int, findings: list[tuple[str, str]]) -> None:
    found = one(xml(row))

    assert len(found.rows["a.jpg"].annotations) == kept
    assert found.found() == [(rule, "a.xml", *_place(row, sign)) for rule, sign in findings]


def _place(row: str, sign: str) -> tuple[int, int]:
    """Line and column at which a sign of a row stands in the file; behind the end of a line, at the next one."""
    return (4, 1) if sign.startswith("\n") else (3, row.index(sign) + 1)


# -- the size that boxes are read by


@pytest.mark.parametrize(
    ("declared", "real", "expected", "rule"),
    [
        ((100, 50), (100, 50), CAT_BOX, None),
        ((100, 50), None, CAT_BOX, None),
        ((0, 0), (100, 50), CAT_BOX, "LABEL_SIZE_MISSING"),
        (("?", 50), (100, 50), CAT_BOX, "LABEL_SIZE_MISSING"),
        (None, (100, 50), CAT_BOX, "LABEL_SIZE_MISSING"),
        ((100, 50), (200, 100), CAT_BOX, "LABEL_SIZE_MISMATCH"),
        ((100, 50), (50, 100), CAT_BOX, "LABEL_SIZE_MISMATCH"),
        (None, None, None, "ROW_NO_SIZE"),
    ],
)
def test_sizes(
    declared: tuple[object, object] | None, real: tuple[int, int] | None, expected: object, rule: str | None
) -> None:
    found: list[str] = []
    context = LabelContext(1, RowLimits(), category_ids={"cat": 0})
    data = xml(CAT, size=declared).encode()
    rows = VocLabels(context).read(data, file="a.xml", size=real, report=lambda finding: found.append(finding.rule))

    boxes = [("cat", *(round(value, 6) for value in one.bbox)) for one in rows.annotations]
    assert boxes == ([] if expected is None else [expected])
    assert found == ([] if rule is None else [rule])
    assert (rows.rows_read, rows.rows_left_out) == (1, 0 if expected else 1)


def test_swapped_axes_are_named() -> None:
    assert "axes are swapped" in one(xml(CAT, size=(50, 100))).one("LABEL_SIZE_MISMATCH").message


# -- files that are no use

LAUGHS = "".join(f'<!ENTITY l{at + 1} "{f"&l{at};" * 10}">' for at in range(9))
BOMB = f'<!DOCTYPE annotation [<!ENTITY l0 "ha">{LAUGHS}]><annotation>&l9;</annotation>'
OUTSIDE = '<!DOCTYPE annotation [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><a>&x;</a></annotation>'


@pytest.mark.parametrize(
    ("text", "rule", "line", "column"),
    [
        (b"", "XML_SYNTAX", 1, 1),
        (b"\x00\x01\x02", "XML_SYNTAX", 1, 1),
        (xml(CAT)[:-5], "XML_SYNTAX", 4, 1),
        ("<annotation>\n <a></b>\n</annotation>", "XML_SYNTAX", 2, 7),
        ("<annotation><a>&nbsp;</a></annotation>", "XML_SYNTAX", 1, 16),
        (BOMB, "XML_ENTITY", 1, 35),
        (OUTSIDE, "XML_ENTITY", 1, 61),
        ("<html/>", "XML_KIND", 1, 1),
        ("<annotation>" + "<a>" * 70, "XML_SYNTAX", 1, 202),
        ('<?xml version="1.0" encoding="zip"?><annotation/>', "XML_SYNTAX", 1, 1),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', "XML_SYNTAX", 1, 1),
        (b'<?xml version="1.0" encoding="utf-8"?><annotation><a>\xff</a></annotation>', "XML_SYNTAX", 1, 54),
    ],
)
def test_files_that_are_left_out(text: str | bytes, rule: str, line: int, column: int) -> None:
    found = one(text)

    assert found.rows["a.jpg"].annotations == []
    assert [finding for finding in found.found() if finding[1] == "a.xml"] == [(rule, "a.xml", line, column)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252", "gbk", "shift_jis", "utf-8-sig"])
def test_encodings(encoding: str) -> None:
    name = "猫" if encoding in ("gbk", "shift_jis") else "Kätzchen"
    declared = encoding.removesuffix("-sig")
    text = f'<?xml version="1.0" encoding="{declared}"?>\n' + xml(CAT.replace("cat", name))
    found = one(text.encode(encoding))

    assert found.labels["a.jpg"] == [name]
    assert found.found() == []


def test_a_file_of_very_many_objects_is_bounded() -> None:
    found = one(xml(*[CAT] * 30), limits=RowLimits(max_rows=10))

    assert (len(found.rows["a.jpg"].annotations), found.rows["a.jpg"].rows_read) == (10, 30)
    assert found.one("ROW_LIMIT").message.startswith("20 objects")


@given(some.one_of(some.binary(), some.text().map(str.encode)))
def test_never_raises(data: bytes) -> None:
    context = LabelContext(1, RowLimits(), category_ids={"cat": 0})
    for text in (data, b"<annotation>" + data + b"</annotation>"):
        VocLabels(context).read(text, file="a.xml", size=SIZE, report=lambda _: None)
        list(names_in(text))


@given(
    some.lists(
        some.one_of(some.text(max_size=8), some.floats().map(str), some.integers().map(str)), min_size=4, max_size=4
    )
)
def test_never_raises_on_any_corners(corners: list[str]) -> None:
    texts = [corner.replace("&", "").replace("<", "") for corner in corners]
    rows = one_file(xml(box("cat", *texts)).encode("utf-8", "surrogatepass"))
    for value in (value for annotation in rows for value in annotation.bbox):
        assert -0.02 < value < 1.02


def one_file(data: bytes) -> list:
    context = LabelContext(1, RowLimits(), category_ids={"cat": 0})
    return VocLabels(context).read(data, file="a.xml", size=SIZE, report=lambda _: None).annotations
