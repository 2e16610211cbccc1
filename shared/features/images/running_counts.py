"""How many images a dataset has that is being imported: counted now and then, not for every page that is asked for."""

import time
from collections import OrderedDict

from shared.features.datasets.models import Dataset
from shared.features.images.models import ImageFilter
from shared.features.images.repository import ImageRepository

_SECONDS = 2.0
_MOST = 256


class RunningCounts:
    """Counts images, each question at most every two seconds: counting a million takes the database half a second."""

    def __init__(self, images: ImageRepository) -> None:
        self._images = images
        self._known: OrderedDict[tuple[str, ImageFilter], tuple[float, int]] = OrderedDict()

    async def of(self, dataset: Dataset, wanted: ImageFilter) -> int:
        """How many there were, two seconds ago at most."""
        question, now = (dataset.id, wanted), time.monotonic()
        counted_at, count = self._known.get(question, (-_SECONDS, 0))
        if now - counted_at < _SECONDS and count:
            return count
        count = await self._images.count(dataset, wanted)
        self._known[question] = now, count
        self._known.move_to_end(question)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return count
