"""`datayard check`: the dry run of an import, in this process, and its result in the shape that was asked for."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from services.cli.check_progress import progress_view
from services.cli.check_sarif import sarif_document
from services.cli.check_text import print_report
from services.cli.failures import CliError, Exit, Verdict
from services.cli.formatting import in_lines, plain
from services.cli.listings import print_json
from services.cli.sources import source_of
from services.worker.settings import WorkerSettings
from shared.features.imports.checks.checker import CheckProgress
from shared.features.imports.checks.options import CheckOptions
from shared.features.imports.checks.report import CheckReport
from shared.features.imports.findings.csv_rows import CSV_COLUMNS, csv_row
from shared.features.imports.models import ImportRequest
from shared.foundation.collector import settle_collector
from shared.foundation.errors import AppError
from shared.wiring.checking import CheckContext, check_source
from shared.wiring.decoders import image_decoder

_TERMINATED = 128 + signal.SIGTERM


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What a person asks to check: one source, or `parts` (images, labels, config). Any of them may be a path."""

    source: str | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    task: str = "auto"
    format: str = "auto"
    root: str | None = None
    category_count: int | None = None
    keypoint_shape: tuple[int, int] | None = None
    single_category: bool = False
    deep: bool = False
    seconds: float | None = None
    shown_as: Sequence[str] = ()

    @property
    def options(self) -> CheckOptions:
        """What overrules the description."""
        return CheckOptions(self.category_count, self.keypoint_shape, self.single_category, self.seconds)

    def body(self) -> ImportRequest:
        """The import that is tried. Raises CliError when a path points to nothing, or options do not fit."""
        if len(self.shown_as) > 1:
            raise CliError("Choose one of --json, --csv and --sarif.", exit_code=Exit.NOT_CHECKED)
        try:
            source = source_of(self.source, self.parts).value
        except CliError as error:
            raise CliError(str(error), exit_code=Exit.NOT_CHECKED) from error
        asked = {"source": source, "task": self.task, "format": self.format, "deep": self.deep}
        try:
            return ImportRequest.model_validate(asked | ({"root": self.root} if self.root is not None else {}))
        except ValidationError as error:
            raise CliError(_in_options(error), exit_code=Exit.NOT_CHECKED) from error


def run_check(request: CheckRequest) -> int:
    """Check the source and print what was found; the exit code of the command."""
    body = request.body()
    try:
        report = _checked(body, request.options)
    except AppError as error:
        return _failed(error, as_json="json" in request.shown_as)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except asyncio.CancelledError:
        return _TERMINATED
    shown: Callable[[CheckReport, ImportRequest], None] = print_report
    if request.shown_as:
        shown = _SHAPES[request.shown_as[0]]
    shown(report, body)
    return verdict_of(report)


def verdict_of(report: CheckReport) -> Verdict:
    """The worst finding decides. What was not read to its end is not clean."""
    if report.findings.errors:
        return Verdict.ERRORS
    return Verdict.CLEAN if report.complete and not report.findings.warnings else Verdict.WARNINGS


def _checked(body: ImportRequest, options: CheckOptions) -> CheckReport:
    settings = WorkerSettings()
    ours = settings.sources.model_copy(update={"allow_files": True, "allow_private": True})
    context = CheckContext(
        ours,
        settings.limits,
        settings.engine,
        processes=os.cpu_count() or 1,
        make_decoder=partial(image_decoder, settings.decoder),
    )
    settle_collector()
    with tempfile.TemporaryDirectory(prefix="datayard-check-") as folder, progress_view() as show:
        return asyncio.run(_stoppable(context, body, options, Path(folder), show))


async def _stoppable(
    context: CheckContext,
    body: ImportRequest,
    options: CheckOptions,
    folder: Path,
    show: Callable[[CheckProgress], None],
) -> CheckReport:
    """The check; SIGTERM ends it as Ctrl-C does, so that nothing is left behind."""
    task = asyncio.current_task()
    if task is not None:
        with contextlib.suppress(NotImplementedError, RuntimeError):  # Windows, or not the main thread
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await check_source(context, body, options, folder=folder, progress=show)


def _failed(error: AppError, *, as_json: bool) -> Exit:
    """Say why there is no result; as a problem document where a program reads."""
    if as_json:
        print(json.dumps(error.to_problem()))
    print(f"datayard: {error.title}: {plain(in_lines(error.detail))}", file=sys.stderr)
    return Exit.UNREACHABLE if error.retryable else Exit.NOT_CHECKED


def _in_options(error: ValidationError) -> str:
    faults = [(str(one["loc"][0]) if one["loc"] else "SOURCE", one["msg"]) for one in error.errors()]
    lines = [f"  {name.upper() if name == 'source' else f'--{name}'}: {message}" for name, message in faults]
    return "\n".join(["This cannot be checked:", *dict.fromkeys(lines)])


def _as_json(report: CheckReport, _body: ImportRequest) -> None:
    print(report.model_dump_json())


def _as_csv(report: CheckReport, _body: ImportRequest) -> None:
    sys.stdout.write(csv_row(CSV_COLUMNS))
    for finding in report.findings.items:
        sys.stdout.write(csv_row([getattr(finding, column) for column in CSV_COLUMNS]))


def _as_sarif(report: CheckReport, body: ImportRequest) -> None:
    print_json(sarif_document(report, body))


_SHAPES: Mapping[str, Callable[[CheckReport, ImportRequest], None]] = {
    "json": _as_json,
    "csv": _as_csv,
    "sarif": _as_sarif,
}
