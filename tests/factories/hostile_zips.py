"""Zips whose records lie: about sizes, places, counts, methods; bombs, overlaps, what stands around the archive."""

import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from tests.factories.archives import jpeg_bytes, many_members, zip_of
from tests.factories.broken import ROW, around, noise
from tests.factories.forged_zip import (
    END,
    SATURATED,
    Ending,
    Fields,
    Forged,
    deflated,
    descriptor,
    forged_zip,
    zip64_extra,
)
from tests.factories.hostile import NEIGHBOURS, UNKNOWN, UNREADABLE, Case, one_of
from tests.factories.raw_zip import SYMLINK

X, IMAGE = "images/train/x.jpg", jpeg_bytes(30, 20, seed=5)
WITH_X = {**NEIGHBOURS, X: IMAGE}
DESCRIBED, STRONG, HIDDEN = 0x0008, 0x0041, 0x2000
HUGE, BEYOND = 2**64 - 1, 2**63
KIB, MIB = 2**10, 2**20


def members(*odd: Forged) -> list[Forged]:
    """The odd ones between good ones, the description last."""
    good = [Forged(name.encode(), data) for name, data in around({}).items()]
    return [*good[:2], *odd, *good[2:]]


def one(**lies: object) -> Callable[[Path], object]:
    """A zip in which one image's headers are forged."""
    return _written(members(Forged(X.encode(), IMAGE, **lies)))  # type: ignore[arg-type]


def _written(what: Sequence[Forged], ending: Ending | None = None, prefix: bytes = b"") -> Callable[[Path], object]:
    return partial(forged_zip, members=what, ending=ending, prefix=prefix)


def _ended(**ending: object) -> Callable[[Path], object]:
    return _written(members(Forged(X.encode(), IMAGE)), Ending(**ending))  # type: ignore[arg-type]


def _damaged(build: Callable[[Path], object], *rules: str) -> Case:
    return Case(build, rules=one_of(*(rules or ("ARCHIVE_TRUNCATED",))), file=X, never=one_of(X))


def _found_by_reading(build: Callable[[Path], object], *rules: str) -> Case:
    found = one_of(*(rules or ("ARCHIVE_TRUNCATED", "ARCHIVE_CRC", "IMG_UNREADABLE")))
    return Case(build, rules=found, file=X, whole_bytes=True)


def _right(build: Callable[[Path], object], **good: bytes) -> Case:
    return Case(build, good={**WITH_X, **good})


def _unreadable(build: Callable[[Path], object], *others: str) -> Case:
    return Case(build, problems=one_of(UNREADABLE, *others))


def _wide(extra: bytes, **central: int | bytes) -> Callable[[Path], object]:
    return one(extra=extra, central=central)


SIZES: Mapping[str, Case] = {
    "size of nothing": _found_by_reading(one(central={"size": 0})),
    "size one short": _found_by_reading(one(central={"size": len(IMAGE) - 1})),
    "size one too many": _found_by_reading(one(central={"size": len(IMAGE) + 1})),
    "packed into nothing": _found_by_reading(one(central={"packed": 0})),
    "packed into less": _found_by_reading(one(central={"packed": 100})),
    "packed into 4 GB": _damaged(one(central={"packed": SATURATED - 1})),
    "size of 4 GB": _damaged(one(central={"size": SATURATED - 1}), "ARCHIVE_BOMB"),
    "zip64 size of 16 EiB": Case(
        _wide(zip64_extra(HUGE), size=SATURATED), problems=one_of("archive-refused"), rules=one_of("ARCHIVE_BOMB")
    ),
    "zip64 packed into 16 EiB": _damaged(_wide(zip64_extra(HUGE), packed=SATURATED)),
    "zip64 field is missing": _damaged(one(central={"packed": SATURATED})),
    "zip64 field is cut": _damaged(_wide(zip64_extra(5)[:7], packed=SATURATED)),
    "zip64 field of no length": _damaged(_wide(b"\1\0\0\0" * 5, packed=SATURATED)),
    "zip64 field longer than the extra": _found_by_reading(_wide(b"\1\0\xff\xff" + bytes(8), packed=SATURATED)),
    "zip64 where nothing is saturated": _right(_wide(zip64_extra(HUGE, HUGE, HUGE))),
    "descriptor that lies": _right(one(flags=DESCRIBED, behind=descriptor(1, 2, 3))),
    "descriptor that is missing": _right(one(flags=DESCRIBED, local={"crc": 0, "packed": 0, "size": 0})),
    "a writer that never came back": _found_by_reading(
        one(flags=DESCRIBED, central={"crc": 0, "packed": 0, "size": 0}, behind=descriptor(1, len(IMAGE), len(IMAGE)))
    ),
    "CRC of another file": _found_by_reading(one(central={"crc": 0xDEADBEEF})),
    "local CRC of another file": _right(one(local={"crc": 0xDEADBEEF})),
}


