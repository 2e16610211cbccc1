"""Members that are too large to be taken, told by the archive's directory before a byte of them is read."""

from collections.abc import Sequence

from shared.features.imports.shards.labels import labels_of
from shared.features.imports.shards.manifest import ShardEntry
from shared.formats.archives.directory import Member
from shared.formats.findings import Finding, FindingLog
from shared.foundation.settings import LimitSettings


def within_limits(entries: Sequence[ShardEntry], limits: LimitSettings) -> tuple[list[Member], list[Member]]:
    """The labels and the images of the entries that may be read."""
    labels = [label for label in labels_of(entries) if label.size_bytes <= limits.max_label_bytes]
    return labels, [entry.image for entry in entries if entry.image.size_bytes <= limits.max_image_bytes]


def note_too_large(entries: Sequence[ShardEntry], limits: LimitSettings, log: FindingLog) -> None:
    """A finding for each member that may not be read."""
    for label in labels_of(entries):
        _note(label, "LABEL_TOO_LARGE", limits.max_label_bytes, log)
    for entry in entries:
        _note(entry.image, "IMG_TOO_MANY_BYTES", limits.max_image_bytes, log)


def _note(item: Member, rule: str, most: int, log: FindingLog) -> None:
    if item.size_bytes > most:
        log.add(Finding(rule, item.name, f"It has {item.size_bytes} bytes, more than {most}."))
