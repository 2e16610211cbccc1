"""The formats that are written, what each can carry, and what makes their files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from shared.formats.annotations.writers.classify import ClassifyWriter, classify_naming
from shared.formats.annotations.writers.coco import CocoWriter, coco_naming
from shared.formats.annotations.writers.csv_rows import CsvWriter, csv_naming
from shared.formats.annotations.writers.kitti import KittiWriter, kitti_naming
from shared.formats.annotations.writers.losses import LossLog
from shared.formats.annotations.writers.model import WriteOptions, Writer, WriteTask
from shared.formats.annotations.writers.naming import Naming
from shared.formats.annotations.writers.voc import VocWriter, voc_naming
from shared.formats.annotations.writers.webdataset import WebDatasetWriter, webdataset_naming
from shared.formats.annotations.writers.yolo import YoloWriter, yolo_naming

WriteFormatName: TypeAlias = Literal["yolo", "coco", "voc", "kitti", "csv", "webdataset"]
Carried: TypeAlias = Literal["whole", "as polygons", "as boxes"]

_ALL: Mapping[WriteTask, Carried] = MappingProxyType(
    {"detect": "whole", "segment": "whole", "pose": "whole", "obb": "whole", "classify": "whole"}
)


@dataclass(frozen=True, slots=True)
class WriteFormat:
    """A format: how it carries the annotations of each task (those that are missing it does not), and its writer.

    `shards`: the files are tars of bounded size instead of one zip. `has_tasks`: the task may be chosen.
    """

    name: WriteFormatName
    carries: Mapping[WriteTask, Carried]
    naming: Callable[[WriteOptions], Naming]
    writer: Callable[[WriteOptions, LossLog], Writer]
    shards: bool = False
    has_tasks: bool = False


def _yolo_naming(options: WriteOptions) -> Naming:
    return classify_naming(options) if options.task == "classify" else yolo_naming(options.tree)


def _yolo_writer(options: WriteOptions, losses: LossLog) -> Writer:
    return ClassifyWriter(options, losses) if options.task == "classify" else YoloWriter(options, losses)


_FORMATS = (
    WriteFormat("yolo", _ALL, _yolo_naming, _yolo_writer, has_tasks=True),
    WriteFormat(
        "coco",
        {"detect": "whole", "segment": "whole", "pose": "whole", "obb": "as polygons"},
        coco_naming,
        CocoWriter,
    ),
    WriteFormat(
        "voc",
        {"detect": "whole", "segment": "whole", "pose": "as boxes", "obb": "as polygons"},
        voc_naming,
        VocWriter,
    ),
    WriteFormat(
        "kitti",
        {"detect": "whole", "segment": "as boxes", "pose": "as boxes", "obb": "as boxes"},
        kitti_naming,
        KittiWriter,
    ),
    WriteFormat("csv", _ALL, csv_naming, CsvWriter),
    WriteFormat("webdataset", _ALL, webdataset_naming, WebDatasetWriter, shards=True),
)

WRITE_FORMATS: Mapping[str, WriteFormat] = MappingProxyType({one.name: one for one in _FORMATS})
