"""Opening what an import is asked for: one archive, or images, labels and a description that lie apart."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from shared.features.imports.models import ImportRequest, PartName, SourceRef
from shared.features.imports.shards.manifest import PlacedFile
from shared.features.imports.sources.archive import ArchiveOpener, OpenedArchive
from shared.formats.annotations.member_names import is_image
from shared.formats.annotations.splits import CANONICAL, normalise_split
from shared.formats.archives.directory import ArchiveDirectory, ArchiveLimits, Member
from shared.formats.archives.joined import JoinedDirectory, JoinedPart
from shared.formats.archives.member_table import MemberTable
from shared.ports.byte_source import UnsupportedSource


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """The members of an import's source, and the bytes they lie in."""

    directory: MemberTable
    source: SourceRef
    archives: Sequence[OpenedArchive]

    def files(self, members: Iterable[Member], span: tuple[int, int] | None = None) -> list[PlacedFile]:
        """What has to be known to read members out of directories: their files and, with a span, all that lie in it."""
        if all(archive.files is None for archive in self.archives):
            return []
        rows = {member.number for member in members}
        return list(self._files(rows, span))

    def _files(self, rows: set[int], span: tuple[int, int] | None) -> Iterator[PlacedFile]:
        firsts = accumulate((len(archive.directory) for archive in self.archives), initial=0)
        for first, archive, part in zip(firsts, self.archives, self.source.parts or (self.source,), strict=False):
            if archive.files is None:
                continue
            own = {row - first for row in rows if first <= row < first + len(archive.directory)}
            if span is not None:
                own.update(archive.files.within(span[0] - part.start, span[1] - part.start))
            yield from ((part.start + offset, file) for offset, file in archive.files.of(own))


async def open_request(opener: ArchiveOpener, request: ImportRequest) -> OpenedSource:
    """What the request asks for. Raises what ArchiveOpener.open raises, and UnsupportedSource.

    A packed dataset's images and labels are read as members of one archive, so they cannot be of a zip and of a tar.
    """
    addresses = request.addresses
    if "archive" in addresses:
        archive = await opener.open(addresses["archive"], checksum=request.checksum, in_place=request.in_place)
        return OpenedSource(archive.directory, archive.source, (archive,))
    opened: dict[PartName, OpenedArchive] = {}
    for name, address in addresses.items():
        part = replace(opener, limits=_left(opener, opened), staged_key=f"{opener.staged_key}-{name}")
        opened[name] = await replace(part, single=name == "config").open(address, checksum=None)
    if request.storage == "packed" and len({one.source.raw for name, one in opened.items() if name != "config"}) > 1:
        raise UnsupportedSource("A zip cannot be packed together with a tar or a directory; use storage objects.")
    return await asyncio.to_thread(_joined, opened)


def _left(opener: ArchiveOpener, opened: dict[PartName, OpenedArchive]) -> ArchiveLimits:
    """What the limits of the whole leave for the next part."""
    members = sum(one.directory.entries_seen for one in opened.values())
    total_bytes = sum(one.directory.total_bytes for one in opened.values())
    limits = opener.limits
    return replace(
        limits, max_members=limits.max_members - members, max_total_bytes=limits.max_total_bytes - total_bytes
    )


def _joined(opened: dict[PartName, OpenedArchive]) -> OpenedSource:
    ends = list(accumulate((one.source.size_bytes or 0 for one in opened.values()), initial=0))
    places = [_place(name, one.directory, start) for (name, one), start in zip(opened.items(), ends, strict=False)]
    images = opened["images"].source
    source = SourceRef(
        uri="",
        size_bytes=ends[-1],
        etag=None,
        raw=images.raw,
        cheap_ranges=all(one.source.cheap_ranges for one in opened.values()),
        parts=tuple(
            one.source.model_copy(update={"start": start}) for one, start in zip(opened.values(), ends, strict=False)
        ),
    )
    return OpenedSource(JoinedDirectory(places), source, tuple(opened.values()))


def _place(name: PartName, directory: ArchiveDirectory, start: int) -> JoinedPart:
    """Where a part's names go, so that images and labels pair.

    They do where the one is below `images` and the other below `labels`. A part without such a folder is put into it;
    one that has it within a folder of its own, such as `coco/labels`, is taken out of that, unless that is a split.
    """
    if name == "config":
        return JoinedPart(directory, start)
    leads = set(_leads(directory, name))
    lead = leads.pop() if len(leads) == 1 else None
    if lead is None:
        return JoinedPart(directory, start, prefix="" if leads else f"{name}/")
    is_split = normalise_split(lead.rstrip("/").rpartition("/")[2]) in CANONICAL
    return JoinedPart(directory, start, lead="" if is_split else lead)


def _leads(directory: ArchiveDirectory, folder: str) -> Iterator[str]:
    """What stands before the first `folder` in the names of images, or of labels, that lie below one."""
    wanted, sought = is_image if folder == "images" else _is_label, f"/{folder}/"
    for member in directory.names():
        at = f"/{member}".find(sought)
        if at >= 0 and wanted(member):
            yield member[:at]


def _is_label(name: str) -> bool:
    return name[-4:].lower() == ".txt"
