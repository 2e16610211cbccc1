"""The typer application and the console script. Command bodies import what is heavy, so that `--help` is quick."""

import codecs
import io
import json
import os
import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from services.cli.commands import (
    check,
    control,
    datasets,
    export,
    images,
    import_,
    jobs,
    migrate,
    status,
    up,
    versions,
)
from services.cli.failures import CliError
from services.cli.formatting import plain


class _Commands(TyperGroup):
    """The commands; what typer says of a wrong value is freed of the words of the library that found it."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise


app = typer.Typer(
    cls=_Commands,
    name="datayard",
    help="From a vision archive of any size to a dataset you can query and check.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.command("import")(import_.import_)
app.command("check", cls=check.CheckCommand, short_help="Say what is wrong with a dataset; needs no yard.")(check.check)
app.command("export")(export.export)
app.command("datasets")(datasets.datasets)
app.command("images")(images.images)
app.command("status", short_help="Show how far an import or another job is.")(status.status)
app.command("jobs")(jobs.jobs)
app.command("cancel", short_help="Stop an import and hide its dataset.")(control.cancel)
app.command("pause")(control.pause)
app.command("resume")(control.resume)
app.command("retry", short_help="Start an import again that failed, died or was cancelled.")(control.retry)
app.command("verify", short_help="Read every image of a packed dataset once.")(control.verify)
app.command("fix")(versions.fix)
app.command("versions")(versions.versions)
app.command("undo")(versions.undo)
app.command("migrate")(migrate.migrate)


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        print(f"datayard {version('datayard')}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    *,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            envvar="DATAYARD_URL",
            help="Address of the yard. Default: the one running from ./.datayard, else http://127.0.0.1:8000.",
            show_default=False,
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Import vision archives as datasets, look at them, and run a yard on this machine."""
    ctx.obj = url


def main() -> None:
    """Run a command. Expected failures are one text on stderr and an exit code, never a stack trace."""
    _print_whatever_comes()
    try:
        app()
    except CliError as error:
        print(plain(f"datayard: {error}"), file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_whatever_comes() -> None:
    """Letters that the terminal's encoding lacks are shown by their numbers, as JSON writes them."""
    codecs.register_error("as-json", _as_json)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="as-json")


def _as_json(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
