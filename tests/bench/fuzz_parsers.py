"""What the fuzzer gives to each parser, and what every answer must hold to. A target answers how its case ended."""

import io
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from math import isfinite
from random import Random

from PIL import Image

from shared.formats.annotations.model import (
    BrokenConfig,
    DatasetLayout,
    LabelContext,
    LabelTask,
    RowLimits,
    UnrecognisedDataset,
)
from shared.formats.annotations.registry import DatasetReader, label_reader
from shared.formats.annotations.yolo.layouts.described import YoloReader
from shared.formats.archives.directory import ArchiveDirectory, ArchiveLimits, Member
from shared.formats.archives.entry import ArchiveEntry, EntryKind
from shared.formats.archives.errors import ArchiveTooLarge, BrokenArchive, BrokenMember, NeedMoreTail
from shared.formats.archives.tar_stream import TarStreamParser
from shared.formats.archives.zip_directory import ZipDirectoryParser
from shared.formats.archives.zip_location import TAIL_BYTES, DirectoryLocation, locate_directory
from shared.formats.archives.zip_member import LOCAL_HEADER_BYTES, MemberDecoder, local_data_offset
from shared.formats.findings import Finding
from shared.formats.images.ending import EndWatch, ending_of
from shared.formats.images.odd import content_kind
from shared.formats.images.probe import ImageHeader, NeedMoreBytes, UnreadableImage, probe_image
from shared.formats.rules import RULES
from tests.bench.damage import damaged
from tests.bench.fuzz_corpus import CONFIGS, DOTA_LABELS, LABELS, NDJSONS, NOTES, TREES, repaired, tars, zips
from tests.bench.fuzz_formats import FORMAT_TARGETS

LIMITS = ArchiveLimits(max_members=10_000)
ROW_LIMITS = RowLimits(max_columns=201, max_points=2000, max_rows=500)
TASKS: Sequence[tuple[LabelTask, tuple[int, int] | None]] = (
    ("auto", None),
    ("auto", (2, 3)),
    ("detect", (2, 2)),
    ("pose", (2, 2)),
    ("obb", None),
)
MOST_DECODED = 4 << 20


class Wrong(AssertionError):
    """An answer that breaks a promise."""


def promise(kept: object, what: str) -> None:
    """Raise Wrong unless it is kept."""
    if not kept:
        raise Wrong(what)


def _zip(dice: Random) -> str:
    data = damaged(dice.choice(zips()), dice, zips())
    found: list[Finding] = []
    directory = ArchiveDirectory(found.append, LIMITS)
    try:
        location = _located(data)
        parser = ZipDirectoryParser(location)
        for chunk in _chunks(data[location.offset : location.offset + location.size_bytes], dice):
            for entry in parser.feed(chunk):
                directory.add(entry)
        parser.close()
    except (BrokenArchive, ArchiveTooLarge) as error:
        return type(error).__name__
    directory.seal(location.offset)
    members = _checked(directory, found, end=location.offset)
    _follow(directory, found, data)
    return "read, with broken members" if sum(not _decoded(data, one, dice) for one in members) else "read"


def _located(data: bytes) -> DirectoryLocation:
    wanted = TAIL_BYTES
    while True:
        tail = data[max(0, len(data) - wanted) :]
        try:
            location = locate_directory(tail, file_bytes=len(data))
        except NeedMoreTail as more:
            promise(wanted < more.at_least <= len(data), f"{more.at_least} bytes wanted, {wanted} of {len(data)} given")
            wanted = more.at_least
            continue
        promise(0 <= location.prefix_bytes <= location.offset, "the prefix reaches into the directory")
        promise(location.offset + location.size_bytes <= len(data), "the directory reaches beyond the file")
        return location


