"""Tars whose headers lie: sizes, pax records, long names, links, devices; gzip streams that are not what they seem."""

import gzip
import tarfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tests.factories.archives import jpeg_bytes
from tests.factories.broken import ROW, around, noise, tar_of
from tests.factories.hostile import NEIGHBOURS, UNKNOWN, UNREADABLE, Case, one_of

X, IMAGE = "images/train/x.jpg", jpeg_bytes(30, 20, seed=5)
WITH_X = {**NEIGHBOURS, X: IMAGE}
KIB, MIB = 2**10, 2**20
BLOCK = 512

Headers = Iterable[bytes]


def header(name: str | bytes, *, size: bytes | int = 0, kind: bytes = b"0", target: bytes = b"") -> bytes:
    """A ustar header with a right checksum; `size` as bytes is put into its field as it is."""
    block = bytearray(BLOCK)
    raw = name.encode() if isinstance(name, str) else name
    block[: len(raw[:100])] = raw[:100]
    block[100:108], block[108:124] = b"0000644\0", b"0000000\0" * 2
    field = b"%011o\0" % size if isinstance(size, int) else size
    block[124 : 124 + len(field)] = field
    block[136:148] = b"00000000000\0"
    block[156:157] = kind
    block[157 : 157 + len(target[:100])] = target[:100]
    block[257:265] = b"ustar\x0000"
    return sealed(block)


def sealed(block: bytes | bytearray) -> bytes:
    """The header with its checksum."""
    block = bytearray(block)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    """Data as it lies in a tar."""
    return data + bytes(-len(data) % BLOCK)


def member(name: str, data: bytes) -> bytes:
    """A plain member."""
    return header(name, size=len(data)) + padded(data)


