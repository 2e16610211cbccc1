"""What a shard in hand has done so far."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.features.imports.models import ShardProgress


@dataclass(slots=True)
class ShardTrack:
    """What a shard in hand has done so far; `check` raises when it must be let go."""

    check: Callable[[], None]
    images: int = 0
    bytes: int = 0
    annotations: int = 0
    findings: int = 0
    indexed: int = 0
    most_images: int = 0

    def begin(self, images: int, *, indexed: bool) -> None:
        """Take note of how many images the shard has; fewer, once another claimer takes some of them over."""
        self.most_images = images
        self.indexed = images if indexed else 0

    @property
    def progress(self) -> ShardProgress:
        """The same, to be written."""
        return ShardProgress(self.images, self.bytes, self.annotations, self.findings, self.indexed)