def _misplaced(path: Path, *, name: str, offset: int) -> None:
    """A zip whose directory says that a member starts where it does not."""
    told = [replace(one, central={"offset": offset}) if one.name == name.encode() else one for one in members()]
    forged_zip(path, told)


PLACES: Mapping[str, Case] = {
    "offset at 4 GB": _damaged(one(central={"offset": SATURATED - 1})),
    "zip64 offset at 8 EiB": _damaged(_wide(zip64_extra(BEYOND), offset=SATURATED)),
    "zip64 offset at 16 EiB": _damaged(_wide(zip64_extra(HUGE), offset=SATURATED)),
    "zip64 offset is missing": _damaged(one(central={"offset": SATURATED})),
    "offset inside another member": Case(
        _written(members(Forged(X.encode(), noise(900), method=0, central={"offset": 40}))),
        rules=one_of("ARCHIVE_BOMB"),
        file=X,
        never=one_of(X),
    ),
    "offset of the first member": _damaged(one(central={"offset": 0}), "ARCHIVE_BOMB"),
    "offset where no header stands": _found_by_reading(
        _written(members(Forged(X.encode(), IMAGE, local={"mark": b"XXXX"})))
    ),
    "local name longer than the archive": _found_by_reading(one(local={"name_bytes": 0xFFFF})),
    "local name shorter than it is": _found_by_reading(one(local={"name_bytes": 3})),
    "local extra that reaches into the next": _found_by_reading(one(local={"extra_bytes": 700})),
    "local extra of 64 KB": _right(one(local_extra=bytes(0xFFFF))),
    "local name that climbs": _right(one(local_name=b"../../../../evil.jpg")),
    "local name of another": _right(one(local_name=b"labels/train/good.txt")),
    "local header says encrypted, stored, huge": _right(
        one(local={"flags": 1, "method": 99, "size": SATURATED, "packed": SATURATED, "version": 0xFFFF})
    ),
    "members in reverse order": _right(
        lambda path: forged_zip(path, members(Forged(X.encode(), IMAGE))[::-1]),
    ),
    **{
        f"description {name}": Case(
            partial(_misplaced, name="data.yaml", offset=offset),
            rules=one_of("NAME_UNKNOWN"),
            problems=one_of("bad-configuration"),
        )
        for name, offset in (("beyond the end", SATURATED - 1), ("inside another member", 40), ("of the first", 0))
    },
    "label beyond the end": Case(
        partial(_misplaced, name="labels/train/good.txt", offset=SATURATED - 1),
        rules=one_of("ARCHIVE_TRUNCATED"),
        file="labels/train/good.txt",
    ),
    "a folder with content": _right(_written(members(Forged(b"images/", b"x" * 500), Forged(X.encode(), IMAGE)))),
    "a file and a folder of one name": _right(
        _written(members(Forged(X.encode() + b"/"), Forged(X.encode(), IMAGE), Forged(X.encode() + b"/in.txt", ROW)))
    ),
}

METHODS: Mapping[str, Case] = {
    **{
        f"method {method}": _damaged(one(method=method), "ARCHIVE_METHOD", "ARCHIVE_ENCRYPTED")
        for method in (1, 6, 10, 18, 97, 99, 0xFFFF)
    },
    "strong encryption": _damaged(one(flags=STRONG), "ARCHIVE_ENCRYPTED"),
    "AES": _damaged(one(flags=1, method=99), "ARCHIVE_ENCRYPTED"),
    "deflate of noise": _found_by_reading(one(packed=b"\x05" + noise(len(IMAGE)))),
    "deflate that points before its start": _found_by_reading(one(packed=b"\x4b\x04\x72" + bytes(20))),
    "deflate of a million empty blocks": _found_by_reading(one(packed=b"\0\0\0\xff\xff" * 1_000_000)),
    "deflate without an end": _found_by_reading(one(packed=deflated(IMAGE)[:-4])),
    "deflate with something behind": _right(one(packed=deflated(IMAGE) + b"PK\3\4 and more")),
    "deflated, and said to be stored": _found_by_reading(
        _written(members(Forged(X.encode(), deflated(IMAGE), method=0, central={"method": 8})))
    ),
}


