"""YOLO datasets of the Ultralytics, Roboflow and Darknet layouts, recognised by their description and by names."""

from shared.formats.annotations.member_names import is_image
from shared.formats.annotations.model import (
    AnnotationReader,
    BrokenConfig,
    DatasetLayout,
    NameTable,
    Report,
    UnrecognisedDataset,
)
from shared.formats.annotations.yolo.assembly import LayoutBuilder
from shared.formats.annotations.yolo.candidates import ConfigCandidates, Description, Kind, describe, find_configs
from shared.formats.annotations.yolo.places import members_named
from shared.formats.findings import Finding

__all__ = ["ConfigCandidates", "YoloReader", "find_configs"]

_LOOKED_FOR = "no data.yaml or obj.data that names both categories and splits"
_ADVICE = "add a data.yaml with train, val and names, or pass `config`; see docs/layouts.md"
_SHOWN_REASONS = 3


class YoloReader(AnnotationReader):
    """Reads a YOLO dataset's layout; see `AnnotationReader` for the conversation. Does no I/O."""

    def __init__(self, names: NameTable) -> None:
        self._names = names
        self._candidates = find_configs(names)
        self._position = 0
        self._description: Description | None = None
        self._broken: BrokenConfig | None = None
        self._passed_over: list[str] = []
        self._findings: list[Finding] = []
        self._wanted: dict[int, bytes | None] = {}
        self._pending: list[int] = []

    def config_members(self) -> tuple[int, ...]:
        """The members whose bytes are needed next; empty when `layout` can be called."""
        if self._broken is not None:
            return ()
        if self._description is not None:
            return tuple(self._pending)
        return tuple(candidate.index for candidate in self._candidates.members[self._position : self._position + 1])

    def provide(self, index: int, data: bytes | None) -> None:
        """Take the bytes of a member that was asked for; None where it is too large or cannot be read.

        Raises KeyError for a member that was not asked for.
        """
        if index not in self.config_members():
            raise KeyError(index)
        if self._description is None:
            self._consider(data)
        else:
            self._pending.remove(index)
            self._wanted[index] = data

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
        for finding in [self._candidates.ambiguity(self._description.source), *self._findings]:
            if finding is not None:
                report(finding)
        return LayoutBuilder(self._names, self._description, self._wanted, report).build()

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
