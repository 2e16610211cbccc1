"""What a version changes of a dataset's images."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.features.images.models import NewAnnotation
from shared.foundation.ids import ImageId


@dataclass(frozen=True, slots=True)
class NewLabels:
    """What is said of an image from a version on; what earlier fixes have done to it among it."""

    annotations: Sequence[NewAnnotation]
    findings: int
    mended_rules: Sequence[str]
    mended_lines: Sequence[int]
    annotations_key: str | None = None


@dataclass(frozen=True, slots=True)
class ImageChange:
    """One image that a version changes: the document that ends, and the one whose copy begins, with new labels if any.

    Without `closes` the image is brought back, without `copies` it goes.
    """

    path: str
    closes: ImageId | None
    copies: ImageId | None
    labels: NewLabels | None = None
