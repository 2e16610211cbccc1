"""The label files of a shard, all of them in memory: read from the archive, or from where the index step put them."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

from zlib_ng import zlib_ng

from shared.features.images.models import NewLabel, dataset_prefix
from shared.features.imports.models import ImportPlan, ShardLease
from shared.features.imports.shards.manifest import ShardEntry
from shared.features.imports.shards.members import broken_member, place_of, runs_of
from shared.features.jobs.models import Job
from shared.formats.archives.directory import Member
from shared.formats.archives.errors import BrokenMember
from shared.formats.archives.zip_member import LOCAL_HEADER_BYTES, decode_member, local_data_offset
from shared.formats.findings import Finding
from shared.foundation.streams import whole
from shared.ports.byte_source import ByteSource
from shared.ports.object_store import ObjectStore

_MOST_RUN_BYTES = 4 << 20
_CHEAP_GAP_BYTES = 4 << 10


@dataclass(slots=True)
class ShardLabels:
    """Label files by the offset of their member; those that cannot be read are in `broken`, with the reason."""

    contents: dict[int, bytes] = field(default_factory=dict)
    broken: dict[int, Finding] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)
    pack_key: str | None = None
    records: dict[str, bytes] = field(default_factory=dict)
    """What files about many images say of each, by the image's name."""

    def text_of(self, entry: ShardEntry) -> bytes | None:
        """What is said of the entry's image; None for nothing."""
        return self.contents.get(entry.label.header_offset) if entry.label else self.records.get(entry.image.name)

    def place(self, label: Member) -> NewLabel | None:
        """Where the label's bytes are to be found later; None where they could not be read.

        A tar tells no CRC-32, but readers learn by it that a label has changed.
        """
        data = self.contents.get(label.header_offset)
        if data is None:
            return None
        crc32 = zlib_ng.crc32(data) if label.crc32 is None else label.crc32
        if self.pack_key is None:
            return NewLabel(label.name, len(data), None, 0, place_of(label), crc32)
        return NewLabel(label.name, len(data), self.pack_key, self.places[label.header_offset], None, crc32)

    def add(self, item: Member, data: bytes) -> None:
        """Take a label file."""
        self.contents[item.header_offset] = data


def labels_of(entries: Sequence[ShardEntry]) -> list[Member]:
    """The label members of the entries, each once, in the order they lie in."""
    labels = {entry.label.header_offset: entry.label for entry in entries if entry.label}
    return [labels[offset] for offset in sorted(labels)]


async def read_labels(source: ByteSource, items: Sequence[Member], plan: ImportPlan) -> ShardLabels:
    """Read label members with as few requests as their gaps allow. Raises what sources raise."""
    found = ShardLabels()
    async for run, data in _runs(source, items, cheap=plan.source.cheap_ranges):
        for item, content in _decoded(run, data, raw=plan.source.raw):
            if isinstance(content, BrokenMember):
                found.broken[item.header_offset] = broken_member(item, content)
            else:
                found.add(item, content)
    return found


async def _runs(
    source: ByteSource, items: Sequence[Member], *, cheap: bool
) -> AsyncIterator[tuple[list[Member], bytes]]:
    if cheap:
        runs = list(runs_of(items, gap_bytes=_CHEAP_GAP_BYTES, most_bytes=_MOST_RUN_BYTES))
        spans = [(run[0].header_offset, max(item.end for item in run)) for run in runs]
        for run, data in zip(runs, await source.read_spans(spans), strict=True):
            yield run, data
        return
    for run in runs_of(items, most_bytes=_MOST_RUN_BYTES):
        yield run, await whole(source.read(run[0].header_offset, max(item.end for item in run)))


def _decoded(run: list[Member], data: bytes, *, raw: bool) -> Iterator[tuple[Member, bytes | BrokenMember]]:
    start = run[0].header_offset
    for item in run:
        try:
            yield item, _content(item, data, item.header_offset - start, raw=raw)
        except BrokenMember as error:
            yield item, error


def _content(item: Member, data: bytes, at: int, *, raw: bool) -> bytes:
    if not raw:
        at += local_data_offset(data[at : at + LOCAL_HEADER_BYTES])
    packed = data[at : at + item.compressed_bytes]
    return decode_member(packed, method=item.method, size_bytes=item.size_bytes, crc32=item.crc32)


# -- the pack: the labels of a shard as one object


async def write_pack(store: ObjectStore, job: Job, lease: ShardLease, labels: ShardLabels) -> None:
    """Put the labels one behind the other into one object, and note where each begins."""
    labels.pack_key = _pack_key(job, lease)
    at = 0
    for offset, data in labels.contents.items():
        labels.places[offset] = at
        at += len(data)
    if labels.contents:
        await store.put(labels.pack_key, b"".join(labels.contents.values()))


async def write_notes(store: ObjectStore, lease: ShardLease, labels: ShardLabels) -> None:
    """Keep, for the transfer of the same shard, what its pack holds."""
    broken = [(offset, finding.rule, finding.file, finding.message) for offset, finding in labels.broken.items()]
    notes = {"places": list(labels.places.items()), "broken": broken}
    await store.put(_notes_key(lease), json.dumps(notes).encode())


async def read_pack(store: ObjectStore, job: Job, lease: ShardLease) -> ShardLabels:
    """The labels as the index step has written them."""
    notes = json.loads(await whole(store.read(_notes_key(lease))))
    labels = ShardLabels(pack_key=_pack_key(job, lease), places=dict(notes["places"]))
    labels.broken = {offset: Finding(*finding) for offset, *finding in notes["broken"]}
    if labels.places:
        data = await whole(store.read(_pack_key(job, lease)))
        starts = list(labels.places.values())
        for offset, start, end in zip(labels.places, starts, [*starts[1:], len(data)], strict=True):
            labels.contents[offset] = data[start:end]
    return labels


def _pack_key(job: Job, lease: ShardLease) -> str:
    return f"{dataset_prefix(job.dataset_id)}labels/{lease.index:06d}.pack"


def _notes_key(lease: ShardLease) -> str:
    return f"{lease.manifest_key}.labels"
