"""Archives that are small, or at least within every limit, and want a worker to take memory or time without end."""

import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import CONFIG, ROW, around, tar_of
from tests.factories.forged_zip import Forged, forged_zip
from tests.factories.hostile import NEIGHBOURS, UNREADABLE, Case, one_of
from tests.factories.hostile_tars import GOOD_TAR, gz, header, pax, tar_bytes
from tests.factories.hostile_zips import members, quoted_overlap

X, IMAGE, LABEL = "images/train/x.jpg", jpeg_bytes(30, 20, seed=5), "labels/train/x.txt"
MIB = 2**20


def _stored(**odd: bytes) -> Callable[[Path], object]:
    return lambda path: zip_of(path, around(odd), compression=zipfile.ZIP_STORED)


def _labelled(make: Callable[[], bytes]) -> Callable[[Path], object]:
    """Stored, so that no ratio gives it away."""
    return lambda path: zip_of(path, around({X: IMAGE, LABEL: make()}), compression=zipfile.ZIP_STORED)


def _label(make: Callable[[], bytes], *rules: str) -> Case:
    return Case(_labelled(make), rules=one_of("LABEL_TOO_LARGE", *rules), file=LABEL)


def _many_labels(path: Path) -> None:
    """Each label is just below the size from which ratios matter: 400 KB of archive are 400 MB of labels."""
    odd: dict[str, bytes] = {}
    for number in range(40):
        odd |= {f"images/train/{number}.jpg": jpeg_bytes(20, 20, seed=number)}
        odd |= {f"labels/train/{number}.txt": b" " * (10 * MIB - 1 - number)}
    zip_of(path, around(odd))