def _size_off_by(path: Path, *, more: int) -> None:
    """A zip whose end record says that the directory is longer than it is, or shorter."""
    data = bytearray(forged_zip(path, members()).read_bytes())
    at = data.rindex(b"PK\5\6") + 12
    struct.pack_into("<L", data, at, struct.unpack_from("<L", data, at)[0] + more)
    path.write_bytes(data)


def _end_record(**lies: int) -> bytes:
    return END.pack(b"PK\5\6", 0, 0, lies.get("here", 1), lies.get("entries", 1), 46, lies.get("offset", 0), 0)


_WIDE: Fields = {"entries": 0xFFFF, "here": 0xFFFF, "size": SATURATED, "offset": SATURATED}
DIRECTORIES: Mapping[str, Case] = {
    "directory larger than the file": _unreadable(_ended(end={"size": 0x7FFFFFFF})),
    "directory of the whole file": _unreadable(_ended(end={"offset": 0}), UNKNOWN),
    "directory behind the file": _unreadable(_ended(end={"offset": 0x7FFFFFFF})),
    "directory of no bytes": _unreadable(_ended(end={"size": 0}), UNKNOWN),
    "directory one byte short": _unreadable(partial(_size_off_by, more=-1)),
    "directory one byte too long": _unreadable(partial(_size_off_by, more=1)),
    "one member too many announced": _unreadable(_ended(end={"entries": 7, "here": 7})),
    "one member too few announced": _unreadable(_ended(end={"entries": 5, "here": 5})),
    "65535 members announced": _unreadable(_ended(end={"entries": 0xFFFF, "here": 0xFFFF})),
    "another count for this disk": _unreadable(_ended(end={"here": 2})),
    "saturated without zip64": _unreadable(_ended(end=_WIDE)),
    "zip64 of 2^63 members": _unreadable(
        _ended(end=_WIDE, wide={"entries": BEYOND, "here": BEYOND}), "archive-refused"
    ),
    "zip64 of 2^40 members in as many bytes": _unreadable(
        _ended(end=_WIDE, wide={"entries": 2**40, "here": 2**40, "size": 2**46}), "archive-refused"
    ),
    "zip64 directory of 16 EiB": _unreadable(_ended(end=_WIDE, wide={"size": HUGE})),
    "zip64 directory at 16 EiB": _unreadable(_ended(end=_WIDE, wide={"offset": HUGE})),
    "zip64 on another disk": _unreadable(_ended(end=_WIDE, wide={"disk": 9})),
    "zip64 locator that points to itself": _right(_ended(end=_WIDE, wide={}, locator={"offset": 0})),
    "zip64 locator that points nowhere": _unreadable(
        _ended(end=_WIDE, wide={"mark": b"XXXX"}, locator={"offset": HUGE})
    ),
    "zip64 record of 16 EiB": _right(_ended(end=_WIDE, wide={"record_bytes": HUGE})),
    "hidden directory": _unreadable(one(central={"flags": HIDDEN})),
    "a record's name reaches beyond": _unreadable(one(central={"name_bytes": 0xFFFF})),
    "a record's comment reaches beyond": _unreadable(one(central={"comment_bytes": 0xFFFF})),
    "a signature in the middle": _unreadable(one(central={"mark": b"PK\5\5"})),
    "bytes between directory and end": _right(_ended(before=b"\0" * 999)),
    "nothing but an end": Case(partial(forged_zip, members=[]), problems=one_of(UNKNOWN, UNREADABLE)),
    "folders only": Case(partial(forged_zip, members=[Forged(b"images/"), Forged(b"a/")]), problems=one_of(UNKNOWN)),
}

AROUND: Mapping[str, Case] = {
    "100 KB before": Case(
        _written(members(Forged(X.encode(), IMAGE)), prefix=b"#!/bin/sh\n" + noise(100 * KIB)), good=WITH_X
    ),
    "another zip before": Case(
        lambda path: forged_zip(
            path, members(Forged(X.encode(), IMAGE)), prefix=zip_of(path, {"images/train/old.jpg": IMAGE}).read_bytes()
        ),
        good=WITH_X,
        never=one_of("images/train/old.jpg"),
    ),
    "1 KB behind": _right(_ended(behind=noise(KIB))),
    "70 KB behind": _unreadable(_ended(behind=noise(70 * KIB))),
    "an end record in the comment": _right(_ended(comment=b"x" * 9 + _end_record(offset=5) + b"y")),
    "an end record as the comment": _right(_ended(comment=_end_record())),
    "a comment of 2978 end records": _right(_ended(comment=_end_record() * 2978)),
}


