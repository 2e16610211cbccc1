"""The sound inputs that the fuzzer damages: small archives of a few images and labels, configurations, labels."""

import tarfile
import tempfile
from functools import cache
from pathlib import Path
from random import Random

from tests.factories.archives import yolo_zip, zip_of
from tests.factories.broken import CONFIG, ROW, around, tar_of
from tests.factories.forged_zip import Ending, Forged, forged_zip, zip64_extra
from tests.factories.hostile_tars import header, member, pax, sealed, tar_bytes
from tests.factories.raw_zip import SYMLINK

BLOCK = 512
LABELS = (
    ROW * 3,
    b"0 0.1 0.2 0.3 0.4\n1 0.1 0.1 0.9 0.1 0.9 0.9\n",
    b"2 .5 .5 1e-1 1E-1\r\n\r\n1 0.5 0.5 0.2 0.2\n",
    b"\xef\xbb\xbf0 0.25 0.75 0.125 0.0625",
    "1 0.5 0.5 0.2 0.2\n٠ ٠.٥ ٠.٥ ٠.٢ ٠.٢\n".encode(),  # noqa: RUF001 - digits that float() takes
    b"0 nan inf -inf 1_0\n" * 5,
)
DOTA_LABELS = (
    b"imagesource:GoogleEarth\ngsd:0.146\n10 20 30 20 30 40 10 40 small-vehicle 0\n1.5 2 3 4 5 6 7 8 ship 1\n",
    b"0 0 9 0 9 9 0 9 storage tank\r\n0.12345678901234567890 0 9 0 9 9 0 9 7 2\r\n",
)
NOTES = (b'{"categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}], "info": {"year": 2026}}', b"[]")
NDJSONS = (
    (
        b'{"type": "dataset", "task": "pose", "class_names": {"0": "cat", "1": "dog"}, "kpt_shape": [2, 3]}\n'
        b'{"type": "image", "file": "a.jpg", "split": "train", "annotations": {"boxes": [[0, 0.5, 0.5, 0.2, 0.2]]}}\n'
        b'{"type": "image", "file": "b.jpg", "split": "val", "url": "https://host/b", "annotations": '
        b'{"pose": [[1, 0.5, 0.5, 0.2, 0.2, 0.1, 0.1, 2, 0, 0, 0]], "classification": [1], '
        b'"segments": [[0, 0.1, 0.1, 0.5, 0.1, 0.5, 0.5]]}}\n'
    ),
    b'{"type": "dataset", "class_names": ["a"]}\r\n{"file": "a.jpg"}\r\n{"file": "images/train/a.jpg"}',
)
TREES = (
    ("images/train/a.jpg", "images/val/b.jpg", "labels/train/a.txt", "labels/val/b.txt", "classes.txt", "notes.json"),
    ("train/images/a.jpg", "train/labels/a.txt", "valid/images/b.jpg", "valid/labels/b.txt", "data.yaml"),
    ("a.jpg", "a.txt", "b.jpg", "b.txt", "obj.names", "_darknet.labels"),
    ("train/images/a.png", "train/labelTxt/a.txt", "val/images/b.png", "val/labelTxt-v1.0/labelTxt/b.txt"),
    ("set.ndjson", "a.jpg", "images/train/a.jpg", "images/val/b.jpg"),
    ("a/data.yaml", "b/coco8.yaml", "a/images/train/a.jpg", "a/labels/train/a.txt", "b/obj.data"),
)
CONFIGS = (
    CONFIG,
    b"train: ../train/images\nval: ../valid/images\nnc: 3\nnames: ['a', 'b', 'c']\ndownload: x\n",
    b"path: .\ntrain: train.txt\nval:\n - images/val\n - images/test\nnames:\n  0: person\n  1: car\n",
    b"classes = 3\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\nbackup = backup/\n",
    b"person\ncar\ntraffic light\n",
    b"data/obj_train_data/img_00000.jpg\nimages/train/good.jpg\n",
    b"a: &a [1, 2]\nb: *a\ntrain: images\nnames: [*a]\n",
)


@cache
def zips() -> tuple[bytes, ...]:
    """Deflated, stored, zip64, with a prefix, a comment and long names; of three layouts."""
    with tempfile.TemporaryDirectory() as folder:
        return tuple(path.read_bytes() for path in _zip_files(Path(folder)))


def _zip_files(folder: Path) -> list[Path]:
    layouts = []
    for layout in ("ultralytics", "roboflow", "darknet"):
        yolo_zip(folder / f"{layout}.zip", images=5, layout=layout)  # type: ignore[arg-type]
        layouts.append(folder / f"{layout}.zip")
    link = Forged(b"images/train/link.jpg", b"good.jpg", central={"attributes": SYMLINK})
    plain = [Forged(name.encode(), data) for name, data in around({}).items()]
    wide = [Forged(one.name, one.data, extra=zip64_extra(len(one.data)), central={"size": 0xFFFFFFFF}) for one in plain]
    return [
        *layouts,
        zip_of(folder / "stored.zip", around({}), compression=0),
        forged_zip(folder / "wide.zip", wide, Ending(wide={}, comment=b"a comment")),
        forged_zip(folder / "prefix.zip", [link, *plain], prefix=b"#!/bin/sh\n" * 20),
    ]


@cache
def tars() -> tuple[bytes, ...]:
    """GNU, pax and ustar, with long names, links, sparse and global headers."""
    long = {f"images/train/{'n' * 120}.jpg": b"", "labels/train/" + "ä" * 70 + ".txt": ROW}
    with tempfile.TemporaryDirectory() as folder:
        kinds = (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
        made = [tar_of(Path(folder) / f"{kind}.tar", around(long), kind=kind).read_bytes() for kind in kinds]
    odd = pax((b"comment", b"x"), kind=b"g") + pax((b"path", b"a.txt"), (b"size", b"3")) + member("b.txt", b"abc")
    return (*made, tar_bytes(), tar_bytes(odd, header("images/train/l.jpg", kind=b"2", target=b"good.jpg")))


def repaired(data: bytes, dice: Random) -> bytes:
    """The tar with right checksums in the blocks that look like headers, so that the damage gets further."""
    hurt = bytearray(data)
    for at in range(0, len(hurt) - BLOCK + 1, BLOCK):
        if hurt[at + 257 : at + 262] == b"ustar" and dice.random() < 0.95:
            hurt[at : at + BLOCK] = sealed(hurt[at : at + BLOCK])
    return bytes(hurt)
