"""Reading images that stay where they are from end to end, where their heads are not enough."""

from collections.abc import Mapping, Sequence

from shared.features.imports.image_bytes.deep import DeepLook, with_looks
from shared.features.imports.image_bytes.packed_parts import PackedImages
from shared.features.imports.image_bytes.probe import ImageFacts, LeftOut
from shared.features.imports.models import ImportPlan
from shared.features.imports.shards.members import broken_member
from shared.features.imports.shards.track import ShardTrack
from shared.features.imports.sources.joined import read_each
from shared.formats.archives.directory import Member
from shared.formats.archives.errors import BrokenMember
from shared.formats.findings import Finding, FindingLog
from shared.foundation.settings import LimitSettings
from shared.ports.byte_source import ByteSource
from shared.ports.image_decoder import ImageDecoder


async def read_through(
    images: Sequence[Member], source: ByteSource, plan: ImportPlan, track: ShardTrack, log: FindingLog,
    *, limits: LimitSettings, decoder: ImageDecoder,
) -> Mapping[int, ImageFacts]:  # fmt: skip
    """What is known of each image that is one, by the offset of its member; every byte was hashed and decoded."""
    look = DeepLook(decoder)
    facts: dict[int, ImageFacts] = {}
    found: dict[int, list[Finding]] = {}
    keeper = PackedImages(limits, look=look)
    try:
        async for member in read_each(source, images, plan.source):
            track.check()
            said = found.setdefault(member.item.header_offset, [])
            try:
                facts[member.item.header_offset] = await keeper.write(member, said)
            except BrokenMember as error:
                said.append(broken_member(member.item, error))
            except LeftOut:
                continue
        found, facts = await with_looks(found, facts, look)
    finally:
        await look.close()
    _note(images, found, log)
    return facts


def _note(images: Sequence[Member], found: Mapping[int, list[Finding]], log: FindingLog) -> None:
    """Put into the log what was found, under the names of the images."""
    for item in images:
        for finding in found.get(item.header_offset, ()):
            log.add(Finding(finding.rule, item.name, finding.message))
