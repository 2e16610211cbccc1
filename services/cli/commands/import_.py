"""`datayard import`: an archive or a directory becomes a dataset."""

from enum import StrEnum
from typing import Annotated

import typer

from services.cli.commands.source_options import Config, Format, Images, Labels, Whole
from services.cli.commands.versions import CategoryMap
from services.cli.fixes import fixes_of
from services.cli.import_request import ImportRequest


class Storage(StrEnum):
    """How the bytes of images are kept."""

    OBJECTS = "objects"
    PACKED = "packed"


class LabelTask(StrEnum):
    """What the rows of labels are."""

    AUTO = "auto"
    DETECT = "detect"
    SEGMENT = "segment"
    POSE = "pose"
    OBB = "obb"


class OnFinding(StrEnum):
    """What a bad row or file does to the import."""

    SKIP = "skip"
    FAIL = "fail"


_Name = Annotated[
    str | None, typer.Option(help="Name of the dataset. Default: the source's file name.", show_default=False)
]
_Root = Annotated[
    str | None,
    typer.Option(help="Of several datasets in it: the folder, or the description, of one.", show_default=False),
]
_Task = Annotated[LabelTask, typer.Option(help="What the rows of labels are; obb has to be asked for.")]
_InPlace = Annotated[bool, typer.Option("--in-place", help="With --storage packed: leave the archive where it lies.")]
_Deep = Annotated[bool, typer.Option("--deep", help="Decode every image, to find damage that headers do not show.")]
_Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Show progress and return when the import has ended.")]
_Fixes = Annotated[
    list[str] | None,
    typer.Option("--fix", metavar="RULE=FIX", help="Then fix it as version 2; or `suggested`.", show_default=False),
]
_Upload = Annotated[
    bool, typer.Option("--upload", help="Send the file to the yard first; the same command goes on after a break.")
]
_Checksum = Annotated[str | None, typer.Option(help="sha256:… that the archive must have.", show_default=False)]


def import_(
    ctx: typer.Context,
    source: Whole = None,
    *,
    images: Images = None,
    labels: Labels = None,
    config: Config = None,
    name: _Name = None,
    format_: Format = "auto",
    root: _Root = None,
    task: _Task = LabelTask.AUTO,
    storage: Annotated[Storage, typer.Option(help="Each image an object, or ranges of the archive.")] = Storage.OBJECTS,
    in_place: _InPlace = False,
    deep: _Deep = False,
    checksum: _Checksum = None,
    on_finding: Annotated[OnFinding, typer.Option(help="Leave bad rows and files out, or fail.")] = OnFinding.SKIP,
    fix: _Fixes = None,
    map_: CategoryMap = None,
    upload: _Upload = False,
    wait: _Wait = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Import an archive or a directory as a dataset. Exit code 0: succeeded, 1: failed, 3: no yard answers."""
    request = ImportRequest(
        source=source,
        parts={"images": images, "labels": labels, "config": config},
        name=name,
        format=format_,
        root=root,
        task=task.value,
        storage=storage.value,
        in_place=in_place,
        deep=deep,
        checksum=checksum,
        on_finding=on_finding.value,
        fixes=fixes_of(fix or [], map_ or [], suggested=False) if fix or map_ else {},
        upload=upload,
    )
    raise typer.Exit(_run(ctx, request, wait=wait, as_json=as_json))


def _run(ctx: typer.Context, request: ImportRequest, *, wait: bool, as_json: bool) -> int:
    from services.cli.commands.context import open_client  # noqa: PLC0415 - keeps --help quick
    from services.cli.importing import run_import  # noqa: PLC0415

    with open_client(ctx) as client:
        return run_import(client, request, wait=wait, as_json=as_json)
