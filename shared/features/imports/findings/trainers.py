"""What known trainers would see of a dataset: judged image by image while it is imported, kept among the counts."""

from collections import Counter
from collections.abc import Mapping

from shared.features.datasets.statistics import Counts, Statistics
from shared.features.imports.image_bytes.probe import ImageFacts
from shared.features.imports.models import ImportPlan
from shared.formats.annotations.trainers.images import SeenImage
from shared.formats.annotations.trainers.model import TrainingTask
from shared.formats.annotations.trainers.tally import TrainerCounts, TrainerTally, totals
from shared.formats.annotations.yolo.rows.shapes import Poses, row_shape
from shared.formats.images.ending import EndKind

_FIGURE, _REFUSALS = "trainers", "trainers_refuse"


def new_tally(plan: ImportPlan) -> TrainerTally:
    """A tally for images of the plan."""
    count, dims = plan.keypoint_shape or (0, 0)
    is_pose = isinstance(row_shape(plan.task, plan.keypoint_shape), Poses)
    return TrainerTally(TrainingTask(plan.category_count, is_pose, count, dims, plan.single_category))


def seen_image(name: str, facts: ImageFacts | None) -> SeenImage | None:
    """What trainers look at of an image; one without facts is none. None where nobody has looked at it yet."""
    ending = name.rpartition(".")[2].lower()
    if facts is None:
        return SeenImage(ending, None)
    if facts.content is None:
        return None
    return SeenImage(
        ending=ending,
        content=facts.content,
        width=facts.width,
        height=facts.height,
        is_cut=facts.ending is EndKind.CUT or facts.is_damaged,
        has_trailing_bytes=facts.ending is EndKind.FOLLOWED,
    )


def count_refusals(counts: Counts, refusals: Mapping[str, str]) -> None:
    """Add, by trainer, why it refuses the dataset's description."""
    for trainer, why in refusals.items():
        counts[_REFUSALS, trainer, why] = 1


def count_trainers(counts: Counts, tally: TrainerTally) -> None:
    """Add what trainers see to the counters."""
    for (trainer, what), count in tally.counts.items():
        counts[_FIGURE, trainer, what] += count


def seen_by_trainers(statistics: Statistics) -> dict[str, TrainerCounts]:
    """What each known trainer sees; nothing where no image was judged."""
    found = Counter({(key[0], key[1]): count for key, count in statistics.below(_FIGURE)})
    refusals = {key[0]: key[1] for key, _ in statistics.below(_REFUSALS)}
    return totals(found, refusals) if found else {}
