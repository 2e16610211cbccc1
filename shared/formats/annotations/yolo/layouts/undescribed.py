"""YOLO datasets without a description: flat and split trees, loose files, Label Studio's export, DOTA."""

from collections import Counter
from collections.abc import Iterator

from shared.formats.annotations.member_names import directory_of
from shared.formats.annotations.model import (
    AnnotationReader,
    Category,
    Choice,
    DatasetLayout,
    Report,
    UnrecognisedDataset,
)
from shared.formats.annotations.splits import in_order_of_precedence
from shared.formats.annotations.survey import NameSurvey
from shared.formats.annotations.yolo.description.names_files import (
    NOTES,
    NamesFile,
    Naming,
    find_names_files,
    read_naming,
)
from shared.formats.annotations.yolo.layouts.learnt_names import MOST_NAMES, categories_of_ids, dota_names_in, ids_in
from shared.formats.annotations.yolo.layouts.pairing import LabelPairing, report_unlisted, top_directory
from shared.formats.annotations.yolo.layouts.same_names import report_same_names
from shared.formats.annotations.yolo.layouts.splits import NO_SPLIT, named
from shared.formats.annotations.yolo.layouts.tree import FolderTree, layout_name
from shared.formats.annotations.yolo.rows.kinds import RowKind, first_line, row_kind
from shared.formats.findings import Finding

_SURE, _FAIRLY_SURE, _UNSURE = 0.9, 0.8, 0.6
MOST_CHOICES = 20
_GIVE_BOTH = 'give the images beside them, as {"images": …, "labels": …}'


