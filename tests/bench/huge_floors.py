"""What the parts of a huge import cost with nothing around them: reading the directory and the heads, inserting."""

import mmap
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.database import Database

from tests.bench.huge_archive import HugeTruth

_PIECE = 1 << 20
_HEAD = 4096
_AHEAD = 256
_BATCH = 1000
_DOCUMENTS = 100_000

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Floor:
    """What was done, and how many seconds it took, or would have taken for all `images`."""

    name: str
    seconds: float


def forget(path: Path) -> None:
    """Ask the system to drop what it holds of a file in memory, so that reading it means reading the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_directory(path: Path, truth: HugeTruth) -> Floor:
    """The bytes of the central directory, from front to back."""
    forget(path)
    with path.open("rb") as file:
        seconds = _timed(lambda: _read(file.fileno(), truth.directory_offset, truth.directory_bytes))
    return Floor(f"read the central directory ({truth.directory_bytes / 1e6:.0f} MB)", seconds)


def read_heads(path: Path, offsets: list[int]) -> list[Floor]:
    """The first 4 KiB of every image, in the order of their places: one by one, and asked for a batch ahead."""
    name = f"`pread` of {len(offsets)} x {_HEAD} bytes"
    with path.open("rb") as file:
        forget(path)
        one_by_one = _timed(lambda: _pread(file.fileno(), offsets))
        forget(path)
        ahead = _timed(lambda: _pread_ahead(file.fileno(), offsets))
    return [Floor(name, one_by_one), Floor(f"{name}, a batch ahead (`POSIX_FADV_WILLNEED`)", ahead)]


def image_offsets(path: Path, truth: HugeTruth) -> list[int]:
    """Where the local headers of the images lie, as the central directory has it."""
    with path.open("rb") as file:
        page = truth.directory_offset // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
        end = truth.directory_offset + truth.directory_bytes
        with mmap.mmap(file.fileno(), end - page, offset=page, access=mmap.ACCESS_READ) as directory:
            return sorted(_offsets(directory, truth.directory_offset - page))


def insert_documents(database: Database[Document], dataset_id: str, images: int) -> list[Floor]:
    """`insert_many` of documents as the import wrote them, with no index and with the indexes of the product."""
    documents = list(database["images"].find({"dataset_id": dataset_id}).limit(_DOCUMENTS))
    indexes = [
        IndexModel(index["key"]) for name, index in database["images"].index_information().items() if name != "_id_"
    ]
    return [
        Floor("`insert_many`, no index", _insert(database, documents, []) * images / len(documents)),
        Floor("`insert_many`, the product's indexes", _insert(database, documents, indexes) * images / len(documents)),
    ]


def _insert(database: Database[Document], documents: list[Document], indexes: list[IndexModel]) -> float:
    scratch: Collection[Document] = database["bench_scratch"]
    scratch.drop()
    if indexes:
        scratch.create_indexes(indexes)

    def insert() -> None:
        for start in range(0, len(documents), _BATCH):
            scratch.insert_many(documents[start : start + _BATCH], ordered=False)

    seconds = _timed(insert)
    scratch.drop()
    return seconds


def _pread(file: int, offsets: list[int]) -> None:
    for offset in offsets:
        os.pread(file, _HEAD, offset)


def _pread_ahead(file: int, offsets: list[int]) -> None:
    batches = [offsets[start : start + _AHEAD] for start in range(0, len(offsets), _AHEAD)]
    for batch, following in zip(batches, [*batches[1:], []], strict=True):
        for offset in following:
            os.posix_fadvise(file, offset, _HEAD, os.POSIX_FADV_WILLNEED)
        _pread(file, batch)


def _read(file: int, offset: int, size: int) -> None:
    for start in range(offset, offset + size, _PIECE):
        os.pread(file, min(_PIECE, offset + size - start), start)


def _offsets(directory: mmap.mmap, at: int) -> Iterator[int]:
    """Of each entry with an image's name; zip64 offsets are the only extra field of these archives."""
    while at < len(directory):
        name_bytes, extra_bytes = (int.from_bytes(directory[at + i : at + i + 2], "little") for i in (28, 30))
        name_at = at + 46
        if directory[name_at : name_at + 7] == b"images/":
            wide = directory[name_at + name_bytes + 4 : name_at + name_bytes + 12]
            yield int.from_bytes(wide if extra_bytes else directory[at + 42 : at + 46], "little")
        at = name_at + name_bytes + extra_bytes


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
