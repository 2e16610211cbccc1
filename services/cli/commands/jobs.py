"""`datayard jobs`: what runs and what ran."""

from typing import Annotated

import typer


def jobs(
    ctx: typer.Context,
    *,
    state: Annotated[
        str | None,
        typer.Option(help="Only queued, running, succeeded, failed, cancelled or dead jobs.", show_default=False),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only import, verify, version or export jobs.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Jobs of one page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="`next_cursor` of the page before.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the page as JSON.")] = False,
) -> None:
    """List the jobs, newest first."""
    from services.cli.commands.context import open_client  # noqa: PLC0415 - keeps --help quick
    from services.cli.listings import JobQuery, show_jobs  # noqa: PLC0415

    with open_client(ctx) as client:
        show_jobs(client, JobQuery(state=state, kind=kind, limit=limit, cursor=cursor), as_json=as_json)
