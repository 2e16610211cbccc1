"""WebDataset: shards of samples; a sample is an image and what is said of it, side by side in a tar under one key.

Source: the conventions of the webdataset library: a key ends at the first dot of a file's name.
"""

import json
from collections.abc import Sequence

from shared.formats.annotations.writers.losses import LossLog
from shared.formats.annotations.writers.model import AnnotationToWrite, ImageToWrite, TextFile, WriteOptions, Written
from shared.formats.annotations.writers.naming import Naming, folder_name, stem_of, undotted, writable

_NO_SPLIT = "all"


def webdataset_naming(_options: WriteOptions) -> Naming:
    """Files lie in no folder: their shard says the split. The folder keeps apart what may have one name."""
    return Naming(lambda split, _category: f"{shard_prefix(split)}/", fit=lambda file: undotted(writable(file)))


def shard_prefix(split: str | None) -> str:
    """How the names of a split's shards begin."""
    return _NO_SPLIT if split is None else folder_name(split)


class WebDatasetWriter:
    """Writes a `.json` beside each image, and a `.cls` with the category's number where it has a label."""

    def __init__(self, options: WriteOptions, losses: LossLog) -> None:
        self._options, self._losses = options, losses
        self._positions = options.positions
        self._names = {category.id: category.name for category in options.categories}

    def write(self, image: ImageToWrite) -> Written:
        """The files beside the image."""
        key = stem_of(image.name)
        files = [(f"{key}.json", json.dumps(self._sample(image), ensure_ascii=False).encode())]
        labels = sorted({self._positions[one.category_id] for one in image.annotations if one.type == "label"})
        if labels:
            files.append((f"{key}.cls", str(labels[0]).encode()))
        return Written(files)

    def finish(self) -> Sequence[TextFile]:
        """None: every sample says all of itself."""
        return ()

    def _sample(self, image: ImageToWrite) -> dict[str, object]:
        width, height = image.size or (None, None)
        return {
            "path": image.path,
            "split": image.split,
            "width": width,
            "height": height,
            "annotations": [self._annotation(one) for one in image.annotations],
            "attributes": dict(image.attributes),
        }

    def _annotation(self, annotation: AnnotationToWrite) -> dict[str, object]:
        return {
            "category_id": self._positions[annotation.category_id],
            "category": self._names[annotation.category_id],
            "type": annotation.type,
            "bbox": list(annotation.bbox),
            "points": [list(point) for point in annotation.points],
            "keypoints": [list(keypoint) for keypoint in annotation.keypoints],
            "attributes": dict(annotation.attributes),
        }
