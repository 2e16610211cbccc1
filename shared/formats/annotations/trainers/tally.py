"""How many images and rows of a dataset each known trainer would see."""

from collections import Counter
from dataclasses import dataclass, field

from shared.formats.annotations.trainers import fiftyone, ultralytics
from shared.formats.annotations.trainers.model import LabelVerdict, Outcome, TrainingTask

TRAINERS: tuple[str, ...] = (*(f"ultralytics@{release}" for release in ultralytics.RELEASES), fiftyone.TRAINER)

_ROWS = "rows"
_REFUSED = LabelVerdict(Outcome.DROPPED)
_NOT_JUDGED = LabelVerdict(Outcome.NOT_JUDGED)

MOST_BYTES = 1 << 20
"""Of a label file that is judged: some 20 000 boxes. To judge one takes about thirty times its size in memory."""


@dataclass(frozen=True, slots=True)
class TrainerCounts:
    """What one trainer sees of a dataset. `aborts` are images whose label ends its import: then it keeps nothing.

    `images_not_judged` have label files of more than `MOST_BYTES`.
    """

    images_kept: int = 0
    images_dropped: int = 0
    images_background: int = 0
    rows_kept: int = 0
    aborts: int = 0
    images_not_judged: int = 0


@dataclass(slots=True)
class TrainerTally:
    """Judges the label files of one dataset, one after the other, in memory that does not grow.

    `counts` says how often what was counted, by trainer; tallies of parts of a dataset add up. What all trainers agree
    on is counted once, under the name "".
    """

    task: TrainingTask
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, data: bytes | None, *, is_refused: bool = False, plain_rows: int | None = None) -> None:
        """Count an image by its label file; `data` is None where it has none.

        An image that `is_refused` for what it is itself is left out by all that look at images before they train.
        With `plain_rows` (`LabelRows.plain_rows`) the file need not be read again.
        """
        if data is not None and len(data) > MOST_BYTES:
            self._count("", _NOT_JUDGED)
            return
        if plain_rows is not None and not is_refused:
            self.counts["", Outcome.KEPT] += 1
            self.counts["", _ROWS] += plain_rows
            return
        plain = None if data is None or is_refused else ultralytics.agreed(data, self.task)
        if plain is not None and not plain.duplicates:
            self._count("", plain)
            return
        for behaviour, releases in ultralytics.BEHAVIOURS.items():
            verdict = _REFUSED if is_refused else ultralytics.judge_as(data, self.task, behaviour)
            for release in releases:
                self._count(f"ultralytics@{release}", verdict)
        self._count(fiftyone.TRAINER, fiftyone.judge(data))

    def drop(self) -> None:
        """Count an image whose label cannot be read by anybody."""
        self._count("", _REFUSED)

    def _count(self, trainer: str, verdict: LabelVerdict) -> None:
        self.counts[trainer, verdict.outcome] += 1
        self.counts[trainer, _ROWS] += verdict.rows


def totals(counts: Counter[tuple[str, str]]) -> dict[str, TrainerCounts]:
    """What each trainer sees, by the counts of one tally or of several added up; in the order of `TRAINERS`."""
    return {trainer: _total(counts, trainer) for trainer in TRAINERS}


def _total(counts: Counter[tuple[str, str]], trainer: str) -> TrainerCounts:
    found = {what: counts["", what] + counts[trainer, what] for what in (*Outcome, _ROWS)}
    if aborts := found[Outcome.ABORTS]:
        return TrainerCounts(images_dropped=sum(found[outcome] for outcome in Outcome), aborts=aborts)
    return TrainerCounts(
        images_kept=found[Outcome.KEPT],
        images_dropped=found[Outcome.DROPPED],
        images_background=found[Outcome.BACKGROUND],
        rows_kept=found[_ROWS],
        images_not_judged=found[Outcome.NOT_JUDGED],
    )