def _checked(directory: ArchiveDirectory, found: Sequence[Finding], *, end: int) -> list[Member]:
    """The members, which lie apart from each other and inside the archive, under names that stay there."""
    members = sorted(directory.members(), key=lambda one: one.header_offset)
    position = 0
    for one in members:
        promise(position <= one.header_offset < one.end <= end, f"{one} overlaps or lies outside")
        parts = one.name.split("/")
        promise(all(parts) and ".." not in parts and "\0" not in one.name, f"{one.name!r} is no plain path")
        position = one.end
    promise(len({one.name for one in members}) == len(members), "two members have one name")
    promise(all(finding.rule in RULES for finding in found), "a rule that is not there")
    return members


def _follow(directory: ArchiveDirectory, found: Sequence[Finding], data: bytes) -> None:
    """Follow the links: each gives a plain name to bytes that a member has already, or a finding."""
    own = {(one.header_offset, one.compressed_bytes) for one in directory.members()}
    for link in list(directory.unread_links()):
        promise(0 <= link.start <= link.end <= len(data), "a link's target lies outside")
        directory.read_link(link, data[link.start : link.end])
    directory.follow_links()
    for one in directory.members():
        promise((one.header_offset, one.compressed_bytes) in own, f"{one.name!r} has bytes of its own")
        promise(".." not in one.name.split("/") and not one.name.startswith("/"), f"{one.name!r} is no plain path")
    promise(all(finding.rule in RULES for finding in found), "a rule that is not there")


def _decoded(data: bytes, one: Member, dice: Random) -> bool:
    """Whether the member's bytes can be read; it never gives more than it declares."""
    if one.size_bytes > MOST_DECODED:
        return False
    try:
        start = one.header_offset + local_data_offset(data[one.header_offset :][:LOCAL_HEADER_BYTES])
        decoder = MemberDecoder(one.method, one.size_bytes)
        given = 0
        for chunk in _chunks(data[start : min(start + one.compressed_bytes, one.end)], dice):
            for piece in decoder.decode(chunk):
                given += len(piece)
                promise(given <= one.size_bytes, "more than declared")
        given += sum(map(len, decoder.finish()))
    except BrokenMember:
        return False
    promise(given == one.size_bytes, "less than declared")
    return True


def _tar(dice: Random) -> str:
    data = damaged(dice.choice(tars()), dice, tars())
    data = repaired(data, dice) if dice.random() < 0.8 else data
    found: list[Finding] = []
    directory = ArchiveDirectory(found.append, LIMITS, header_bytes=0)
    parser = TarStreamParser()
    try:
        for chunk in _chunks(data, dice):
            for entry in parser.feed(chunk):
                promise(entry.size_bytes >= 0, "a negative size")
                directory.add(entry)
            promise(parser.wanted_skip >= 0, "a negative skip")
        parser.close()
    except (BrokenArchive, ArchiveTooLarge) as error:
        return type(error).__name__
    directory.seal(len(data))
    # members without bytes may lie at the place of another
    members = [one for one in directory.members() if one.compressed_bytes]
    promise(all(one.header_offset + one.compressed_bytes <= len(data) for one in members), "beyond the end")
    _follow(directory, found, data)
    return "read"


def _image(dice: Random) -> str:
    data = damaged(dice.choice(_images()), dice, _images())
    complete = dice.random() < 0.5
    try:
        header = probe_image(data, complete=complete)
    except UnreadableImage:
        return "UnreadableImage"
    except NeedMoreBytes as error:
        promise(not complete, "more wanted than there is")
        promise(error.at_least > len(data), "less wanted than was given")
        return "NeedMoreBytes"
    promise(header.width > 0 and header.height > 0 and 1 <= header.orientation <= 8, f"{header}")
    promise(8 <= header.bits <= 1 << 16, f"{header}")
    return _ending(header, data, dice)


