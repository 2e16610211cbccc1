"""In which order an archive is read: decided by counting the gaps between its labels."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from shared.features.imports.models import SourceRef, Way
from shared.features.imports.shards.members import GAP_BYTES
from shared.formats.annotations.model import DatasetLayout
from shared.formats.archives.member_table import MemberTable
from shared.formats.archives.spans import by_offset

_REQUEST_BYTES = 1 << 20  # what a request to a distant server costs, as bytes that could have come meanwhile
_WORTHWHILE_SHARE = 0.1
_NEAR = 16  # an archive that is near is read so much faster than a distant one


@dataclass(frozen=True, slots=True)
class LabelRuns:
    """Labels that lie closer than GAP_BYTES, taken together: how many runs, and how many bytes from end to end."""

    runs: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Decision:
    """The way and, in one sentence for people, why."""

    way: Way
    reason: str


IN_PLACE = Decision(Way.IN_PLACE, "the archive stays where it is: only labels and the heads of images are read")


def label_runs(directory: MemberTable, layout: DatasetLayout) -> LabelRuns:
    """How scattered the labels of a dataset are in its archive."""
    runs = total = 0
    start = end = 0
    for member in _labels_in_order(directory, layout):
        offset = directory.offset(member)
        if not runs or offset - end > GAP_BYTES:
            total += end - start
            runs += 1
            start = offset
        end = max(end, directory.end(member))
    return LabelRuns(runs, total + end - start)


def choose_way(found: LabelRuns, source: SourceRef, *, image_bytes: int, worthwhile_bytes: int) -> Decision:
    """Labels first when that costs little of what the images cost, and these take so long that somebody would wait."""
    small = worthwhile_bytes * (_NEAR if source.cheap_ranges else 1)
    if image_bytes < small:
        return Decision(Way.TOGETHER, f"{image_bytes} bytes of images are read in one pass: too few to be waited for")
    cost = found.bytes + found.runs * (0 if source.cheap_ranges else _REQUEST_BYTES)
    share = cost / max(1, image_bytes)
    lie = f"the labels lie in {found.runs} run(s) of {found.bytes} bytes"
    if share <= _WORTHWHILE_SHARE:
        return Decision(Way.INDEX_FIRST, f"{lie}: reading them first costs {share:.1%} of the images")
    return Decision(Way.TOGETHER, f"{lie}, between images: reading them first would cost {share:.0%} of the images")


def _labels_in_order(directory: MemberTable, layout: DatasetLayout) -> Iterator[int]:
    labels = array("q", (label for label in layout.label_indexes if label >= 0 and not directory.is_dropped(label)))
    return (labels[position] for position in by_offset(array("Q", map(directory.offset, labels))))
