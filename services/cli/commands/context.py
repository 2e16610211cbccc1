"""What the global options say, for the commands."""

from pathlib import Path

import typer

from services.cli.client import Client
from services.cli.state import running_url

DEFAULT_URL = "http://127.0.0.1:8000"


def open_client(ctx: typer.Context) -> Client:
    """A client of the yard that `--url` or DATAYARD_URL names, else of the one running from ./.datayard."""
    given: object = ctx.obj
    url = given if isinstance(given, str) else running_url(Path(".datayard")) or DEFAULT_URL
    return Client(url)
