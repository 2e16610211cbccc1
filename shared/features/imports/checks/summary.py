"""From the sums of a check to its answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from shared.features.datasets.statistics import Statistics
from shared.features.imports.checks.estimate import estimated
from shared.features.imports.checks.report import (
    CategoryCount,
    CheckBytes,
    CheckedSplit,
    CheckFindings,
    CheckReport,
    Choice,
    RuleCount,
)
from shared.features.imports.checks.tally import CheckTally
from shared.features.imports.findings.dataset_task import task_of
from shared.features.imports.findings.trainers import seen_by_trainers
from shared.features.imports.findings.views import TrainerView, finding_view
from shared.features.imports.models import ImportPlan, ImportRequest
from shared.features.imports.planning.way import Decision
from shared.formats.annotations.model import DatasetLayout
from shared.formats.findings import Finding, Severity
from shared.formats.rules import RULES

_WORST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True, slots=True)
class Checked:
    """All that is known when a check ends."""

    request: ImportRequest
    layout: DatasetLayout
    plan: ImportPlan
    decision: Decision
    tally: CheckTally
    choices: list[Choice]
    complete: bool
    seconds: float
    workers: int


def report_of(checked: Checked) -> CheckReport:
    """The answer."""
    layout, tally = checked.layout, checked.tally
    statistics = tally.statistics
    splits = list(_splits(checked, statistics))
    return CheckReport(
        format=layout.format,
        layout=layout.name,
        confidence=layout.confidence,
        reason=layout.reason,
        root=_root(layout),
        choices=checked.choices,
        task=task_of(statistics.by_name("type"), layout.format),
        splits=splits,
        categories=list(_categories(layout, statistics)),
        images=sum(split.images for split in splits),
        annotations=statistics.total("annotations"),
        images_read=tally.looked_at.total(),
        labels_read=tally.labels_read,
        rows_read=statistics.total("rows_read"),
        rows_left_out=statistics.total("rows_left_out"),
        findings=findings_of(statistics.by_name("findings"), tally.shown),
        trainers={name: TrainerView.model_validate(seen) for name, seen in seen_by_trainers(statistics).items()},
        bytes=_bytes(checked),
        way=checked.decision.way,
        way_reason=checked.decision.reason,
        estimate=estimated(tally.amounts, checked.request, checked.plan.source, workers=checked.workers),
        complete=checked.complete,
        seconds=round(checked.seconds, 3),
    )


def findings_of(counts: Mapping[str, int], shown: Mapping[str, list[Finding]]) -> CheckFindings:
    """Counts by rule, worst first, and the findings that are shown in that order."""
    rules = sorted(counts, key=lambda rule: (_WORST_FIRST.index(RULES[rule].severity), -counts[rule], rule))
    by_rule = {rule: _rule_count(rule, counts[rule]) for rule in rules}

    def total(severity: Severity) -> int:
        return sum(one.count for one in by_rule.values() if one.severity is severity)

    return CheckFindings(
        errors=total(Severity.ERROR),
        warnings=total(Severity.WARNING),
        infos=total(Severity.INFO),
        by_rule=by_rule,
        items=[finding_view(finding) for rule in rules for finding in shown.get(rule, ())],
    )


def _rule_count(name: str, count: int) -> RuleCount:
    rule = RULES[name]
    return RuleCount(severity=rule.severity, count=count, meaning=rule.meaning, suggestion=rule.suggestion)


def _root(layout: DatasetLayout) -> str:
    """The folder of the dataset's description."""
    folder = str(PurePosixPath(layout.config_files[0]).parent) if layout.config_files else ""
    return "" if folder == "." else folder


def _splits(checked: Checked, statistics: Statistics) -> Iterator[CheckedSplit]:
    """All splits; of the images found, those that were looked at and left out do not count."""
    tally = checked.tally
    annotations = statistics.by_name("annotations")
    others = {"": None} if tally.found[""] else {}
    for key, name in {**{split: split for split in checked.layout.splits}, **others}.items():
        left_out = tally.looked_at[key] - statistics.images(split=key)
        yield CheckedSplit(name=name, images=tally.found[key] - left_out, annotations=annotations.get(key, 0))


def _categories(layout: DatasetLayout, statistics: Statistics) -> Iterator[CategoryCount]:
    images, annotations = (_by_category(statistics, f"category_{what}") for what in ("images", "annotations"))
    for category in layout.categories:
        yield CategoryCount(
            id=category.id,
            name=category.name,
            images=images.get(category.id, 0),
            annotations=annotations.get(category.id, 0),
        )


def _by_category(statistics: Statistics, figure: str) -> dict[int, int]:
    found: dict[int, int] = {}
    for (_split, category), count in statistics.below(figure):
        found[int(category)] = found.get(int(category), 0) + count
    return found


def _bytes(checked: Checked) -> CheckBytes:
    amounts, source = checked.tally.amounts, checked.plan.source
    return CheckBytes(
        archive=source.size_bytes,
        images=amounts.image_bytes,
        labels=amounts.label_bytes,
        to_read=amounts.to_read(checked.request, source),
    )
