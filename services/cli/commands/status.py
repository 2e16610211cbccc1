"""`datayard status`: one import."""

from typing import Annotated

import typer


def status(
    ctx: typer.Context,
    job_id: Annotated[str, typer.Argument(help="Id of the job, as `datayard jobs` shows it.")],
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Show progress until the job has ended.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the status as JSON.")] = False,
) -> None:
    """Show how far an import or another job is.

    With --follow the exit code is that of its end: 0 succeeded, 1 did not.
    """
    from services.cli.commands.context import open_client  # noqa: PLC0415 - keeps --help quick
    from services.cli.importing import follow_import  # noqa: PLC0415
    from services.cli.listings import show_status  # noqa: PLC0415

    with open_client(ctx) as client:
        if follow:
            raise typer.Exit(follow_import(client, job_id, as_json=as_json))
        show_status(client, job_id, as_json=as_json)
