"""What `datayard check` found, for a person: the worst first, each with what it means and what to do."""

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from rich.console import Console
from rich.text import Text

from services.cli.effects import effect_text
from services.cli.formatting import Column, counted, cut, duration, number, output_width, size, table
from shared.features.imports.checks.report import CheckReport
from shared.features.imports.findings.views import FindingView, TrainerView
from shared.features.imports.models import ImportRequest
from shared.formats.findings import WHOLE_DATASET

_EXAMPLES = 3
_SHOWN_CATEGORIES = 20
_LONGEST_LINE = 300
_STYLES = {"error": "bold red", "warning": "bold yellow", "info": "bold cyan"}


class Line(NamedTuple):
    """A line, and how it looks on a terminal."""

    text: str
    style: str = ""


def print_report(report: CheckReport, _body: ImportRequest) -> None:
    """Print the report; in colours on a terminal."""
    lines = report_lines(report, width=output_width())
    if not sys.stdout.isatty():
        print("\n".join(line.text for line in lines))
        return
    console = Console()
    for line in lines:
        console.print(Text(line.text, style=line.style), soft_wrap=True)


def report_lines(report: CheckReport, *, width: int) -> list[Line]:
    """All of it."""
    return [
        *_headline(report),
        *_counts(report, width),
        *_findings(report),
        *_trainers(report, width),
        *_estimate(report),
        Line(""),
        _verdict(report),
    ]


def _headline(report: CheckReport) -> Iterator[Line]:
    where = f" in {_clean(report.root)}" if report.root else ""
    yield Line(f"{report.format}, {report.layout} layout{where} (confidence {report.confidence:.2f})", "bold")
    yield Line(f"  {_clean(report.reason)}")
    categories = counted(len(report.categories), "category")
    yield Line(
        f"  {report.task}: {counted(report.images, 'image')}, {counted(report.annotations, 'annotation')}, {categories}"
    )
    for choice in report.choices:
        yield Line(f"  --root {_clean(choice.root) or '.'}: {choice.format}, {choice.layout}; {_clean(choice.reason)}")


def _counts(report: CheckReport, width: int) -> Iterator[Line]:
    columns = (Column("SPLIT", shrinks=True), Column("IMAGES", right=True), Column("ANNOTATIONS", right=True))
    splits = [(one.name or "-", number(one.images), number(one.annotations)) for one in report.splits]
    yield from _table(columns, splits, width)
    most = sorted(report.categories, key=lambda one: (-one.annotations, one.id))
    if len(most) > _SHOWN_CATEGORIES:
        most = [one for one in most if one.annotations] or most
    shown = sorted(most[:_SHOWN_CATEGORIES], key=lambda one: one.id)
    rows = [(str(one.id), one.name, number(one.images), number(one.annotations)) for one in shown]
    yield from _table((Column("ID", right=True), Column("CATEGORY", shrinks=True), *columns[1:]), rows, width)
    if len(most) > len(shown):
        yield Line(f"… and {counted(len(most) - len(shown), 'category')} with fewer annotations", "dim")
    if unused := len(report.categories) - len(most):
        yield Line(f"… and {counted(unused, 'category')} without any annotation", "dim")


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> Iterator[Line]:
    if rows:
        header, *lines = table(columns, rows, width=width).splitlines()
        yield from (Line(""), Line(header, "dim"), *map(Line, lines))


def _findings(report: CheckReport) -> Iterator[Line]:
    for rule, examples in groupby(report.findings.items, lambda finding: finding.rule):
        found = report.findings.by_rule[rule]
        first, *more = examples
        yield Line("")
        yield Line(f"{found.severity.upper()} {rule} x {number(found.count)}: {found.meaning}", _STYLES[found.severity])
        yield Line(f"  fix: {found.suggestion}")
        if first.effect:
            yield Line(f"  effect: {effect_text(first.effect)}")
        shown = [first, *more][:_EXAMPLES]
        yield from (Line(f"  {_place(one)}{_clean(one.message)}") for one in shown)
        if found.count > len(shown):
            yield Line(f"  … and {number(found.count - len(shown))} more", "dim")


def _place(finding: FindingView) -> str:
    """Where it was found; nothing where it is said of the whole dataset."""
    if finding.file == WHOLE_DATASET:
        return ""
    return (
        f"{':'.join(str(part) for part in (_clean(finding.file), finding.line, finding.column) if part is not None)}  "
    )


def _trainers(report: CheckReport, width: int) -> Iterator[Line]:
    titles = ("IMAGES", "DROPPED", "BACKGROUND", "ROWS")
    columns = (Column("TRAINER"), *(Column(title, right=True) for title in titles), Column(""))
    yield from _table(columns, list(_trainer_rows(report)), width)


def _trainer_rows(report: CheckReport) -> Iterator[tuple[str, ...]]:
    """One row for each run of releases that see the same."""
    parts = ((name.partition("@"), view) for name, view in report.trainers.items())
    seen = [_Seen(trainer, release, view) for (trainer, _, release), view in parts]
    for _, same in groupby(seen, lambda one: (one.trainer, one.view)):
        first, *others = same
        releases = " to ".join([first.release, *(one.release for one in others[-1:])])
        yield f"{first.trainer} {releases}", *map(number, _figures(first.view)), _remark(first.view)


class _Seen(NamedTuple):
    """What one release of a trainer sees."""

    trainer: str
    release: str
    view: TrainerView


def _figures(view: TrainerView) -> tuple[int, ...]:
    return view.images_kept, view.images_dropped, view.images_background, view.rows_kept


def _remark(view: TrainerView) -> str:
    """Why it does not begin, or what else has to be known of its figures."""
    if view.aborts:
        return f"aborts at {counted(view.aborts, 'label file')}"
    if view.refused:
        return f"refuses it: {_clean(view.refused)}"
    told = (
        (view.images_not_judged, "label file", "too large to be judged"),
        (view.images_rewritten, "image", "written anew on disk"),
    )
    return ", ".join(f"{counted(count, noun)} {what}" for count, noun, what in told if count)


def _estimate(report: CheckReport) -> Iterator[Line]:
    estimate = report.estimate
    yield Line("")
    yield Line(
        f"An import would read {size(report.bytes.to_read)} and take about {duration(estimate.seconds)};"
        f" it would keep {counted(estimate.objects, 'object')} of {size(estimate.storage_bytes)}."
    )
    yield Line(
        f"In the cloud: ${_dollars(estimate.cost_usd)} with the first month of storage ({estimate.prices},"
        f" as of {estimate.prices_as_of}).",
        "dim",
    )


def _dollars(amount: float) -> str:
    return f"{amount:.2f}" if amount >= 1 else f"{amount:.2g}" if amount >= 0.0001 else "0.00"


def _verdict(report: CheckReport) -> Line:
    found = report.findings
    told = [
        counted(count, noun)
        for count, noun in ((found.errors, "error"), (found.warnings, "warning"), (found.infos, "info"))
        if count
    ]
    worst = "error" if found.errors else "warning" if found.warnings or not report.complete else "info"
    style = _STYLES[worst] if worst != "info" else "bold green"
    if not report.complete:
        read = f"Time was up after {number(report.images_read)} of {number(report.images)} images"
        return Line(f"{read}: {', '.join(told) or 'nothing found'} so far.", style)
    if worst == "info":
        return Line(f"Clean{f': {told[0]}' if told else ''}.", style)
    return Line(f"{', '.join(told)}.", style)


def _clean(text: str) -> str:
    """Text of strangers: control characters are shown as ?."""
    return cut(text, _LONGEST_LINE)