class UndescribedYoloReader(AnnotationReader):
    """Reads the layout of images with YOLO labels, or those of DOTA, that nothing describes; does no I/O.

    That labels go with images by their names is not enough: some of them are read, and hold rows.
    """

    def __init__(self, survey: NameSurvey) -> None:
        self._survey = survey
        self._tree = FolderTree(survey)
        self._files = find_names_files(survey) if self._tree.pairs else ()
        self._wanted = list(dict.fromkeys([*self._tree.samples, *(file.index for file in self._files)]))
        self._given: dict[int, bytes | None] = {}
        self._rows = RowKind.YOLO
        self._learnt: set[str] = set()

    def config_members(self) -> tuple[int, ...]:
        """Some labels, and the files that may name categories."""
        return tuple(self._wanted)

    def provide(self, index: int, data: bytes | None) -> None:
        """Take one of them. Raises KeyError for a member that was not asked for."""
        if index not in self._wanted:
            raise KeyError(index)
        self._wanted.remove(index)
        self._given[index] = data

    def layout(self, report: Report) -> DatasetLayout:
        """Where images and labels lie. Raises `UnrecognisedDataset`, and RuntimeError while members are wanted."""
        if self._wanted:
            raise RuntimeError("members that were asked for have not been provided")
        if not self._tree.pairs:
            raise UnrecognisedDataset(_no_pairs(self._survey, self._tree))
        self._rows = self._row_kind()
        naming = read_naming({file: self._given[file.index] for file in self._files}, report)
        if self._rows is RowKind.DOTA:
            naming = Naming()
        elif naming.file is None:
            file = self._survey.names.name(self._tree.samples[0])
            report(Finding("NAME_UNKNOWN", directory_of(file).rstrip("/") or ".", "no file names the categories"))
        directories = self._tree.kept_directories()
        splits = in_order_of_precedence(list({split for split in directories.values() if split is not None}))
        pairing = self._pair(directories, splits, report)
        report_same_names(self._survey.names, pairing, splits, report)
        return self._result(naming, splits, pairing)

    def choices(self) -> tuple[Choice, ...]:
        """All of it, and where it lies in several folders that might be datasets of their own, each of them."""
        groups = self._tree.groups()
        if not groups:
            return ()
        roots = sorted(root for root in groups if root)[:MOST_CHOICES] if len(groups) > 1 else []
        counts = [(self._survey.root, sum(groups.values())), *((root, groups[root]) for root in roots)]
        name = self._layout_name(None)
        return tuple(
            Choice(root, "yolo", name, "", f"{count} {'image has a label' if count == 1 else 'images have labels'}")
            for root, count in counts
        )

    def names_in(self, data: bytes) -> Iterator[str]:
        """The ids, or the names, that a label file holds; none beyond `MOST_NAMES` of the dataset."""
        for name in dota_names_in(data) if self._rows is RowKind.DOTA else ids_in(data):
            if name in self._learnt or len(self._learnt) < MOST_NAMES:
                self._learnt.add(name)
                yield name

    def categories(self, names: set[str]) -> tuple[Category, ...]:
        """The categories of labels that hold these: by name, or as many as the largest id wants."""
        return super().categories(names) if self._rows is RowKind.DOTA else categories_of_ids(names)

    def _row_kind(self) -> RowKind:
        """How labels are written. Raises `UnrecognisedDataset` where most of those that were read are none."""
        samples = {index: self._given[index] or b"" for index in self._tree.samples}
        kinds = {index: row_kind(data) for index, data in samples.items()}
        counts = Counter(kinds.values())
        best = max((RowKind.YOLO, RowKind.DOTA), key=lambda kind: counts[kind])
        if counts[best] > counts[RowKind.OTHER] or (not counts[RowKind.OTHER] and self._is_plainly_yolo):
            return best
        strange = next((index for index, kind in kinds.items() if kind is RowKind.OTHER), None)
        if strange is None:
            raise UnrecognisedDataset("the text files beside images are empty, and nothing says that they are labels")
        text = first_line(samples[strange])
        raise UnrecognisedDataset(
            f"{self._survey.names.name(strange)} goes with an image, but {text!r} is no label row"
        )

    @property
    def _is_plainly_yolo(self) -> bool:
        """Whether folders, or a file of names, say that text files are labels, even if empty."""
        in_folders = not self._tree.apart and any(self._tree.folders)
        return in_folders or bool(self._files)

    def _pair(self, directories: dict[str, str | None], splits: tuple[str, ...], report: Report) -> LabelPairing:
        names = self._survey.names
        pairing = LabelPairing(names, paths=self._tree.label_paths, report=report, keep_all=True)
        numbers = {one: NO_SPLIT if split is None else splits.index(split) for one, split in directories.items()}
        unlisted: Counter[str] = Counter()
        for index, name in named(names, self._survey.images):
            split = numbers.get(directory_of(name))
            if split is None:
                unlisted[top_directory(name, "")] += 1
            else:
                pairing.add(index, name, split)
        report_unlisted(unlisted, report)
        pairing.report_orphans(frozenset(file.index for file in self._files))
        return pairing

    def _result(self, naming: Naming, splits: tuple[str, ...], pairing: LabelPairing) -> DatasetLayout:
        tree = self._tree
        name = self._layout_name(naming.file)
        labelled, images = sum(tree.pairs.values()), len(pairing.images)
        source = naming.file.name if naming.file else "no file names the categories"
        return DatasetLayout(
            name=name,
            reason=f"{labelled} of {images} images have a label with rows of {self._rows}; {source}",
            confidence=self._confidence(naming, labelled / images),
            config_files=tuple(self._survey.names.name(file.index) for file in self._files),
            categories=naming.categories,
            splits=splits,
            image_indexes=pairing.images,
            label_indexes=pairing.labels,
            split_ids=pairing.splits,
            keypoint_shape=naming.keypoint_shape,
            names_in_labels=not naming.categories,
            rows="dota" if self._rows is RowKind.DOTA else "",
        )

    def _layout_name(self, names_file: NamesFile | None) -> str:
        if self._rows is RowKind.DOTA:
            return "dota"
        notes = {directory_of(file.name) for file in self._files if file.name.endswith(NOTES)}
        if names_file is not None and directory_of(names_file.name) in notes:
            return "label-studio"
        return "apart" if self._tree.apart else layout_name(self._tree.pairs, self._tree.folders)

    def _confidence(self, naming: Naming, labelled: float) -> float:
        if self._rows is RowKind.DOTA:
            return _SURE
        named = _SURE if naming.file is not None else _FAIRLY_SURE
        return named if labelled > 1 / 2 and not self._tree.apart else _UNSURE


def _no_pairs(survey: NameSurvey, tree: FolderTree) -> str:
    """Why there is nothing to read, with what to do."""
    images = len(survey.images)
    if images:
        return f"none of {images} images has a .txt file of its name"
    notes = any(name.rpartition("/")[2].lower() == NOTES for _, name in survey.named(survey.ending_in("json")))
    if tree.texts and notes:
        return f"Label Studio's export without its images; {_GIVE_BOTH}"
    return f"{tree.texts} .txt files, but no image; if they are labels, {_GIVE_BOTH}" if tree.texts else "no image"
