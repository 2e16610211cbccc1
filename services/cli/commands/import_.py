"""`datayard import`: an archive becomes a dataset."""

from enum import StrEnum
from typing import Annotated

import typer


class OnFinding(StrEnum):
    """What a bad row or file does to the import."""

    SKIP = "skip"
    FAIL = "fail"


def import_(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="A URL, or the path of an archive on this machine.")],
    *,
    name: Annotated[
        str | None, typer.Option(help="Name of the dataset. Default: the source's file name.", show_default=False)
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="Annotation format, such as yolo.")] = "auto",
    storage: Annotated[str, typer.Option(help="How images are kept.")] = "objects",
    checksum: Annotated[
        str | None, typer.Option(help="sha256:… that the archive must have.", show_default=False)
    ] = None,
    on_finding: Annotated[OnFinding, typer.Option(help="Leave bad rows and files out, or fail.")] = OnFinding.SKIP,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Show progress and return when the import has ended.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Import an archive as a dataset. Exit code 0: succeeded, 1: failed, 3: no yard answers."""
    from services.cli.commands.context import open_client  # noqa: PLC0415 - keeps --help quick
    from services.cli.importing import ImportRequest, run_import  # noqa: PLC0415

    request = ImportRequest(
        source=source, name=name, format=format_, storage=storage, checksum=checksum, on_finding=on_finding.value
    )
    with open_client(ctx) as client:
        raise typer.Exit(run_import(client, request, wait=wait, as_json=as_json))
