"""The formats there are, in the order in which they are tried, and how a dataset's own is found out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from shared.formats.annotations.coco.labels import CocoLabels
from shared.formats.annotations.coco.reader import CocoReader
from shared.formats.annotations.image_folders import ImageFolderReader
from shared.formats.annotations.kitti.labels import KittiLabels
from shared.formats.annotations.kitti.layout import KittiReader
from shared.formats.annotations.model import (
    AnnotationReader,
    Category,
    Choice,
    DatasetLayout,
    ImageSize,
    LabelContext,
    LabelReader,
    LabelRows,
    NameTable,
    Records,
    Report,
    Scan,
    UnrecognisedDataset,
)
from shared.formats.annotations.nothing_said import NothingSaid
from shared.formats.annotations.roots import plain_root
from shared.formats.annotations.survey import NameSurvey
from shared.formats.annotations.tables.labels import TableLabels
from shared.formats.annotations.tables.layout import CsvReader
from shared.formats.annotations.tiny_imagenet import TinyImageNetReader
from shared.formats.annotations.trainers.model import TrainingTask
from shared.formats.annotations.unlabelled_images import UnlabelledReader
from shared.formats.annotations.voc.labels import VocLabels
from shared.formats.annotations.voc.layout import VocReader
from shared.formats.annotations.yolo.layouts.described import YoloReader
from shared.formats.annotations.yolo.layouts.undescribed import UndescribedYoloReader
from shared.formats.annotations.yolo.ndjson.reader import NdjsonReader
from shared.formats.annotations.yolo.ndjson.rows import NdjsonLabels
from shared.formats.annotations.yolo.rows.dota import DotaLabels
from shared.formats.annotations.yolo.rows.reader import YoloLabels
from shared.formats.annotations.yolo.rows.shapes import Poses, row_shape
from shared.formats.findings import FindingLog

_MAY_BE_LABELS = ("txt", "json", "ndjson", "xml", "csv", "tsv", "yaml", "yml", "data")
_SHOWN_ENDINGS = 5
_MOST_FINDINGS = 10_000


@dataclass(frozen=True, slots=True)
class Format:
    """One format, or one way in which its datasets are laid out: what reads the layout, and what reads labels."""

    name: str
    reader: Callable[[NameSurvey], AnnotationReader]
    labels: Callable[[LabelContext], LabelReader]


def _yolo_labels(context: LabelContext) -> LabelReader:
    if context.rows == "dota":
        return DotaLabels(context)
    if context.rows == "ndjson":
        return NdjsonLabels(context)
    shape = row_shape(context.task, context.keypoint_shape)
    count, dims = context.keypoint_shape or (0, 0)
    training = TrainingTask(context.category_count, isinstance(shape, Poses), count, dims, context.single_category)
    return YoloLabels(context.category_count, context.limits, shape, training)


def _nothing_said(_: LabelContext) -> LabelReader:
    return NothingSaid()


_FORMATS = (
    # what describes itself
    Format("yolo", lambda survey: YoloReader(survey.whole, survey.root), _yolo_labels),
    Format("yolo", NdjsonReader, _yolo_labels),
    Format("tiny-imagenet", TinyImageNetReader, _nothing_said),
    Format("coco", CocoReader, CocoLabels),
    # what is told by the names and the beginnings of files
    Format("voc", VocReader, VocLabels),
    Format("kitti", KittiReader, KittiLabels),
    Format("csv", CsvReader, TableLabels),
    Format("yolo", UndescribedYoloReader, _yolo_labels),
    # what is told by folders alone
    Format("imagefolder", ImageFolderReader, _nothing_said),
    Format("images", UnlabelledReader, _nothing_said),
)
"""In the order in which they are tried. A format may be in several places."""

FORMATS: Mapping[str, Format] = MappingProxyType({one.name: one for one in reversed(_FORMATS)})


def label_reader(format_name: str, context: LabelContext) -> LabelReader:
    """What reads the labels of a dataset of that format. Only of YOLO's findings is it known what trainers do."""
    reader = FORMATS[format_name].labels(context)
    return reader if format_name == "yolo" and context.rows != "dota" else _OfNoTrainer(reader)


@dataclass(frozen=True, slots=True)
class _OfNoTrainer:
    """Labels that trainers do not read as they are: no finding has an effect on them."""

    reader: LabelReader

    def read(self, data: bytes, *, file: str, size: ImageSize | None, report: Report) -> LabelRows:
        """See `LabelReader`."""
        return self.reader.read(data, file=file, size=size, report=lambda found: report(replace(found, effect=())))


class DatasetReader(AnnotationReader):
    """Finds out a dataset's format: the formats are tried in turn, and the first that recognises it reads it.

    With a `format_name` it is that one or none; with a `root`, a folder or a description, it is what lies there.
    """

    def __init__(self, names: NameTable, format_name: str = "auto", root: str | None = None) -> None:
        self._survey = NameSurvey(names, plain_root(root or ""), asked=format_name)
        self._left = [one for one in _FORMATS if format_name in ("auto", one.name)]
        self._refusals: dict[str, list[str]] = {}
        self._rule: str | None = None
        self._findings = FindingLog(_MOST_FINDINGS)
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
            raise UnrecognisedDataset(self._why_not(), rule=self._rule)
        for finding in self._findings:
            report(finding)
        for finding in self._findings.uncounted():
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

    def choices(self) -> tuple[Choice, ...]:
        """The datasets of the layout's format that there are to choose from by `root`; the first is the layout's."""
        return self._reader.choices() if self._reader is not None else ()

    def _why_not(self) -> str:
        """What is missing altogether; else the refusal of each format."""
        survey = self._survey
        if survey.root and not any(survey.names.each_name()):
            return f"nothing lies at the root `{survey.root[:200]}`"
        if not survey.images and not any(map(survey.ending_in, _MAY_BE_LABELS)):
            return f"there is no image and no label among {_files(survey)}; see docs/layouts.md"
        return "; ".join(f"not {name}: {'; '.join(reasons)}" for name, reasons in self._refusals.items())

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
        log = FindingLog(_MOST_FINDINGS)
        try:
            self._layout = self._current.layout(log.add)
            self._findings = log
        except UnrecognisedDataset as error:
            self._rule = self._rule or error.rule
            self._refusals.setdefault(self._format.name if self._format else "", []).append(error.reason)
            self._next()


def _files(survey: NameSurvey) -> str:
    """How many files there are, and of which kinds most."""
    count, most = len(survey.names), survey.endings().most_common(_SHOWN_ENDINGS)
    kinds = ", ".join(f".{ending} x {number}" for ending, number in most)
    return f"{count} {'file' if count == 1 else 'files'}{f' ({kinds})' if kinds else ''}"
