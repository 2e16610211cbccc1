"""`datayard fix|versions|undo DATASET`: apply fixes as a new version, look at the history, bring a version back."""

from typing import Annotated

import typer

from services.cli.fixes import fixes_of

Fixes = Annotated[
    list[str] | None,
    typer.Option("--fix", metavar="RULE=FIX", help="What to do about a rule; may be repeated.", show_default=False),
]
Suggested = Annotated[bool, typer.Option("--suggested", help="Do what is suggested about all that was found.")]
CategoryMap = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="ID=ID", help="With remap: the category of a nameless id.", show_default=False),
]
DatasetName = Annotated[str, typer.Argument(help="Id or slug of the dataset.")]
Note = Annotated[str, typer.Option("--note", help="A text for the history.", show_default=False)]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Show progress and return when the version is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def fix(
    ctx: typer.Context,
    dataset: DatasetName,
    *,
    fix: Fixes = None,
    suggested: Suggested = False,
    map_: CategoryMap = None,
    note: Note = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Apply fixes to a dataset as a new version; `undo` takes it back. Originals stay as they are."""
    from services.cli.commands.context import open_client  # noqa: PLC0415 - keeps --help quick
    from services.cli.versions import run_fixes, show_preview  # noqa: PLC0415

    body = fixes_of(fix or [], map_ or [], suggested=suggested) | ({"note": note} if note else {})
    with open_client(ctx) as client:
        if dry_run:
            show_preview(client, dataset, body, as_json=as_json)
            return
        raise typer.Exit(run_fixes(client, dataset, body, wait=wait, as_json=as_json))


def versions(
    ctx: typer.Context,
    dataset: DatasetName,
    *,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Versions of one page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="`next_cursor` of the page before.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """List the versions of a dataset, newest first."""
    from services.cli.commands.context import open_client  # noqa: PLC0415 - keeps --help quick
    from services.cli.versions import show_versions  # noqa: PLC0415

    with open_client(ctx) as client:
        show_versions(client, dataset, limit=limit, cursor=cursor, as_json=as_json)


def undo(
    ctx: typer.Context,
    dataset: DatasetName,
    *,
    to: Annotated[
        int | None,
        typer.Option("--to", min=1, help="Default: what the newest was made of.", show_default=False),
    ] = None,
    note: Note = "",
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Bring an older version of a dataset back, as a new one."""
    from services.cli.commands.context import open_client  # noqa: PLC0415 - keeps --help quick
    from services.cli.versions import run_undo  # noqa: PLC0415

    with open_client(ctx) as client:
        raise typer.Exit(run_undo(client, dataset, to, note=note, wait=wait, as_json=as_json))
