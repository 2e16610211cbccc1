"""Archives cut off at twenty places each: evenly, and where a reader is most easily deceived."""

import gzip
import io
import zipfile
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from tests.factories.broken import around, large_jpeg
from tests.factories.hostile import UNKNOWN, UNREADABLE, Case, one_of
from tests.factories.hostile_tars import member

PLACES = 20
_MEMBERS = around({"images/train/large.jpg": large_jpeg(20_000)})


def _zip() -> bytes:
    """A zip with a comment, so that the end record does not end with the file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in _MEMBERS.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data)
        archive.comment = b"a comment"
    return out.getvalue()


def _zip_places(data: bytes) -> Iterable[int]:
    """In a local header, its name and data; around the directory, its records, the end record and the comment."""
    second, directory, end = data.index(b"PK\3\4", 4), data.index(b"PK\1\2"), data.index(b"PK\5\6")
    last = data.rindex(b"PK\1\2")
    return (4, 29, 35, second, directory, directory + 1, last + 20, end, end + 10, end + 21)


TAR = b"".join(member(name, data) for name, data in _MEMBERS.items())


def _tar_places(_data: bytes) -> Iterable[int]:
    """In a header, behind one, in data, in padding, between members, and in the end marker."""
    first = len(member("images/train/good.jpg", _MEMBERS["images/train/good.jpg"]))
    return (100, 512, 600, first - 1, first, first + 512, len(TAR) - 512, len(TAR), len(TAR) + 512, len(TAR) + 1023)


def _gz_places(data: bytes) -> Iterable[int]:
    """In gzip's own header and behind it, and in its trailer."""
    return (3, 9, 10, 11, 18, len(data) - 9, len(data) - 8, len(data) - 5, len(data) - 4, len(data) - 1)


def _even(data: bytes) -> Iterable[int]:
    return (len(data) * part // 11 for part in range(1, 11))


def _cases(ending: str, data: bytes, chosen: Iterable[int], whole: Iterable[int] = ()) -> dict[str, Case]:
    """One case for each place. A tar that lacks no more than blocks of its end marker is `whole`."""
    places = sorted({*_even(data), *chosen})
    assert len(places) == PLACES
    rules, problems = one_of("NAME_UNKNOWN", "SET_NO_LABELS", "SET_NO_VAL"), one_of(UNREADABLE, UNKNOWN)
    cut = partial(Case, ending=ending, rules=rules, problems=problems, good={})
    return {
        f"{ending} cut to {at} of {len(data)} bytes": (
            Case(partial(_write, data=data[:at]), ending) if at in whole else cut(partial(_write, data=data[:at]))
        )
        for at in places
    }


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


_ZIP, _TAR = _zip(), TAR + bytes(1024)
_GZ = gzip.compress(_TAR, mtime=0)
CUTS: Mapping[str, Case] = {
    **_cases("zip", _ZIP, _zip_places(_ZIP)),
    **_cases("tar", _TAR, _tar_places(_TAR), {len(TAR), len(TAR) + 512}),
    **_cases("tar.gz", _GZ, _gz_places(_GZ)),
}
