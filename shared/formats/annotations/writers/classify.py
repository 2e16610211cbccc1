"""Images in folders by their label, as trainers of classifiers read them: `train/cat/1.jpg`."""

from collections.abc import Mapping, Sequence

from shared.formats.annotations.writers.losses import LossLog
from shared.formats.annotations.writers.model import ImageToWrite, TextFile, WriteOptions, Written
from shared.formats.annotations.writers.naming import Naming, folder_name


def category_folders(options: WriteOptions) -> Mapping[int, str]:
    """The folder of each category, by its id; of two that would have one, the second is marked with its id."""
    folders: dict[int, str] = {}
    for category in options.categories:
        name = folder_name(category.name)
        folders[category.id] = f"{name}-{category.id}" if name in folders.values() else name
    return folders


def classify_naming(options: WriteOptions) -> Naming:
    """Where images lie; one without a split, or without a label, has no folder for that."""
    folders = category_folders(options)

    def folder(split: str | None, category: int | None) -> str:
        label = folders.get(category, "_") if category is not None else "_"
        return f"{folder_name(split) if split is not None else 'train'}/{label}/"

    return Naming(folder, by_stem=False)


class ClassifyWriter:
    """Writes nothing but the images: where they lie is their label."""

    def __init__(self, options: WriteOptions, losses: LossLog) -> None:
        self._options, self._losses = options, losses
        self._used: set[int] = set()

    def write(self, image: ImageToWrite) -> Written | None:
        """Nothing beside the image; None for one without a label."""
        labels = sorted({one.category_id for one in image.annotations if one.type == "label"})
        if not labels:
            self._losses.add("EXPORT_UNLABELLED", image.path)
            return None
        self._note(image, labels)
        self._used.add(labels[0])
        return Written()

    def finish(self) -> Sequence[TextFile]:
        """No files; what the folders cannot say is noted."""
        folders = category_folders(self._options)
        for category in self._options.categories:
            if folders[category.id] != category.name:
                self._losses.add("EXPORT_NAME", category.name)
            if category.id not in self._used:
                self._losses.add("EXPORT_UNUSED_CATEGORY", category.name)
        names = list(folders.values())
        if names != sorted(names):
            self._losses.add(
                "EXPORT_CATEGORY_ORDER",
                next(one for one, other in zip(names, sorted(names), strict=True) if one != other),
            )
        return ()

    def _note(self, image: ImageToWrite, labels: Sequence[int]) -> None:
        if image.split is None:
            self._losses.add("EXPORT_NO_SPLIT", image.path)
        if len(labels) > 1:
            self._losses.add("EXPORT_SEVERAL_LABELS", image.path)
        if any(one.type != "label" for one in image.annotations):
            self._losses.add("EXPORT_BOX", image.path)
        if image.attributes or any(one.attributes for one in image.annotations):
            self._losses.add("EXPORT_ATTRIBUTES", image.path)
