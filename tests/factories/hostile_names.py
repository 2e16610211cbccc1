"""Names that want to leave their place, or to look like another."""

import struct
import zlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tests.factories.archives import jpeg_bytes, zip_of
from tests.factories.broken import around, tar_of
from tests.factories.forged_zip import Forged, forged_zip
from tests.factories.hostile import NEIGHBOURS, Case, one_of
from tests.factories.hostile_zips import members as zip_members

X, IMAGE = "images/train/x.jpg", jpeg_bytes(30, 20, seed=5)

UNSAFE_NAMES = (
    "/etc/evil.jpg",
    "//host/share/evil.jpg",
    "../evil.jpg",
    "images/train/../../../evil.jpg",
    "images/train/..",
    "..",
    "..\\..\\evil.jpg",
    "images\\..\\..\\evil.jpg",
    "C:\\evil.jpg",
    "C:evil.jpg",
    "d:/evil.jpg",
    "\\\\host\\share\\evil.jpg",
    "\\evil.jpg",
    "images/train/nul\0.jpg",
)
ODD_NAMES = (
    "images/train/\u202egpj.exe.jpg",
    "images/train/\u2066a\u2069.jpg",
    "images/train/\x1b]0;title\x07.jpg",
    "images/train/\x01\x08\x7f.jpg",
    "images/train/CON.jpg",
    "images/train/aux/nul.jpg",
    "images/train/a.jpg:stream.jpg",
    "images/train/%2e%2e%2fevil.jpg",
    "images/train/\uff0e\uff0e\uff0fevil.jpg",
    "images/train/$(touch x).jpg",
    "images/train/`id`.jpg",
    "images/train/-rf.jpg",
    "images/train/~/id.jpg",
    "images/train/*?[a].jpg",
    "images/train/GOOD.JPG",
    "images/train/Good.jpg",
    "images/train/e\u0301.jpg",
    "images/train/\u00e9.jpg",
    "images/train/a\nb\r\tc.jpg",
    "images/train/\u2028\u2029\u0085.jpg",
    "images/train/\ufeff\u200b.jpg",
    "images/train/\U0010ffff.jpg",
    "images/train/{dataset}.$set.a.b.jpg",
    "images/train/temp/x.partial/images.jpg",
    "images/train/" + "d/" * 400 + "deep.jpg",
    "images/train/" + "ä" * 400 + ".jpg",
)
# no images by their ending, or hidden
IGNORED_NAMES = (
    "images/train/x.jpg.",
    "images/train/x.jpg ",
    "images/train/x.jpg/. ",
    "x.jpg. . .",
    "images/train/... .jpg",
    "images/train/.../dots.jpg",
    "images/train/.ssh/id.jpg",
    "images/train/.jpg/",
)


def _each(names: tuple[str, ...]) -> dict[str, bytes]:
    return {name: jpeg_bytes(20, 20, seed=number + 50) for number, name in enumerate(names)}


def _named(path: Path, names: tuple[str, ...]) -> None:
    """A zip with a different image under each name; written raw, as `zipfile` mends names."""
    forged_zip(path, zip_members(*(Forged(name.encode(), data, flags=0x800) for name, data in _each(names).items())))


def _overlong(path: Path) -> None:
    """`../` as old decoders read it, surrogates, and a Unicode name that belongs to another name."""
    raw = [b"images/train/\xc0\xae\xc0\xae\xc0\xafevil.jpg", b"images/train/\xed\xa0\x80.jpg", b"\xff\xfe/..\\x.jpg"]
    lie = b"\x01" + bytes(4) + b"../../evil.jpg"
    path_field = struct.pack("<HH", 0x7075, len(lie)) + lie
    odd = [Forged(name, IMAGE, flags=0x800) for name in raw]
    forged_zip(path, zip_members(*odd, Forged(X.encode(), IMAGE, extra=path_field)))


def _unicode_path(path: Path, *, name: bytes) -> None:
    """A zip whose Unicode path field is valid and hides another name than the plain one."""
    body = b"\x01" + struct.pack("<L", zlib.crc32(X.encode())) + name
    extra = struct.pack("<HH", 0x7075, len(body)) + body
    forged_zip(path, zip_members(Forged(X.encode(), IMAGE, extra=extra)))


def _in_both(names: tuple[str, ...], **expected: object) -> dict[str, Case]:
    zipped = Case(partial(_named, names=names), **expected)  # type: ignore[arg-type]
    tarred = Case(lambda path: tar_of(path, around(_each(names))), "tar", **expected)  # type: ignore[arg-type]
    return {"zip": zipped, "tar": tarred}


# a tar ends a name at its first NUL, so that one is a plain name there
_TARRED_UNSAFE = UNSAFE_NAMES[:-1]
NAMES: Mapping[str, Case] = {
    **{
        f"unsafe names in a {kind}": case
        for kind, case in _in_both(_TARRED_UNSAFE, rules=one_of("ARCHIVE_PATH_UNSAFE"), file="../evil.jpg").items()
    },
    **{
        f"unsafe name {number}": Case(
            partial(_named, names=(name,)), rules=one_of("ARCHIVE_PATH_UNSAFE"), file=name, never=one_of(name)
        )
        for number, name in enumerate(UNSAFE_NAMES)
    },
    **{
        f"odd names in a {kind}": case
        for kind, case in _in_both(ODD_NAMES, good={**NEIGHBOURS, **_each(ODD_NAMES)}).items()
    },
    **{f"names that end in dots in a {kind}": case for kind, case in _in_both(IGNORED_NAMES).items()},
    "names in no encoding": Case(_overlong, rules=one_of("ARCHIVE_NAME_ENCODING")),
    "a Unicode name that climbs": Case(
        partial(_unicode_path, name=b"../../evil.jpg"), rules=one_of("ARCHIVE_PATH_UNSAFE"), file="../../evil.jpg"
    ),
    "a Unicode name that is a NUL": Case(
        partial(_unicode_path, name=b"\0"), rules=one_of("ARCHIVE_PATH_UNSAFE"), never=one_of(X)
    ),
    "ten thousand folders": Case(
        lambda path: zip_of(path, around({f"{n:x}/" * 20 + "a.md": b"" for n in range(10_000)})),
    ),
}
