"""Images of several splits that have one name: often it is one image, and what is trained on is tested with."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from shared.formats.annotations.member_names import directory_of
from shared.formats.annotations.model import NameTable, Report
from shared.formats.annotations.yolo.layouts.pairing import LabelPairing
from shared.formats.annotations.yolo.layouts.splits import NO_SPLIT, named
from shared.formats.findings import Finding

_MOST_DIRECTORIES = 300
_MOST_SIBLINGS = 4


def report_same_names(names: NameTable, pairing: LabelPairing, splits: Sequence[str], report: Report) -> None:
    """One finding for each two splits, with how many names they share and the first image of them.

    Only directories that differ in one part of their path are compared, as `images/train/` and `images/val/` do, and
    nothing is said of a dataset of very many directories. Only the images of the later split are looked up.
    """
    split_of = _directories(names, pairing)
    if len(split_of) > _MOST_DIRECTORIES:
        return
    siblings = {directory: _siblings(directory, split_of) for directory in split_of}
    shared, first = Counter[tuple[int, int]](), dict[tuple[int, int], str]()
    for _, name in named(names, pairing.images) if any(siblings.values()) else ():
        directory = directory_of(name)
        for other in siblings.get(directory, ()):
            if names.find(other + name[len(directory) :]) is not None:
                pair = split_of[other], split_of[directory]
                shared[pair] += 1
                first.setdefault(pair, name)
    for (earlier, later), count in sorted(shared.items()):
        plural = "image has a name" if count == 1 else "images have names"
        message = f"{count} {plural} in {splits[later]} that {splits[earlier]} has as well"
        report(Finding("PAIR_STEM_SPLITS", first[earlier, later], message))


def _directories(names: NameTable, pairing: LabelPairing) -> dict[str, int]:
    """The directories of images that have a split, each with the first one's; no more than are compared, and one."""
    found: dict[str, int] = {}
    splits = iter(pairing.splits)
    for _, name in named(names, pairing.images):
        split, directory = next(splits), directory_of(name)
        if split != NO_SPLIT and directory not in found:
            found[directory] = split
            if len(found) > _MOST_DIRECTORIES:
                break
    return found


def _siblings(directory: str, split_of: Mapping[str, int]) -> list[str]:
    """Directories of earlier splits that differ in one part."""
    earlier = (other for other, split in split_of.items() if split < split_of[directory])
    return list(_nearly(directory, earlier))[:_MOST_SIBLINGS]


def _nearly(directory: str, others: Iterator[str]) -> Iterator[str]:
    parts = directory.split("/")
    for other in others:
        theirs = other.split("/")
        if len(theirs) == len(parts) and sum(map(str.__ne__, parts, theirs)) == 1:
            yield other
