"""`datayard images`: the images of one dataset."""

from typing import Annotated

import typer


def images(
    ctx: typer.Context,
    dataset: Annotated[str, typer.Argument(help="Id or slug of the dataset.")],
    *,
    split: Annotated[str | None, typer.Option(help="Only this split.", show_default=False)] = None,
    category: Annotated[str | None, typer.Option(help="Only images with this category.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Images of one page.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="`next_cursor` of the page before.", show_default=False)] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every image of every page, one JSON line each.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the page as JSON.")] = False,
) -> None:
    """List the images of a dataset."""
    from services.cli.commands.context import open_client  # noqa: PLC0415 - keeps --help quick
    from services.cli.listings import ImageQuery, show_images, stream_images  # noqa: PLC0415

    query = ImageQuery(dataset=dataset, split=split, category=category, limit=limit, cursor=cursor)
    with open_client(ctx) as client:
        if all_:
            stream_images(client, query)
        else:
            show_images(client, query, as_json=as_json)
