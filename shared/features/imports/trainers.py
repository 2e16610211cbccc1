"""What known trainers would see of a dataset: judged image by image while it is imported, kept among the counts."""

from collections import Counter

from shared.features.datasets.statistics import Counts, Statistics
from shared.features.imports.image_probe import SMALLEST_SIDE, ImageFacts
from shared.features.imports.models import ImportPlan
from shared.formats.annotations.trainers.model import TrainingTask
from shared.formats.annotations.trainers.tally import TrainerCounts, TrainerTally, totals
from shared.formats.annotations.yolo.row_shapes import Poses, row_shape

_FIGURE = "trainers"
_MOST_PIXELS = 178_956_970  # what Pillow takes for a decompression bomb, and trainers with it


def new_tally(plan: ImportPlan) -> TrainerTally:
    """A tally for images of the plan."""
    count, dims = plan.keypoint_shape or (0, 0)
    is_pose = isinstance(row_shape(plan.task, plan.keypoint_shape), Poses)
    return TrainerTally(TrainingTask(plan.category_count, is_pose, count, dims, plan.single_category))


def is_refused(facts: ImageFacts | None) -> bool:
    """Whether trainers leave the image out for what it is itself; one of which nothing is known is no image."""
    if facts is None or facts.format == "gif":
        return True
    if facts.width is None or facts.height is None:
        return False
    return min(facts.width, facts.height) < SMALLEST_SIDE or facts.width * facts.height > _MOST_PIXELS


def count_trainers(counts: Counts, tally: TrainerTally) -> None:
    """Add what trainers see to the counters."""
    for (trainer, what), count in tally.counts.items():
        counts[_FIGURE, trainer, what] += count


def seen_by_trainers(statistics: Statistics) -> dict[str, TrainerCounts]:
    """What each known trainer sees; nothing where no image was judged."""
    found = Counter({(key[0], key[1]): count for key, count in statistics.below(_FIGURE)})
    return totals(found) if found else {}
