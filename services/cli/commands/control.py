"""`datayard cancel|pause|resume|retry JOB` and `datayard verify DATASET`: what can be done with jobs."""

from typing import Annotated

import typer

JobId = Annotated[str, typer.Argument(help="Id of the job, as `datayard jobs` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def cancel(ctx: typer.Context, job_id: JobId, *, as_json: AsJson = False) -> None:
    """Stop an import and hide its dataset; what is done is kept for a while, for a retry."""
    _ask(ctx, "datasets", "import", job_id, "cancel", as_json=as_json)


def pause(ctx: typer.Context, job_id: JobId, *, as_json: AsJson = False) -> None:
    """Let an import rest until it is resumed."""
    _ask(ctx, "datasets", "import", job_id, "pause", as_json=as_json)


def resume(ctx: typer.Context, job_id: JobId, *, as_json: AsJson = False) -> None:
    """Go on with a paused import."""
    _ask(ctx, "datasets", "import", job_id, "resume", as_json=as_json)


def retry(ctx: typer.Context, job_id: JobId, *, as_json: AsJson = False) -> None:
    """Start an import again that failed, died or was cancelled; it goes on from what is done."""
    _ask(ctx, "datasets", "import", job_id, "retry", as_json=as_json)


def verify(
    ctx: typer.Context,
    dataset: Annotated[str, typer.Argument(help="Id or slug of a packed dataset.")],
    *,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Show progress and return when every image has been read.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read every image of a packed dataset once: check its CRC-32, set its sha256."""
    from services.cli.commands.context import open_client  # noqa: PLC0415 - keeps --help quick
    from services.cli.importing import run_verification  # noqa: PLC0415

    with open_client(ctx) as client:
        raise typer.Exit(run_verification(client, dataset, wait=wait, as_json=as_json))


def _ask(ctx: typer.Context, *path: str, as_json: bool) -> None:
    from services.cli.commands.context import open_client  # noqa: PLC0415 - keeps --help quick
    from services.cli.listings import show_order  # noqa: PLC0415

    with open_client(ctx) as client:
        show_order(client, path, as_json=as_json)
