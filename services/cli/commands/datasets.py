"""`datayard datasets`: what the yard holds."""

from typing import Annotated

import typer


def datasets(
    ctx: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Datasets of one page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="`next_cursor` of the page before.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the page as JSON.")] = False,
) -> None:
    """List the datasets."""
    from services.cli.commands.context import open_client  # noqa: PLC0415 - keeps --help quick
    from services.cli.listings import show_datasets  # noqa: PLC0415

    with open_client(ctx) as client:
        show_datasets(client, limit=limit, cursor=cursor, as_json=as_json)
