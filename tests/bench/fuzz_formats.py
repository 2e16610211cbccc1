"""The fuzzer's targets of annotation formats: XML, rows and tables are damaged, and so are the names of members."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from shared.formats.annotations.kitti.labels import KittiLabels, looks_like_labels
from shared.formats.annotations.kitti.labels import names_in as kitti_names
from shared.formats.annotations.model import (
    BrokenConfig,
    LabelContext,
    LabelReader,
    LabelRows,
    RowLimits,
    UnrecognisedDataset,
)
from shared.formats.annotations.voc.document import is_annotation
from shared.formats.annotations.voc.labels import VocLabels
from shared.formats.annotations.voc.labels import names_in as voc_names
from shared.formats.findings import Finding
from shared.formats.rules import RULES
from tests.bench.damage import damaged
from tests.factories.pure_imports import pure_import

LIMITS = RowLimits(max_columns=201, max_points=2_000, max_rows=500)
NAMES = ("cat", "Car", "DontCare", "dog")
_OBJECT = (
    b"<object><name>cat</name><pose>Left</pose><truncated>0</truncated><bndbox><xmin>1</xmin><ymin>2</ymin>"
    b"<xmax>30.5</xmax><ymax>20</ymax></bndbox><part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin>"
    b"<xmax>2</xmax><ymax>2</ymax></bndbox></part></object>"
)
_POLYGON = (
    b"<object><name>dog</name><polygon><x1>1</x1><y1>1</y1><x2>9</x2><y2>1</y2><x3>9</x3><y3>9</y3></polygon></object>"
)
_SIZE = b"<size><width>100</width><height>50</height><depth>3</depth></size>"
XML = (
    b"<annotation><filename>a.jpg</filename>" + _SIZE + _OBJECT + _POLYGON + b"</annotation>",
    b'<?xml version="1.0" encoding="iso-8859-1"?>\n<annotation>' + _OBJECT * 20 + b"</annotation>",
    '<?xml version="1.0"?><annotation><a>ä</a></annotation>'.encode("utf-16"),
    b'<!DOCTYPE annotation [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><annotation>&b;</annotation>',
    b"<annotation>" + b"<a>" * 60 + b"</a>" * 60 + b"</annotation>",
)
KITTI = (
    b"Car 0.00 0 -1.57 10 5 30.00 25 1.67 1.87 3.69 -16.53 2.39 58.49 1.57\n" * 3,
    b"DontCare -1 -1 -10 0.00 0.00 100.00 50.00 -1 -1 -1 -1000 -1000 -1000 -10\r\n",
    b"cat 1 1 1 1 1 2 2 1 1 1 1 1 1 1 0.75\n",
)
OURS = (
    b"path,split,width,height,category,category_id,type,x_center,y_center,box_width,box_height,points,keypoints,attributes\n"
    b'a.jpg,val,100,50,cat,0,polygon,.5,.5,.2,.2,"[[0.1,0.2],[0.3,0.4],[0.5,0.1]]",,"{""a"": 1}"\n'
    b'a.jpg,val,100,50,dog,1,pose,.5,.5,.2,.2,,"[[0.1,0.2,2]]",\n,,,,rare,2,,,,,,,,\n'
)
TABLES = (
    b"image,label\na.jpg,cat\nb.jpg,dog\n",
    b"filename;width;height;class;xmin;ymin;xmax;ymax\r\na.jpg;100;50;cat;1;2;30;20\r\nb;;;dog;1;1;2;2\r\n",
    b'image_id,bbox,label\na,"[1, 2, 3, 4]","c""at"\nb,"[.1 .2\n.3 .4]",dog\n',
    b"id,cat,dog\na,1,0\nb,1,1\n",
    OURS,
    "image,label\na.jpg,Kätzchen\n".encode("utf-16"),
)
TREES = (
    {"V/JPEGImages/1.jpg": b"", "V/Annotations/1.xml": XML[0], "V/ImageSets/Main/train.txt": b"1\n2 -1\n"},
    {"training/image_2/1.png": b"", "training/label_2/1.txt": KITTI[0], "training/calib/1.txt": b"P0: 1"},
    {"train/cat/1.jpg": b"", "train/dog/2.jpg": b"", "val/cat/3.jpg": b"", "test/4.jpg": b""},
    {
        "t/wnids.txt": b"n1\nn2\n",
        "t/words.txt": b"n1\ta, b\n",
        "t/train/n1/images/1.JPEG": b"",
        "t/val/images/v.JPEG": b"",
        "t/val/val_annotations.txt": b"v.JPEG\tn2\t0\t0\t1\t1\n",
    },
    {"images/a.jpg": b"", "images/b.jpg": b"", "train.csv": TABLES[0], "val.csv": TABLES[1]},
    {"train/1.jpg": b"", "test/2.jpg": b"", "3.png": b""},
)


class Wrong(AssertionError):
    """An answer that breaks a promise."""


def _context() -> LabelContext:
    ids = {name: number for number, name in enumerate(NAMES)}
    return LabelContext(len(NAMES), LIMITS, category_ids=ids, files=("t.csv",))


def _check(rows: LabelRows, found: list[Finding]) -> str:
    """Every row is accounted for, every box is inside, every finding has a rule."""
    if rows.rows_read != len(rows.annotations) + rows.rows_left_out:
        raise Wrong("rows are missing")
    for one in rows.annotations:
        values = (*one.bbox, *(value for point in one.points for value in point))
        if not all(-0.02 < value < 1.02 for value in values):
            raise Wrong(f"{one} lies outside")
    if not all(one.rule in RULES and len(one.message) < 1000 for one in found):
        raise Wrong("a finding that is none")
    return "read, with findings" if found else "read"


def _read(reader: LabelReader, data: bytes, dice: Random) -> str:
    found: list[Finding] = []
    size = dice.choice((None, (100, 50), (1, 1)))
    return _check(reader.read(data, file="a", size=size, report=found.append), found)


def _misspelt(data: bytes, dice: Random) -> bytes:
    """The data with other characters in place of some digits: XML and tables stay whole, and say something else."""
    hurt = bytearray(data)
    for at, byte in enumerate(data):
        if byte in b"0123456789" and dice.random() < 0.1:
            hurt[at : at + 1] = dice.choice((b"9", b"-", b".", b"e", b"_", b" ", b"0", b"n"))
    return bytes(hurt)


def _hurt(corpus: Sequence[bytes], dice: Random) -> bytes:
    data = dice.choice(corpus)
    return _misspelt(data, dice) if dice.random() < 0.5 else damaged(data, dice, corpus)


def _voc(dice: Random) -> str:
    data = _hurt(XML, dice)
    is_annotation(data)
    list(voc_names(data))
    return _read(VocLabels(_context()), data, dice)


def _kitti(dice: Random) -> str:
    data = _hurt(KITTI, dice)
    looks_like_labels(data)
    list(kitti_names(data))
    return _read(KittiLabels(_context()), data, dice)


def _table(dice: Random) -> str:
    data = _hurt(TABLES, dice)
    return _imported({"a.jpg": b"", "b.jpg": b"", "t.csv": data}, dice, format_name="csv")


def _tree(dice: Random) -> str:
    files: dict[str, bytes] = {}
    for tree in dice.sample(TREES, dice.choice((1, 1, 1, 2))):
        for name, data in tree.items():
            hurt = damaged(name.encode(), dice).decode("utf-8", "replace") if dice.random() < 0.3 else name
            plain = "/".join(part for part in hurt.split("/") if part not in ("", ".", ".."))
            files[plain or "x"] = damaged(data, dice, XML) if dice.random() < 0.3 else data
    return _imported(files, dice)


def _imported(files: Mapping[str, bytes], dice: Random, format_name: str = "auto") -> str:
    piece = dice.choice((1 << 20, 37))
    try:
        found = pure_import(files, size=(100, 50), format_name=format_name, piece=piece, limits=LIMITS)
    except (UnrecognisedDataset, BrokenConfig) as error:
        return type(error).__name__
    for rows in found.rows.values():
        _check(rows, found.findings)
    return f"read as {found.layout.format}"


FORMAT_TARGETS: Mapping[str, Callable[[Random], str]] = {
    "voc": _voc,
    "kitti": _kitti,
    "table": _table,
    "other tree": _tree,
}