def pax(*records: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    """A header for the next member, or with kind `g` for all that follow."""
    return pax_of(b"".join(_record(keyword, value) for keyword, value in records), kind=kind)


def pax_of(body: bytes, *, kind: bytes = b"x") -> bytes:
    """A pax header with this body."""
    return header("pax", size=len(body), kind=kind) + padded(body)


def _record(keyword: bytes, value: bytes) -> bytes:
    rest = b" " + keyword + b"=" + value + b"\n"
    length = len(rest)
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return b"%d" % length + rest


def tar_bytes(*odd: bytes, end: bytes = bytes(1024), x: bool = False) -> bytes:
    """The odd bytes between good members, the description last."""
    good = [member(name, data) for name, data in around({X: IMAGE} if x else {}).items()]
    return b"".join([*good[:2], *odd, *good[2:]]) + end


def _written(data: Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data())


def _tar(*odd: bytes, x: bool = False, **ending: bytes) -> Callable[[Path], object]:
    return _written(lambda: tar_bytes(*odd, x=x, **ending))


def _unreadable(*odd: bytes, others: tuple[str, ...] = ()) -> Case:
    return Case(_tar(*odd), "tar", problems=one_of(UNREADABLE, *others))


def _refused(rule: str, *odd: bytes, file: str | None = X) -> Case:
    return Case(_tar(*odd), "tar", rules=one_of(rule), file=file, never=one_of(X))


def _right(*odd: bytes, x: bool = True, **ending: bytes) -> Case:
    return Case(_tar(*odd, x=x, **ending), "tar", good=WITH_X if x else NEIGHBOURS)


def _base256(number: int) -> bytes:
    return (number & (2**96 - 1) | (1 << 95)).to_bytes(12, "big")


HEADERS: Mapping[str, Case] = {
    "negative size": _unreadable(header(X, size=_base256(-5))),
    "size of 2^63": _unreadable(header(X, size=_base256(2**63))),
    "size of 2^90": _unreadable(header(X, size=_base256(2**90))),
    "size of 8 GiB in octal": _unreadable(header(X, size=b"77777777777\0")),
    "size in base 256": _right(header(X, size=_base256(len(IMAGE))) + padded(IMAGE), x=False),
    "size of no digits": _unreadable(header(X, size=b"size\0") + padded(IMAGE)),
    "size with a minus": _unreadable(header(X, size=b"-0000000512\0") + padded(IMAGE)),
    "size smaller than the data": _unreadable(header(X, size=100) + padded(noise(3000))),
    "size that swallows the next": Case(
        _tar(header(X, size=len(IMAGE) + 600) + padded(IMAGE)),
        "tar",
        problems=one_of(UNREADABLE, UNKNOWN),
        rules=one_of("IMG_UNREADABLE", "PAIR_ORPHAN_LABEL", "PAIR_MISSING_LABEL"),
        good={},
    ),
    "wrong checksum": _unreadable(header(X, size=10).replace(b"x.jpg", b"y.jpg") + bytes(512)),
    "a kind nobody knows": _right(header(X, size=len(IMAGE), kind=b"Z") + padded(IMAGE), x=False),
    "a folder with a size": _right(header("images/", size=len(IMAGE), kind=b"5")),
    "a file and a folder of one name": _right(header(X + "/", kind=b"5"), member(X + "/in.txt", ROW)),
    "a file below a file": _right(member("images/train/good.jpg/in.txt", ROW)),
    "zeros in the middle": Case(_tar(bytes(1024)), "tar", rules=one_of("NAME_UNKNOWN"), good={}),
    "one zero block in the middle": _right(bytes(512)),
    "no end": _right(end=b""),
    "noise behind the end": _right(end=bytes(1024) + noise(70_000)),
    "another tar behind the end": _right(end=bytes(1024) + member("images/train/late.jpg", IMAGE) + bytes(1024)),
    "an old tar without a magic": Case(
        lambda path: tar_of(path, around({X: IMAGE}), kind=tarfile.USTAR_FORMAT), "tar", good=WITH_X
    ),
    "1 000 images of no bytes": Case(
        _tar(*(header(f"images/train/{n}.jpg") for n in range(1000))), "tar", rules=one_of("IMG_UNREADABLE")
    ),
    "20 001 members": Case(
        _written(lambda: b"".join(header(f"a/{n}.jpg") for n in range(20_001)) + bytes(1024)),
        "tar",
        problems=one_of("archive-refused"),
    ),
    "nothing but zeros": Case(_written(lambda: bytes(10_240)), "tar", problems=one_of(UNREADABLE)),
    "a member of another volume": _refused("ARCHIVE_LINK", header(X, kind=b"M")),
}


def _pax_for(body: bytes) -> bytes:
    return pax_of(body) + member(X, IMAGE)


PAX: Mapping[str, Case] = {
    "a record of no length": _unreadable(_pax_for(b" path=a\n")),
    "a record of length zero": _unreadable(_pax_for(b"0 path=a\n")),
    "a record of negative length": _unreadable(_pax_for(b"-9 path=a\n")),
    "a record longer than the header": _unreadable(_pax_for(b"99 path=a\n")),
    "a record of 10^19 bytes": _unreadable(_pax_for(b"10000000000000000000 path=a\n")),
    "a record of 400 digits": _unreadable(_pax_for(b"9" * 400 + b" path=a\n")),
    "a record without a value": _unreadable(_pax_for(b"9 path a\n")),
    "Unicode digits": _unreadable(_pax_for("٩ path=a\n".encode())),
    "size of -1": _unreadable(pax((b"size", b"-1")), member(X, IMAGE)),
    "size of 1e9": _unreadable(pax((b"size", b"1e9")), member(X, IMAGE)),
    "size of 10^30": _unreadable(pax((b"size", b"1" + b"0" * 30)), member(X, IMAGE)),
    "size of 2^62": _unreadable(pax((b"size", b"%d" % 2**62)), member(X, IMAGE), others=("archive-refused",)),
    "size smaller than the data": _unreadable(pax((b"size", b"5")) + header(X, size=2000) + padded(noise(2000))),
    "size that is right": _right(pax((b"size", b"%d" % len(IMAGE))) + header(X) + padded(IMAGE), x=False),
    "header of 2 GB": _unreadable(header("pax", size=2**31, kind=b"x")),
    "header for nothing": Case(
        lambda path: path.write_bytes(tar_bytes(end=pax((b"path", b"a")) + bytes(1024))),
        "tar",
    ),
    "one path for all": Case(
        _written(lambda: pax((b"path", X.encode()), kind=b"g") + tar_bytes()),
        "tar",
        problems=one_of(UNKNOWN),
        rules=one_of("ARCHIVE_DUP_NAME"),
        good={},
    ),
    "a path that climbs": _refused(
        "ARCHIVE_PATH_UNSAFE", pax((b"path", b"../../evil.jpg")) + member(X, IMAGE), file="../../evil.jpg"
    ),
    "a path with a NUL": _refused(
        "ARCHIVE_PATH_UNSAFE", pax((b"path", b"images/train/x\0.jpg")) + member(X, IMAGE), file=None
    ),
    "a path of 900 KB": _refused("ARCHIVE_NAME_LENGTH", pax((b"path", b"n" * 900_000)) + member(X, IMAGE), file=None),
    "a sparse file of 8 EiB": Case(
        _tar(
            pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"%d" % (2**63 - 1)))
            + member(X, IMAGE)
        ),
        "tar",
        rules=one_of("ARCHIVE_LINK", "ARCHIVE_BOMB", "ARCHIVE_TRUNCATED"),
        problems=one_of(UNREADABLE, "archive-refused"),
        never=one_of(X),
    ),
    "a sparse file without a map": Case(
        _tar(header(X, size=len(IMAGE), kind=b"S") + padded(IMAGE)),
        "tar",
        rules=one_of("ARCHIVE_LINK", "ARCHIVE_TRUNCATED", "IMG_UNREADABLE"),
        file=X,
        never=one_of(X),
    ),
    "20 headers in a row": _right(*(pax((b"comment", b"%d" % n)) for n in range(20))),
    "200 comments for all": _right(*(pax((b"k%d" % n, b"v" * 1000), kind=b"g") for n in range(200))),
}