LABELS: Mapping[str, Case] = {
    "a label of 31 MB of line ends": _label(lambda: b"\n" * (31 * MIB), "PAIR_EMPTY_LABEL"),
    "a label of 31 MB of rows": _label(lambda: ROW * (31 * MIB // len(ROW)), "ROW_LIMIT"),
    "a label of a million bad rows": _label(lambda: b"x\n" * MIB, "ROW_COLUMNS"),
    "a label of 31 MB of one number": _label(lambda: b"1" * (31 * MIB), "ROW_COLUMNS"),
    "a label of 31 MB of one row": _label(lambda: b"1 " * (31 * MIB // 2), "ROW_COLUMNS"),
    "a label of 31 MB of polygons": _label(lambda: (b"0" + b" .1 .9" * 9000 + b"\n") * 575, "ROW_LIMIT"),
    "40 labels of 10 MB": Case(_many_labels, rules=one_of("PAIR_EMPTY_LABEL", "LABEL_TOO_LARGE", "ARCHIVE_BOMB")),
}


def _described(make: Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda path: zip_of(path, around({}) | {"data.yaml": make()}, compression=zipfile.ZIP_STORED)


def _listed(make: Callable[[], bytes]) -> Callable[[Path], object]:
    more = {"data.yaml": b"train: train.txt\nnames: [a, b, c]\n"}
    return lambda path: zip_of(path, around({}) | more | {"train.txt": make()}, compression=zipfile.ZIP_STORED)


def _twice(path: Path) -> None:
    """A split with a name of 1 MB that has every image a second time: each is worth a finding."""
    images = {f"images/val/{n}.jpg": jpeg_bytes(12, 12, seed=n) for n in range(400)}
    config = CONFIG + b"? train-" + b"s" * MIB + b"\n: images\n"
    zip_of(path, around(images) | {"data.yaml": config})


_GOOD_LINES = b"images/train/good.jpg\nimages/val/last.jpg\n"
DESCRIPTIONS: Mapping[str, Case] = {
    "a description of 490 000 values": Case(
        _described(lambda: CONFIG + b"x:\n" + b"- a\n" * 490_000), problems=one_of("bad-configuration"), either=True
    ),
    "100 000 categories": Case(_described(lambda: b"train: images/train\nval: images/val\nnc: 100000\n")),
    "a name of 300 KB, 99 times": Case(
        _described(lambda: b"x: &a " + b"n" * 300_000 + b"\ntrain: images/train\nnames: [" + b"*a, " * 99 + b"b]\n"),
        problems=one_of("bad-configuration"),
        either=True,
    ),
    "a split of a name of 1 MB": Case(
        _twice, problems=one_of("bad-configuration"), either=True, rules=one_of("PAIR_SPLIT_DUP"), good={}
    ),
    "a list of 60 MB of line ends": Case(_listed(lambda: _GOOD_LINES + b"\n" * (60 * MIB))),
    "a list of 8 MB of nothing here": Case(
        _listed(lambda: _GOOD_LINES + b"a/b.jpg\n" * MIB), rules=one_of("PAIR_MISSING_IMAGE")
    ),
    "a list of 60 MB in one line": Case(
        _listed(lambda: _GOOD_LINES + b"a/" * (30 * MIB)), rules=one_of("PAIR_MISSING_IMAGE")
    ),
}


def _late_tiff(path: Path) -> None:
    """A TIFF that describes itself 63 MB behind its start, and claims to be 70 MB long."""
    at = 63 * MIB
    directory = struct.pack("<HHHLLHHLL", 2, 256, 3, 1, 40, 257, 3, 1, 30) + bytes(4)
    data = b"II*\0" + struct.pack("<L", at) + bytes(at - 8) + directory + bytes(7 * MIB)
    zip_of(path, around({"images/train/x.tif": data}), compression=zipfile.ZIP_STORED)


def _image_in_gz(make: Callable[[], bytes]) -> Callable[[Path], object]:
    """Compressed as a whole, so that a few KB of archive are tens of MB of image."""
    return lambda path: tar_of(path, around({X: make()}), mode="w:gz")


def _not_taken(make: Callable[[], bytes]) -> Case:
    rules = one_of("IMG_UNREADABLE", "IMG_NOT_MEASURED")
    return Case(_image_in_gz(make), "tar.gz", rules=rules, file=X)


IMAGES: Mapping[str, Case] = {
    "a TIFF that describes itself 63 MB late": Case(_late_tiff, good={**NEIGHBOURS}),
    "a JPEG of 63 MB of fill": _not_taken(lambda: b"\xff\xd8" + b"\xff" * (63 * MIB)),
    "a JPEG of 63 MB of empty segments": _not_taken(lambda: b"\xff\xd8" + b"\xff\xe0\0\2" * (63 * MIB // 4)),
    "ten JPEGs of 8 MB of fill": Case(
        lambda path: tar_of(
            path,
            around({f"images/train/{n}.jpg": b"\xff\xd8" + b"\xff" * (8 * MIB - 100 - n) for n in range(10)}),
            mode="w:gz",
        ),
        "tar.gz",
        rules=one_of("IMG_UNREADABLE"),
    ),
    "an image of 100 MB of zeros": _not_taken(lambda: bytes(100 * MIB)),
}


def _global_records(*, keywords: Iterable[bytes], each: int, behind: int) -> bytes:
    """Pax records that hold for all members that follow, `each` to a header, and those members."""
    records = [(keyword, b"") for keyword in keywords]
    said = [pax(*records[at : at + each], kind=b"g") for at in range(0, len(records), each)]
    return b"".join([*said, *(header(f"a/{n}.md") for n in range(behind)), tar_bytes()])


def _long(count: int) -> Iterable[bytes]:
    return (b"%06d" % number + b"k" * (MIB - 20) for number in range(count))


def _short(count: int) -> Iterable[bytes]:
    return (b"%x" % number for number in range(count))


def _long_names(count: int) -> bytes:
    return tar_bytes(
        *(header("L", size=MIB, kind=b"L") + b"%06d" % n + b"n" * (MIB - 6) + header("a") for n in range(count))
    )


def _written(make: Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(make())


def _odd_records(count: int, **said: bytes) -> Callable[[Path], object]:
    return lambda path: forged_zip(path, members(*(Forged(b"e/%d.md" % n, **said) for n in range(count))))  # type: ignore[arg-type]


ARCHIVES: Mapping[str, Case] = {
    "60 members that share 8 MB": Case(quoted_overlap, rules=one_of("ARCHIVE_BOMB")),
    "300 comments of 64 KB": Case(_odd_records(300, comment=bytes(0xFFFF))),
    "300 extra fields of 64 KB": Case(_odd_records(300, extra=bytes(0xFFFF))),
    "300 names of 64 KB": Case(
        lambda path: forged_zip(path, members(*(Forged(b"%d" % n + b"n" * 65_000) for n in range(300)))),
        rules=one_of("ARCHIVE_NAME_LENGTH"),
    ),
    "60 GNU names of 1 MB": Case(
        _written(lambda: gz(_long_names(60), 1)), "tar.gz", rules=one_of("ARCHIVE_NAME_LENGTH")
    ),
    "200 pax keywords of 1 MB for all": Case(
        _written(lambda: gz(_global_records(keywords=_long(200), each=1, behind=0), 1)),
        "tar.gz",
        problems=one_of(UNREADABLE, "archive-refused"),
        either=True,
    ),
    "60 000 pax keywords, for each of 4 000 members": Case(
        _written(lambda: gz(_global_records(keywords=_short(60_000), each=60_000, behind=4000), 1)),
        "tar.gz",
        problems=one_of(UNREADABLE, "archive-refused"),
        either=True,
    ),
    "20 000 empty gzip members": Case(
        _written(lambda: gz(b"") * 20_000 + gz(GOOD_TAR)),
        "tar.gz",
        problems=one_of(UNREADABLE, "archive-refused"),
        either=True,
    ),
}

HEAVY: Mapping[str, Case] = {**LABELS, **DESCRIPTIONS, **IMAGES, **ARCHIVES}