def _ending(header: ImageHeader, data: bytes, dice: Random) -> str:
    """How the file ends, which does not depend on the pieces it comes in, nor on how much of its head is known."""
    marks = []
    for size in (dice.choice((1, 2, 3, 50, 1000)), len(data) or 1):
        watch = EndWatch()
        for at in range(0, len(data), size):
            watch.feed(data[at : at + size])
        marks.append(watch.last)
    promise(marks[0] == marks[1], f"the last mark is at {marks[0]} and at {marks[1]}")
    ending = ending_of(header, data, len(data), mark_at=marks[0])
    promise(ending.count >= 0, f"{ending}")
    content_kind(data)
    return f"read, {ending.kind}"


def _rows(dice: Random) -> str:
    data = damaged(dice.choice(LABELS), dice, LABELS)
    found: list[Finding] = []
    task, keypoints = dice.choice(TASKS)
    context = LabelContext(dice.choice((0, 3)), ROW_LIMITS, task=task, keypoint_shape=keypoints)
    size = dice.choice((None, (640, 480), (5, 7)))
    rows = label_reader("yolo", context).read(data, file="a.txt", size=size, report=found.append)
    promise(rows.rows_read == len(rows.annotations) + rows.rows_left_out, "rows are missing")
    promise(all(one.rule in RULES and len(one.message) < 1000 for one in found), "a finding that is none")
    promise(all(_finite(one.bbox) for one in rows.annotations), "a box that is not finite")
    return "read, with findings" if found else "read"


def _finite(bbox: tuple[float, ...]) -> bool:
    return all(-0.02 < value < 1.02 for value in bbox)


def _layout(dice: Random) -> str:
    directory, found = ArchiveDirectory(lambda _: None, LIMITS), list[Finding]()
    for entry in _entries(dice):
        directory.add(entry)
    directory.seal(1 << 40)
    reader = YoloReader(directory)
    rounds = 0
    while wanted := reader.config_members():
        rounds += 1
        promise(rounds < 300, "the reader never has enough")
        for index in wanted:
            promise(not directory.is_dropped(index), "a member that was dropped is wanted")
            reader.provide(index, _config(directory.name(index), dice))
    try:
        layout = reader.layout(found.append)
    except (UnrecognisedDataset, BrokenConfig) as error:
        return type(error).__name__
    promise(len(layout.image_indexes) == len(layout.label_indexes) == len(layout.split_ids), "arrays differ")
    promise(all(0 <= split < len(layout.splits) for split in layout.split_ids), "a split that is not there")
    promise([one.id for one in layout.categories] == list(range(len(layout.categories))), "ids have gaps")
    promise(all(one.rule in RULES for one in found), "a rule that is not there")
    return "read"


def _tree(dice: Random) -> str:
    """Names alone, recognised by whatever format they fit; the files hold labels, names, NDJSON, or damage."""
    names = [_hurt_name(name, dice) for name in dice.choice(TREES)]
    directory, found = ArchiveDirectory(lambda _: None, LIMITS), list[Finding]()
    for at, name in enumerate(names):
        directory.add(ArchiveEntry(name, at * 1000, 10, 10, 0, None, EntryKind.FILE))
    directory.seal(1 << 40)
    root = dice.choice((None, None, None, "a", "images", names[0]))
    reader = DatasetReader(directory, root=root)
    try:
        while wanted := reader.config_members():
            for index in wanted:
                _offer(reader, index, _content(directory.name(index), dice))
        layout = reader.layout(found.append)
    except (UnrecognisedDataset, BrokenConfig) as error:
        return type(error).__name__
    promise(len(layout.image_indexes) == len(layout.label_indexes) == len(layout.split_ids), "arrays differ")
    promise(all(-1 <= split < len(layout.splits) for split in layout.split_ids), "a split that is not there")
    promise(all(one.rule in RULES for one in found), "a rule that is not there")
    promise(reader.choices() is not None, "no choices")
    return f"{layout.name}, {_said_of(reader, layout, dice)}"


