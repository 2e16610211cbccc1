"""Image sets without labels: nothing but images, and folders that say no more than their split."""

from array import array

from shared.formats.annotations.member_names import directory_of, without_ending
from shared.formats.annotations.model import AnnotationReader, DatasetLayout, Report, UnrecognisedDataset
from shared.formats.annotations.split_ids import FolderSplits, SplitIds
from shared.formats.annotations.survey import NameSurvey

FORMAT = "images"

_DESCRIPTIONS = ("yaml", "yml", "data", "names", "xml", "csv", "tsv", "ndjson")
_LABELS = ("txt", "json")
_SHOWN = 200


class UnlabelledReader(AnnotationReader):
    """Reads the layout of an image set. It needs no file's content.

    Unless it was asked for by name it refuses what looks like labels that no other reader could make sense of: an
    import that fails with a reason is better than a dataset whose labels are silently lost.
    """

    def __init__(self, survey: NameSurvey) -> None:
        self._survey = survey

    def layout(self, report: Report) -> DatasetLayout:
        """The dataset's layout. Raises `UnrecognisedDataset`."""
        del report
        images = self._survey.images
        if not images:
            raise UnrecognisedDataset("no images were found")
        if self._survey.asked != FORMAT and (label := self._first_label()) is not None:
            reason = f"{label[:_SHOWN]} may hold labels; with the format `{FORMAT}` the images are taken without them"
            raise UnrecognisedDataset(reason)
        splits, ids = self._splits()
        return DatasetLayout(
            name=FORMAT,
            reason=f"{len(images)} images and no labels",
            confidence=0.5,
            config_files=(),
            categories=(),
            splits=splits,
            image_indexes=array("i", images),
            label_indexes=array("i", [-1]) * len(images),
            split_ids=ids,
            format=FORMAT,
            category_ids=array("i", [-1]) * len(images),
        )

    def _first_label(self) -> str | None:
        """A file that may describe the images: by its kind, or by having the name of one."""
        for ending in _DESCRIPTIONS:
            for _, name in self._survey.named(self._survey.ending_in(ending)[:1]):
                return name
        texts = sum(len(self._survey.ending_in(ending)) for ending in _LABELS)
        return self._paired_text() if texts else None

    def _paired_text(self) -> str | None:
        """The first text that has the name of an image: names are compared by their hash, 8 bytes for each."""
        texts = set[int]()
        for ending in _LABELS:
            texts.update(hash(_stem(name)) for _, name in self._survey.named(self._survey.ending_in(ending)))
        for _, name in self._survey.named(self._survey.images):
            if hash(_stem(name)) in texts:
                return name
        return None

    def _splits(self) -> "tuple[tuple[str, ...], array[int]]":
        found, ids, folders = SplitIds(), array("b"), FolderSplits()
        for _, name in self._survey.named(self._survey.images):
            ids.append(found.number(folders.of(directory_of(name))))
        return found.settle(ids)


def _stem(name: str) -> str:
    return without_ending(name)[name.rfind("/") + 1 :]
