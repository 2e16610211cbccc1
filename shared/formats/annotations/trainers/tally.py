"""How many images and rows of a dataset each known trainer would see."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from shared.formats.annotations.trainers import fiftyone, images, ultralytics
from shared.formats.annotations.trainers.images import SeenImage
from shared.formats.annotations.trainers.model import LabelVerdict, Outcome, TrainingTask

TRAINERS: tuple[str, ...] = (*(f"ultralytics@{release}" for release in ultralytics.RELEASES), fiftyone.TRAINER)

_ROWS, _REWRITTEN = "rows", "rewritten"
_REFUSED = LabelVerdict(Outcome.DROPPED)
_NOT_JUDGED = LabelVerdict(Outcome.NOT_JUDGED)

MOST_BYTES = 1 << 20
"""Of a label file that is judged: some 20 000 boxes. To judge one takes about thirty times its size in memory."""


@dataclass(frozen=True, slots=True)
class TrainerCounts:
    """What one trainer sees of a dataset. `aborts` are images whose label ends its import: then it keeps nothing.

    `images_not_judged` have label files of more than `MOST_BYTES`. `images_rewritten` are files that it changes.
    `refused` says why it does not begin with the dataset at all; the counts are of what it would see otherwise.
    """

    images_kept: int = 0
    images_dropped: int = 0
    images_background: int = 0
    rows_kept: int = 0
    aborts: int = 0
    images_not_judged: int = 0
    images_rewritten: int = 0
    refused: str | None = None


@dataclass(slots=True)
class TrainerTally:
    """Judges the label files of one dataset, one after the other, in memory that does not grow.

    `counts` says how often what was counted, by trainer; tallies of parts of a dataset add up. What all trainers agree
    on is counted once, under the name "".
    """

    task: TrainingTask
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, data: bytes | None, image: SeenImage | None = None, *, plain_rows: int | None = None) -> None:
        """Count an image by its label file, and by what it is itself, where that is not known to be fine.

        `data` is None where it has no label file. With `plain_rows` (`LabelRows.plain_rows`) the file need not be read
        again.
        """
        refusing = images.refusing(image) if image else frozenset()
        self._count_rewriting(image, refusing)
        if data is not None and len(data) > MOST_BYTES:
            self._count("", _NOT_JUDGED)
            return
        if plain_rows is not None and not refusing:
            self.counts["", Outcome.KEPT] += 1
            self.counts["", _ROWS] += plain_rows
            return
        judged_all = None if data is None else ultralytics.verdicts(data, self.task)
        if judged_all and judged_all.plain and not judged_all.plain.duplicates and not refusing:
            self._count("", judged_all.plain)
            return
        for behaviour, releases in ultralytics.BEHAVIOURS.items():
            judged = judged_all.by_behaviour[behaviour] if judged_all else self._without_file(behaviour)
            for release in releases:
                self._count(f"ultralytics@{release}", _REFUSED if release in refusing else judged)
        self._count(fiftyone.TRAINER, fiftyone.judge(data))

    def _without_file(self, behaviour: ultralytics.Behaviour) -> LabelVerdict:
        return ultralytics.judge_as(None, self.task, behaviour)

    def drop(self) -> None:
        """Count an image whose label cannot be read by anybody."""
        self._count("", _REFUSED)

    def _count_rewriting(self, image: SeenImage | None, refusing: frozenset[str]) -> None:
        """Releases read a JPEG's last two bytes, and save it anew where these are no end of it."""
        if image is not None and image.has_trailing_bytes:
            for release in ultralytics.RELEASES.keys() - refusing:
                self.counts[f"ultralytics@{release}", _REWRITTEN] += 1

    def _count(self, trainer: str, verdict: LabelVerdict) -> None:
        self.counts[trainer, verdict.outcome] += 1
        self.counts[trainer, _ROWS] += verdict.rows


def totals(
    counts: Counter[tuple[str, str]], refusals: Mapping[str, str] = MappingProxyType({})
) -> dict[str, TrainerCounts]:
    """What each trainer sees, by the counts of one tally or of several added up; in the order of `TRAINERS`.

    `refusals` are by trainer the reasons for which it refuses the dataset's description.
    """
    found = {trainer: _total(counts, trainer) for trainer in TRAINERS}
    return {
        trainer: replace(total, refused=refusals.get(trainer) or _refused(trainer, total))
        for trainer, total in found.items()
    }


def _refused(trainer: str, total: TrainerCounts) -> str | None:
    """Why a trainer ends when it has read labels and images."""
    if total.aborts:
        return "a label file that it cannot parse ends its import"
    if trainer == fiftyone.TRAINER or total.images_kept or total.images_not_judged:
        return None
    return "it finds no labels"


def _total(counts: Counter[tuple[str, str]], trainer: str) -> TrainerCounts:
    found = {what: counts["", what] + counts[trainer, what] for what in (*Outcome, _ROWS, _REWRITTEN)}
    if aborts := found[Outcome.ABORTS]:
        return TrainerCounts(images_dropped=sum(found[outcome] for outcome in Outcome), aborts=aborts)
    return TrainerCounts(
        images_kept=found[Outcome.KEPT],
        images_dropped=found[Outcome.DROPPED],
        images_background=found[Outcome.BACKGROUND],
        rows_kept=found[_ROWS],
        images_not_judged=found[Outcome.NOT_JUDGED],
        images_rewritten=found[_REWRITTEN],
    )