def _offer(reader: DatasetReader, index: int, data: bytes | None) -> None:
    scan = reader.scan(index)
    if scan is None or data is None:
        reader.provide(index, data)
        return
    for at in range(0, len(data), 100):
        scan.feed(data[at : at + 100])
    scan.close()


def _said_of(reader: DatasetReader, layout: DatasetLayout, dice: Random) -> str:
    """Read the labels or records of a layout."""
    found: list[Finding] = []
    data = _content("a.txt", dice) or b""
    names = (
        {one.name: one.id for one in reader.categories(set(reader.names_in(data)))} if layout.names_in_labels else {}
    )
    context = LabelContext(3, ROW_LIMITS, names, files=("x.ndjson",), rows=layout.rows)
    said = [data]
    for member in layout.record_members:
        records = reader.records(member, found.append)
        said = [line for _, line in [*records.feed(_content("x.ndjson", dice) or b""), *records.close()]]
    for one in said:
        size = dice.choice(((100, 50), (1, 1), None))
        rows = label_reader("yolo", context).read(one, file="a.txt", size=size, report=found.append)
        promise(rows.rows_read == len(rows.annotations) + rows.rows_left_out, "rows are missing")
        promise(all(isfinite(value) for annotation in rows.annotations for value in annotation.bbox), "not finite")
    promise(all(one.rule in RULES and len(one.message) < 1000 for one in found), "a finding that is none")
    return "read, with findings" if found else "read"


def _content(name: str, dice: Random) -> bytes | None:
    kinds = {"json": NOTES, "ndjson": NDJSONS, "yaml": CONFIGS, "data": CONFIGS}
    sound = kinds.get(name.rpartition(".")[2], (*DOTA_LABELS, *LABELS, b"cat\ndog\n"))
    data = dice.choice(sound)
    return dice.choice((data, data, damaged(data, dice, sound), damaged(data, dice, sound), None))


def _hurt_name(name: str, dice: Random) -> str:
    return damaged(name.encode(), dice).decode("utf-8", "replace") if dice.random() < 0.1 else name


def _config(name: str, dice: Random) -> bytes | None:
    """A description or list that fits the name, sound or damaged; or nothing."""
    fitting = [one for one in CONFIGS if name.endswith((".yaml", ".yml")) == (b"names:" in one)]
    data = dice.choice(fitting)
    return dice.choice((data, data, damaged(data, dice, CONFIGS), damaged(data, dice, CONFIGS), None))


def _entries(dice: Random) -> Iterator["object"]:
    """The entries of a zip whose names alone are damaged."""
    data = bytearray(dice.choice(zips()))
    location = locate_directory(bytes(data), file_bytes=len(data))
    for entry in ZipDirectoryParser(location).feed(bytes(data[location.offset :])):
        name = damaged(entry.name.encode(), dice).decode("utf-8", "replace") if dice.random() < 0.3 else entry.name
        yield entry._replace(name=name)


def _chunks(data: bytes, dice: Random) -> Iterator[bytes]:
    size = dice.choice((1 << 20, 512, 100, 37)) if len(data) < 100_000 else 1 << 20
    return (data[at : at + size] for at in range(0, len(data), size))


@cache
def _images() -> tuple[bytes, ...]:
    picture, found = Image.new("RGB", (40, 30), "red"), []
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "ICO", "TGA", "AVIF", "JPEG2000"):
        for more in ({}, {"exif": exif}) if kind in ("JPEG", "PNG", "WEBP", "TIFF") else ({},):
            out = io.BytesIO()
            picture.save(out, kind, **more)
            found.append(out.getvalue())
    big = b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, 2) + struct.pack("<HHQQHHQQ", 256, 4, 1, 9, 257, 4, 1, 9) + bytes(8)
    return (*found, big)


TARGETS: Mapping[str, Callable[[Random], str]] = {
    "zip": _zip,
    "tar": _tar,
    "image": _image,
    "rows": _rows,
    "layout": _layout,
    "tree": _tree,
    **FORMAT_TARGETS,
}
