"""`datayard up`: a whole yard on this machine."""

import os
from pathlib import Path
from typing import Annotated

import typer


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def up(
    *,
    host: Annotated[
        str, typer.Option(envvar="DATAYARD_API__HOST", help="Loopback address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="DATAYARD_API__PORT", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    data: Annotated[Path, typer.Option(help="Folder of everything the yard keeps.")] = Path(".datayard"),
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Worker processes. Default: the cores.", show_default=False)
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Import a generated dataset if the yard is empty.")] = False,
    allow_private_sources: Annotated[
        bool, typer.Option("--allow-private-sources", help="Allow imports from loopback and private hosts.")
    ] = False,
) -> None:
    """Run a whole yard on this machine.

    MongoDB, the queue, the workers, ingest and the API, until Ctrl-C. What they keep is in one folder, --data."""
    from services.cli.up import UpOptions, run_yard  # noqa: PLC0415 - keeps --help quick

    options = UpOptions(
        host=host,
        port=port,
        data=data.expanduser().resolve(),
        workers=workers or _cores(),
        demo=demo,
        allow_private_sources=allow_private_sources,
    )
    raise typer.Exit(run_yard(options))
