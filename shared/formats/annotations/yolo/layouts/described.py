"""YOLO datasets of the Ultralytics, Roboflow and Darknet layouts, recognised by their description and by names."""

from collections.abc import Iterator
from contextlib import suppress

from shared.formats.annotations.member_names import is_image
from shared.formats.annotations.model import (
    AnnotationReader,
    BrokenConfig,
    Choice,
    DatasetLayout,
    NameTable,
    Report,
    UnrecognisedDataset,
)
from shared.formats.annotations.yolo.description.candidates import (
    Candidate,
    ConfigCandidates,
    Description,
    Kind,
    choices_among,
    describe,
    find_configs,
)
from shared.formats.annotations.yolo.layouts.assembly import LayoutBuilder
from shared.formats.annotations.yolo.layouts.places import members_named
from shared.formats.findings import Finding

__all__ = ["ConfigCandidates", "YoloReader", "find_configs"]

_LOOKED_FOR = "no data.yaml or obj.data that names both categories and splits"
_ADVICE = "add a data.yaml with train, val and names, or pass `config`; see docs/layouts.md"
_SHOWN_REASONS = 3
MOST_OTHERS = 20
"""Further descriptions that are read, to offer them as choices."""


class YoloReader(AnnotationReader):
    """Reads a YOLO dataset's layout; see `AnnotationReader` for the conversation. Does no I/O.

    With a `root`, only a description at or below it is read. It may lead to images elsewhere.
    """

    def __init__(self, names: NameTable, root: str = "") -> None:
        self._names = names
        self._root = root
        self._candidates = find_configs(names, root)
        self._position = 0
        self._description: Description | None = None
        self._broken: BrokenConfig | None = None
        self._passed_over: list[str] = []
        self._findings: list[Finding] = []
        self._wanted: dict[int, bytes | None] = {}
        self._pending: list[int] = []
        self._others: dict[int, Candidate] = {}
        self._described: list[Description] = []

    def config_members(self) -> tuple[int, ...]:
        """The members whose bytes are needed next; empty when `layout` can be called."""
        if self._broken is not None:
            return ()
        if self._description is not None:
            return tuple(dict.fromkeys([*self._pending, *self._others]))
        return tuple(candidate.index for candidate in self._candidates.members[self._position : self._position + 1])

    def provide(self, index: int, data: bytes | None) -> None:
        """Take the bytes of a member that was asked for; None where it is too large or cannot be read.

        Raises KeyError for a member that was not asked for.
        """
        if index not in self.config_members():
            raise KeyError(index)
        if self._description is None:
            self._consider(data)
            return
        if index in self._pending:
            self._pending.remove(index)
            self._wanted[index] = data
        if (other := self._others.pop(index, None)) is not None:
            self._described += _description_in(other, data)

    def layout(self, report: Report) -> DatasetLayout:
        """Where images, labels and splits lie; whatever is odd about it is reported.

        Raises `UnrecognisedDataset` where no description fits or it leads to no image, `BrokenConfig` where it cannot
        be used, and RuntimeError while members are still wanted.
        """
        if self.config_members():
            raise RuntimeError("members that were asked for have not been provided")
        if self._broken is not None:
            raise self._broken
        if self._description is None:
            rule = None if self._passed_over else "YAML_MISSING"
            raise UnrecognisedDataset(_why_not(self._names, self._passed_over), rule=rule)
        others = [other.source for other in self._described]
        for finding in [self._candidates.ambiguity(self._description.source, others), *self._findings]:
            if finding is not None:
                report(finding)
        return LayoutBuilder(self._names, self._description, self._wanted, report, root=self._root).build()

    def choices(self) -> tuple[Choice, ...]:
        """What the descriptions are of: first the one that is read, then up to `MOST_OTHERS` more."""
        if self._description is None:
            return ()
        order = {candidate: place for place, candidate in enumerate(self._candidates.members)}
        others = sorted(self._described, key=lambda other: order[other.source])
        return choices_among([self._description, *others])

    def _consider(self, data: bytes | None) -> None:
        """Settle on the candidate that was read, or pass on to the next."""
        candidate = self._candidates.members[self._position]
        self._position += 1
        findings: list[Finding] = []
        try:
            found = describe(candidate, data, findings.append)
        except BrokenConfig as error:
            self._broken = error if candidate.kind is Kind.DATA_YAML else None
            self._passed_over.append(str(error))
            return
        if found is None:
            self._passed_over.append(f"{candidate.name}: names no splits, or no categories")
            return
        self._description, self._findings = found, findings
        self._pending = members_named(self._names, found)
        others = self._candidates.members[self._position : self._position + MOST_OTHERS]
        self._others = {other.index: other for other in others}


def _description_in(candidate: Candidate, data: bytes | None) -> Iterator[Description]:
    """The description that a candidate is, if it is one."""
    with suppress(BrokenConfig):
        if (found := describe(candidate, data, lambda _finding: None)) is not None:
            yield found


def _why_not(names: NameTable, passed_over: list[str]) -> str:
    images = texts = 0
    for name in names.each_name():
        images += is_image(name)
        texts += name[-4:].lower() == ".txt"
    read = f"; read and passed over: {'; '.join(passed_over[:_SHOWN_REASONS])}" if passed_over else ""
    found = f"{_count(images, 'image')}, {_count(texts, '.txt file')}"
    return f"{_LOOKED_FOR} among {_count(len(names), 'file')} ({found}){read}; {_ADVICE}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