def quoted_overlap(path: Path, *, files: int = 60, kernel_bytes: int = 8 * MIB) -> Path:
    """Fifield's bomb (WOOT 2019): all members share one kernel.

    Each member's deflate stream quotes the next one's header as a stored block, and runs on into the next stream.
    """
    chain = [Forged(b"images/train/kernel.jpg", bytes(kernel_bytes), packed=deflated(bytes(kernel_bytes)))]
    for number in reversed(range(files)):
        header = _local_of(chain[0].name)
        block = b"\0" + len(header).to_bytes(2, "little") + (len(header) ^ 0xFFFF).to_bytes(2, "little")
        packed = block + header + (chain[0].packed or b"")
        chain.insert(0, Forged(b"images/train/%04d.jpg" % number, header + chain[0].data, packed=packed))
    inside, at = [], 0
    for outer, inner in pairwise(chain):
        at += len(_local_of(outer.name)) + 5
        inside.append(replace(inner, packed=b"", central={"offset": at, "packed": len(inner.packed or b"")}))
    return forged_zip(path, [chain[0], *members(), *inside])


def _local_of(name: bytes) -> bytes:
    return b"PK\3\4" + bytes(22) + len(name).to_bytes(2, "little") + b"\0\0" + name


def _nested(path: Path, *, levels: int = 8) -> None:
    zip_of(path, {"images/a.jpg": bytes(MIB)})
    for level in range(levels):
        data = path.read_bytes()
        zip_of(path, {f"{level}-{copy}.zip": data for copy in range(3)}, compression=zipfile.ZIP_DEFLATED)


def _with_nested(path: Path) -> None:
    inner = zip_of(path, {"images/train/inner.jpg": IMAGE, "data.yaml": b"names: [evil]\ntrain: .\n"}).read_bytes()
    zip_of(path, around({X: inner, "more/inner.zip": inner, "images/train/y.zip": inner}))


BOMBS: Mapping[str, Case] = {
    "ratio bombs as image, label and description": Case(
        lambda path: zip_of(
            path, around({name: bytes(30 * MIB) for name in (X, "labels/train/x.txt", "images/train/data.yaml")})
        ),
        rules=one_of("ARCHIVE_BOMB"),
        file=X,
        never=one_of(X),
    ),
    "20 001 members": Case(partial(many_members, count=20_001), problems=one_of("archive-refused")),
    "65 537 members, 1 announced": _unreadable(
        lambda path: forged_zip(
            path, [Forged(b"%d" % n, method=0) for n in range(0x10001)], Ending(end={"entries": 1, "here": 1})
        ),
        "archive-refused",
    ),
    "2 000 images of no bytes": Case(
        _written(members(*(Forged(b"images/train/%d.jpg" % n, method=0) for n in range(2000)))),
        rules=one_of("IMG_UNREADABLE"),
    ),
    "zips in zips": Case(_nested, problems=one_of(UNKNOWN)),
    "zips beside images": Case(
        _with_nested, rules=one_of("IMG_UNREADABLE"), file=X, never=one_of(X, "images/train/inner.jpg")
    ),
}


def _link(name: str, target: bytes, **more: bytes) -> Forged:
    return Forged(name.encode(), target, central={"attributes": SYMLINK}, **more)


def _links(*odd: Forged) -> Case:
    found = one_of("ARCHIVE_LINK", "ARCHIVE_TRUNCATED", "ARCHIVE_BOMB", "ARCHIVE_PATH_UNSAFE")
    return Case(_written(members(*odd)), rules=found, never=one_of(X))


LINKS: Mapping[str, Case] = {
    **{
        f"symlink to {target.decode()}": _links(_link(X, target))
        for target in (
            b"/etc/passwd",
            b"../../../../etc/passwd",
            b"C:\\Windows\\win.ini",
            b"x.jpg",
            b".",
            b"nothing.jpg",
        )
    },
    "symlinks in a ring": _links(_link(X, b"y.jpg"), _link("images/train/y.jpg", b"x.jpg")),
    "symlink of 5 MB": _links(_link(X, b"../" * (5 * MIB // 3))),
    "symlink of NULs": _links(_link(X, b"good.jpg\0/etc/passwd")),
    "symlink that is no text": _links(_link(X, noise(200))),
    "symlink whose deflate is noise": _links(_link(X, b"good.jpg", packed=b"\x05" + noise(90))),
    "symlink to a folder, and a file through it": Case(
        _written(members(_link("images/train/out", b"/tmp"), Forged(b"images/train/out/evil.jpg", IMAGE))),
        rules=one_of("ARCHIVE_LINK"),
        file="images/train/out",
    ),
}

ZIPS: Mapping[str, Case] = {**LINKS, **SIZES, **PLACES, **METHODS, **DIRECTORIES, **AROUND, **BOMBS}