LONG_NAMES: Mapping[str, Case] = {
    "a GNU name of 1 MB": _refused(
        "ARCHIVE_NAME_LENGTH",
        header("././@LongLink", size=MIB, kind=b"L") + bytes(b"n" * MIB) + member(X, IMAGE),
        file=None,
    ),
    "a GNU name of 2 GB": _unreadable(header("././@LongLink", size=2**31, kind=b"L")),
    "a GNU name of no bytes": _right(header("././@LongLink", kind=b"L")),
    "50 GNU names in a row": _refused(
        "ARCHIVE_PATH_UNSAFE",
        *(header("L", size=9, kind=b"L") + padded(b"/etc/evil") for _ in range(50)),
        member("a.md", b""),
        file="/etc/evil",
    ),
    "a GNU name that climbs": _refused(
        "ARCHIVE_PATH_UNSAFE",
        header("././@LongLink", size=20, kind=b"L") + padded(b"../" * 5 + b"x.jpg") + member("y.jpg", IMAGE),
        file=None,
    ),
}

OUTSIDE = ("/etc/passwd", "../../../../etc/passwd", "/proc/self/environ", "C:\\Windows\\win.ini", "\\\\host\\share\\x")


def _link(name: str, target: str, kind: bytes = b"2") -> bytes:
    return header(name, kind=kind, target=target.encode())


def _links_refused(*odd: bytes, file: str | None = X) -> Case:
    return Case(_tar(*odd), "tar", rules=one_of("ARCHIVE_LINK"), file=file, never=one_of(X))


