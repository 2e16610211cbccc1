"""`datayard export`: a dataset becomes files of a format."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """The formats that are written."""

    YOLO = "yolo"
    COCO = "coco"
    VOC = "voc"
    KITTI = "kitti"
    CSV = "csv"
    WEBDATASET = "webdataset"


class Tree(StrEnum):
    """How the folders of a YOLO dataset lie."""

    ULTRALYTICS = "ultralytics"
    ROBOFLOW = "roboflow"
    DARKNET = "darknet"


class Task(StrEnum):
    """What rows of YOLO labels are to be."""

    DETECT = "detect"
    SEGMENT = "segment"
    POSE = "pose"
    OBB = "obb"
    CLASSIFY = "classify"


_Dataset = Annotated[str, typer.Argument(help="Id or slug of the dataset.")]
_Tree = Annotated[Tree | None, typer.Option(help="yolo: how folders lie.", show_default="ultralytics")]
_Task = Annotated[Task | None, typer.Option(help="yolo: what rows are to be.", show_default="that of the dataset")]
_Splits = Annotated[str | None, typer.Option(help="Only these, as train,val.", show_default=False)]
_Categories = Annotated[str | None, typer.Option(help="Only these, by name or id, as car,person.", show_default=False)]
_Version = Annotated[int | None, typer.Option(min=1, help="Version of the dataset.", show_default="the current one")]
_Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="File, or folder for several.", show_default=False)
]


def export(
    ctx: typer.Context,
    dataset: _Dataset,
    *,
    format_: Annotated[Format, typer.Option("--format", help="Annotation format.")] = Format.YOLO,
    tree: _Tree = None,
    task: _Task = None,
    splits: _Splits = None,
    categories: _Categories = None,
    version: _Version = None,
    output: _Output = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the export as JSON.")] = False,
) -> None:
    """Write a dataset as files of a format and fetch them. What was fetched before it was cut off is kept."""
    from services.cli.commands.context import open_client  # noqa: PLC0415 - keeps --help quick
    from services.cli.exporting import ExportOrder, run_export  # noqa: PLC0415

    order = ExportOrder(
        dataset=dataset,
        format=format_.value,
        tree=tree.value if tree else None,
        task=task.value if task else None,
        splits=_listed(splits),
        categories=_listed(categories),
        version=version,
        output=output,
    )
    with open_client(ctx) as client:
        raise typer.Exit(run_export(client, order, as_json=as_json))


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]
