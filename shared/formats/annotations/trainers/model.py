"""What a trainer is told of a dataset, and what it makes of one image's label file."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What becomes of an image: trained on with its rows, as background, or left out; or nothing is trained at all.

    `NOT_JUDGED` is said of label files that are too large to be judged.
    """

    KEPT = "kept"
    BACKGROUND = "background"
    DROPPED = "dropped"
    ABORTS = "aborts"
    NOT_JUDGED = "not_judged"


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """What a trainer is told: how many categories there are, and the shape of keypoints where the dataset has them.

    `keypoint_dims` is 2 (x, y) or 3 (x, y, visibility). With `single_category` all ids count as 0.
    """

    category_count: int
    is_pose: bool = False
    keypoint_count: int = 0
    keypoint_dims: int = 0
    single_category: bool = False

    @property
    def pose_columns(self) -> int:
        """The columns of a pose row: category, box and keypoints."""
        return 5 + self.keypoint_count * self.keypoint_dims


@dataclass(frozen=True, slots=True)
class LabelVerdict:
    """What is made of one label file. `rule` says why an image is left out.

    `rows` are trained on; `duplicates` were removed before. `polygons` of the rows are kept as such. `keypoints` is the
    shape of what is trained on: rows, points, dims; None where there are none.
    """

    outcome: Outcome
    rows: int = 0
    polygons: int = 0
    duplicates: int = 0
    keypoints: tuple[int, int, int] | None = None
    rule: str | None = None
    has_file: bool = True