LINKS: Mapping[str, Case] = {
    **{f"symlink to {target}": _links_refused(_link(X, target)) for target in OUTSIDE},
    **{f"hard link to {target}": _links_refused(_link(X, target, b"1")) for target in OUTSIDE},
    "symlink to itself": _links_refused(_link(X, "x.jpg")),
    "hard link to itself": _links_refused(_link(X, X, b"1")),
    "symlinks in a ring": _links_refused(
        *(_link(f"images/train/r{n}.jpg", f"r{(n + 1) % 3}.jpg") for n in range(3)), file="images/train/r0.jpg"
    ),
    "1 000 symlinks in a row that end outside": _links_refused(
        _link(X, "c0.jpg"),
        *(_link(f"images/train/c{n}.jpg", f"c{n + 1}.jpg" if n < 999 else "/etc/passwd") for n in range(1000)),
        file=None,
    ),
    "symlink to a folder outside, and a file through it": Case(
        _tar(_link("images/train/out", "/tmp"), member("images/train/out/evil.jpg", IMAGE)),
        "tar",
        rules=one_of("ARCHIVE_LINK"),
        file="images/train/out",
    ),
    "the images folder is a link outside": Case(
        _tar(_link("images", "/"), _link("images/train", "../../..")),
        "tar",
        rules=one_of("ARCHIVE_LINK"),
        file="images",
    ),
    "symlink to a name of nothing": _links_refused(_link(X, "")),
    "a link with content": _links_refused(header(X, size=0, kind=b"2", target=b"/dev/zero")),
    "symlink of the description": Case(
        _written(lambda: member("images/train/a.jpg", IMAGE) + _link("data.yaml", "/etc/passwd") + bytes(1024)),
        "tar",
        problems=one_of(UNKNOWN, "bad-configuration"),
        rules=one_of("ARCHIVE_LINK"),  # an image without labels is a dataset of images
        good={},
    ),
    **{f"device {kind.decode()}": _links_refused(header(X, kind=kind)) for kind in (b"3", b"4", b"6")},
    "a device with a size": _links_refused(header(X, size=5000, kind=b"3")),
}


def gz(data: bytes, level: int = 6) -> bytes:
    return gzip.compress(data, level, mtime=0)


def _extra_gz(data: bytes) -> bytes:
    """A gzip stream with every optional field, the longest there can be."""
    plain = gz(data)
    fields = b"\xff\xff" + noise(0xFFFF) + b"n" * MIB + b"\0" + b"c" * MIB + b"\0"
    return plain[:3] + b"\x1c" + plain[4:10] + fields + plain[10:]


def _packed(make: Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(make())


def _broken_gz(make: Callable[[], bytes], *others: str) -> Case:
    return Case(_packed(make), "tar.gz", problems=one_of(UNREADABLE, *others))


GOOD_TAR = tar_bytes()
GZ: Mapping[str, Case] = {
    "gzip in gzip": _broken_gz(lambda: gz(gz(GOOD_TAR))),
    "gzip in 30 layers": _broken_gz(lambda: _layers(30)),
    "a bomb in two layers": _broken_gz(lambda: gz(gz(bytes(64 * MIB), 9))),
    "a wrong CRC": _broken_gz(lambda: gz(GOOD_TAR)[:-8] + b"XXXX" + gz(GOOD_TAR)[-4:]),
    "a wrong length": _broken_gz(lambda: gz(GOOD_TAR)[:-4] + b"\xff\xff\xff\xff"),
    "noise behind": _broken_gz(lambda: gz(GOOD_TAR) + noise(5000)),
    "a cut second member": _broken_gz(lambda: gz(GOOD_TAR[:4096]) + gz(GOOD_TAR[4096:])[:-20]),
    "header fields of 2 MB": Case(_packed(lambda: _extra_gz(GOOD_TAR)), "tar.gz"),
    "reserved flags": _broken_gz(lambda: b"\x1f\x8b\x08\xe0" + gz(GOOD_TAR)[4:]),
    "1 000 empty members before": Case(_packed(lambda: gz(b"") * 1000 + gz(GOOD_TAR)), "tar.gz"),
    "a byte per member": Case(
        _packed(lambda: b"".join(gz(GOOD_TAR[at : at + 1], 0) for at in range(2048)) + gz(GOOD_TAR[2048:])), "tar.gz"
    ),
    "a size of 8 GiB": _broken_gz(lambda: gz(tar_bytes(header(X, size=2**33)))),
    "a zip inside": _broken_gz(lambda: gz(b"PK\3\4" + bytes(600))),
    "deflate of a million empty blocks": _broken_gz(
        lambda: gz(b"")[:10] + b"\0\0\0\xff\xff" * 1_000_000 + zlib.compress(b"")[2:-4] + bytes(8), UNKNOWN
    ),
}


def _layers(count: int) -> bytes:
    data = GOOD_TAR
    for _ in range(count):
        data = gz(data)
    return data


TARS: Mapping[str, Case] = {
    **HEADERS,
    **{f"pax: {name}": case for name, case in PAX.items()},
    **LONG_NAMES,
    **LINKS,
    **{f"gz: {name}": case for name, case in GZ.items()},
}
