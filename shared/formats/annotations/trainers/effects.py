"""What releases of a trainer make of a label file because of what was found in it: an effect for each finding.

The verdicts on the file decide: an image that is kept was dropped for no finding, one that is dropped was for some.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.formats.annotations.model import Report
from shared.formats.annotations.trainers import ultralytics
from shared.formats.annotations.trainers.model import Outcome, TrainingTask
from shared.formats.findings import Finding

MOST_JUDGED = 100
"""Findings of a rule whose own rows are judged; what trainers make of further ones is what the rule says."""

MOST_HELD = 5_000
"""Findings of a file that are held until it has been read; then all further ones pass as they are."""

_TRAINER = "ultralytics"
_KEEP, _DROP_IMAGE, _DROP_ROW = "keep", "drop_image", "drop_row"
_OF_THE_FILE = frozenset(("ROW_RAGGED", "ROW_MIXED_TASK"))
_NEVER_WHY = frozenset(
    (
        "PAIR_EMPTY_LABEL",
        "ROW_CORNER_OUTSIDE",
        "ROW_DUPLICATE",
        "ROW_NEAR_DUPLICATE",
        "ROW_POLY_POINTS",
        "ROW_POLY_SELF_INTERSECT",
        "ROW_TINY",
        "ROW_XYXY_SUSPECT",
        "ROW_ZERO_AREA",
    )
)
_NEWEST = tuple(ultralytics.RELEASES.values())[-1]

Effect = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class EffectReport:
    """Takes the findings of one label file, and reports them in their order with what each release makes of them."""

    data: bytes
    task: TrainingTask
    report: Report
    _held: list[Finding] = field(default_factory=list)
    _is_open: bool = True

    def add(self, finding: Finding) -> None:
        """Take the next finding."""
        if not self._is_open:
            self.report(finding)
            return
        self._held.append(finding)
        if len(self._held) >= MOST_HELD:
            self.close()

    def close(self) -> None:
        """Report what is held."""
        held, self._held, self._is_open = self._held, [], False
        for finding in with_effects(self.data, held, self.task) if held else ():
            self.report(finding)


def with_effects(data: bytes, findings: Sequence[Finding], task: TrainingTask) -> Iterator[Finding]:
    """The findings of one label file, in their order, with what each release makes of them."""
    dropping = _dropping(data, task)
    costs = _costs(data, findings, task, dropping)
    for at, finding in enumerate(findings):
        if at in costs:
            yield replace(finding, effect=_effect(finding, costs[at]))
        else:
            yield finding


def _dropping(data: bytes, task: TrainingTask) -> dict[ultralytics.Behaviour, str | None]:
    """Who leaves the image out, and by which rule."""
    judged = ultralytics.verdicts(data, task)
    if judged.plain is not None:
        return {}
    return {one: verdict.rule for one, verdict in judged.by_behaviour.items() if verdict.outcome is Outcome.DROPPED}


def _costs(
    data: bytes,
    findings: Sequence[Finding],
    task: TrainingTask,
    dropping: Mapping[ultralytics.Behaviour, str | None],
) -> dict[int, set[ultralytics.Behaviour]]:
    """By position of a finding, who leaves the image out because of it; `MOST_JUDGED` of each rule."""
    counts: Counter[str] = Counter()
    found: dict[int, set[ultralytics.Behaviour]] = {}
    lines = data.decode(errors="replace").splitlines() if dropping else []
    for at, finding in enumerate(findings):
        counts[finding.rule] += 1
        if counts[finding.rule] > MOST_JUDGED:
            continue
        found[at] = {one for one, rule in dropping.items() if _is_why(finding, rule, lines, task, one)}
    for behaviour, rule in dropping.items():
        if not any(behaviour in who for who in found.values()):
            for at in _likeliest(findings, list(found), rule, by_any=behaviour == _NEWEST):
                found[at].add(behaviour)
    return found


def _is_why(
    finding: Finding, rule: str | None, lines: Sequence[str], task: TrainingTask, behaviour: ultralytics.Behaviour
) -> bool:
    """Whether a release leaves the image out because of the finding's row, or for what the file is as a whole."""
    if finding.rule in _NEVER_WHY:
        return False
    if finding.rule in _OF_THE_FILE:
        return rule in ("ROW_COLUMNS", "ROW_MIXED_TASK")
    if finding.rule == "ROW_ENCODING":
        return rule == "ROW_ENCODING"
    if finding.line is None or finding.line > len(lines):
        return False
    alone = ultralytics.verdicts(lines[finding.line - 1].encode(), task)
    return alone.by_behaviour[behaviour].outcome is Outcome.DROPPED


def _likeliest(findings: Sequence[Finding], judged: list[int], rule: str | None, *, by_any: bool) -> list[int]:
    """The findings of the rule for which the image is left out; else those that might be why; else, `by_any`, all."""
    same = [at for at in judged if findings[at].rule == rule]
    return same or [at for at in judged if findings[at].rule not in _NEVER_WHY] or (judged if by_any else [])


def _effect(finding: Finding, who: set[ultralytics.Behaviour]) -> Effect:
    """Who does what: a word for the newest release and those from when on it holds, then for those before."""
    kept = _DROP_ROW if finding.rule == "ROW_DUPLICATE" else _KEEP
    words = {release: _DROP_IMAGE if one in who else kept for release, one in ultralytics.RELEASES.items()}
    releases = list(words)
    starts = [release for at, release in enumerate(releases) if not at or words[releases[at - 1]] != words[release]]
    newest = releases[-1]
    if starts[-1] != newest:
        starts.append(newest)
    named = []
    for start, following in zip(reversed(starts), [None, *reversed(starts[1:])], strict=True):
        named.append((_range(start, following, first=releases[0]), words[start]))
    return tuple(named)


def _range(start: str, following: str | None, *, first: str) -> str:
    if following is None:
        return f"{_TRAINER}>={start}"
    return f"{_TRAINER}<{following}" if start == first else f"{_TRAINER}>={start},<{following}"
