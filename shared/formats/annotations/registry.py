"""The formats there are, in the order in which they are tried, and how a dataset's own is found out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shared.formats.annotations.coco.labels import CocoLabels
from shared.formats.annotations.coco.reader import CocoReader
from shared.formats.annotations.model import (
    AnnotationReader,
    Category,
    DatasetLayout,
    LabelContext,
    LabelReader,
    NameTable,
    Records,
    Report,
    Scan,
    UnrecognisedDataset,
)
from shared.formats.annotations.survey import NameSurvey
from shared.formats.annotations.trainers.model import TrainingTask
from shared.formats.annotations.yolo.layout import YoloReader
from shared.formats.annotations.yolo.row_shapes import Poses, row_shape
from shared.formats.annotations.yolo.rows import YoloLabels
from shared.formats.findings import Finding

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Format:
    """One format: what reads its layout, and what reads its labels."""

    name: str
    reader: Callable[[NameSurvey], AnnotationReader]
    labels: Callable[[LabelContext], LabelReader]


def _yolo_labels(context: LabelContext) -> LabelReader:
    shape = row_shape(context.task, context.keypoint_shape)
    training = TrainingTask(context.category_count, isinstance(shape, Poses), *(context.keypoint_shape or (0, 0)))
    return YoloLabels(context.category_count, context.limits, shape, training)


_FORMATS = (
    Format("yolo", lambda survey: YoloReader(survey.names), _yolo_labels),
    Format("coco", CocoReader, CocoLabels),
)

FORMATS: Mapping[str, Format] = MappingProxyType({one.name: one for one in _FORMATS})


def label_reader(format_name: str, context: LabelContext) -> LabelReader:
    """What reads the labels of a dataset of that format."""
    return FORMATS[format_name].labels(context)


class DatasetReader(AnnotationReader):
    """Finds out a dataset's format: the formats are tried in turn, and the first that recognises it reads it.

    With a `format_name` it is that one or none.
    """

    def __init__(self, names: NameTable, format_name: str = "auto") -> None:
        self._survey = NameSurvey(names)
        self._left = [one for one in _FORMATS if format_name in ("auto", one.name)]
        self._refusals: list[str] = []
        self._rule: str | None = None
        self._findings: list[Finding] = []
        self._layout: DatasetLayout | None = None
        self._next()

    def config_members(self) -> tuple[int, ...]:
        """The members whose bytes are needed next; empty when `layout` can be called, or will tell that none fits."""
        while self._layout is None and self._reader is not None:
            if wanted := self._reader.config_members():
                return wanted
            self._try()
        return ()

    def provide(self, index: int, data: bytes | None) -> None:
        """Take the bytes of a member that was asked for."""
        self._current.provide(index, data)

    def scan(self, index: int) -> Scan | None:
        """What takes a member in pieces."""
        return self._current.scan(index)

    def layout(self, report: Report) -> DatasetLayout:
        """The layout by the format that fits. Raises `BrokenConfig`, or `UnrecognisedDataset` with each refusal."""
        if self.config_members():
            raise RuntimeError("members that were asked for have not been provided")
        if self._layout is None:
            raise UnrecognisedDataset("; ".join(self._refusals[:_SHOWN]), rule=self._rule)
        for finding in self._findings:
            report(finding)
        return self._layout

    def names_in(self, data: bytes) -> Iterator[str]:
        """The categories that a label file names."""
        return self._current.names_in(data)

    def categories(self, names: set[str]) -> tuple[Category, ...]:
        """The categories of a dataset whose labels name these."""
        return self._current.categories(names)

    def records(self, index: int, report: Report) -> Records:
        """What takes a file with the labels of many images."""
        return self._current.records(index, report)

    @property
    def _current(self) -> AnnotationReader:
        if self._reader is None:
            raise RuntimeError("no format fits")
        return self._reader

    def _next(self) -> None:
        self._format = self._left.pop(0) if self._left else None
        self._reader = self._format.reader(self._survey) if self._format else None

    def _try(self) -> None:
        """Whether the current format fits, now that it has read what it wanted; else the next one's turn has come."""
        findings: list[Finding] = []
        try:
            self._layout = self._current.layout(findings.append)
            self._findings = findings
        except UnrecognisedDataset as error:
            self._rule = self._rule or error.rule
            self._refusals.append(f"not {self._format.name}: {error.reason}" if self._format else error.reason)
            self._next()
