"""KITTI object datasets: `image_2` beside `label_2`, or images and labels whose rows are those of KITTI."""

from array import array
from collections import Counter
from collections.abc import Iterator

from shared.formats.annotations.kitti.labels import CALIBRATED, looks_like_labels, names_in
from shared.formats.annotations.member_names import directory_of, stem_of
from shared.formats.annotations.model import (
    AnnotationReader,
    Category,
    DatasetLayout,
    NameTable,
    Report,
    UnrecognisedDataset,
)
from shared.formats.annotations.naming_limits import MAX_CATEGORIES, MAX_NAME_CHARACTERS
from shared.formats.annotations.split_ids import SplitIds
from shared.formats.annotations.splits import names_a_split, normalise_split
from shared.formats.annotations.survey import NameSurvey
from shared.formats.archives.verdict import shortened
from shared.formats.findings import Finding

TYPES = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc", "DontCare")
"""The benchmark's own types, in the order of its development kit."""

_LABEL_FOLDERS = {"image_2": "label_2", "images": "labels", "image": "label", "image_02": "label_02"}
_OTHER_CAMERAS = ("image_3", "image_0", "image_1", "image_03")
_PROBES = 20
_NO_LABEL = -1


class KittiReader(AnnotationReader):
    """Reads the layout of a KITTI object dataset; see `AnnotationReader` for the conversation."""

    def __init__(self, survey: NameSurvey) -> None:
        self._survey = survey
        self._wanted: list[int] | None = None
        self._probed: list[bytes] = []

    def config_members(self) -> tuple[int, ...]:
        """Some label files, to see what they are."""
        if self._wanted is None:
            self._wanted = self._probes()
        return tuple(self._wanted)

    def provide(self, index: int, data: bytes | None) -> None:
        """Take a label file that was asked for."""
        if self._wanted is None or index not in self._wanted:
            raise KeyError(index)
        self._wanted.remove(index)
        if data is not None:
            self._probed.append(data)

    def layout(self, report: Report) -> DatasetLayout:
        """The dataset's layout. Raises `UnrecognisedDataset`."""
        folders = self._folders()
        is_labelled = any(map(looks_like_labels, self._probed)) or self._has_empty_labels(folders)
        unlabelled = self._is_unlabelled_benchmark(folders)
        if not is_labelled and not unlabelled:
            raise UnrecognisedDataset(self._why_not(folders))
        pairs = _Pairs(self._survey, folders, report)
        pairs.report_left_over()
        splits, ids = pairs.splits.settle(pairs.split_ids)
        calibrated = bool(pairs.labelled) and all(self._has_calibration(label) for label in pairs.some_labels())
        return DatasetLayout(
            name="kitti",
            reason=f"{pairs.labelled} of {len(pairs.images)} images have labels of KITTI's columns",
            confidence=0.95 if is_labelled and any(key.endswith("image_2/") for key in folders) else 0.8,
            config_files=(),
            categories=(),
            splits=splits,
            image_indexes=pairs.images,
            label_indexes=pairs.labels,
            split_ids=ids,
            format="kitti",
            names_in_labels=True,
            rows=CALIBRATED if calibrated else "",
        )

    def names_in(self, data: bytes) -> Iterator[str]:
        """The types in a label file."""
        return (name for name in names_in(data) if len(name) <= MAX_NAME_CHARACTERS and name.isprintable())

    def categories(self, names: set[str]) -> tuple[Category, ...]:
        """KITTI's own types in its order, as far as they occur; then the others, sorted."""
        ordered = [*(name for name in TYPES if name in names), *sorted(names - set(TYPES))]
        return tuple(Category(number, name) for number, name in enumerate(ordered[:MAX_CATEGORIES]))

    def _folders(self) -> dict[str, str]:
        """Folders of images, each with the one in which its labels have to lie."""
        directories = self._survey.image_directories
        return {directory: labels for directory in directories if (labels := _label_folder(directory)) is not None}

    def _probes(self) -> list[int]:
        """The first labels that are not empty lie anywhere: a few from all over."""
        wanted = set(self._folders().values())
        if not wanted:
            return []
        texts = self._survey.named(self._survey.ending_in("txt"))
        labels = array("i", (index for index, name in texts if directory_of(name) in wanted))
        return list(dict.fromkeys(labels[len(labels) * at // _PROBES] for at in range(_PROBES) if labels))

    def _has_empty_labels(self, folders: dict[str, str]) -> bool:
        """Whether the labels are called as KITTI's are, and say nothing."""
        is_named = any(folder.endswith("image_2/") for folder in folders)
        return is_named and bool(self._probed) and all(not data.strip() for data in self._probed)

    def _is_unlabelled_benchmark(self, folders: dict[str, str]) -> bool:
        """Whether this is the benchmark's `testing` alone: calibration or point clouds beside `image_2`."""
        if self._probed or not any(folder.endswith("image_2/") for folder in folders):
            return False
        roots = {folder[: -len("image_2/")] for folder in folders if folder.endswith("image_2/")}
        texts = [*self._survey.ending_in("txt")[:1000], *self._survey.ending_in("bin")[:1000]]
        names = map(self._survey.names.name, texts)
        return any(name.startswith((f"{root}calib/", f"{root}velodyne/")) for name in names for root in roots)

    def _has_calibration(self, label: str) -> bool:
        folder = directory_of(directory_of(label)[:-1])
        return self._survey.names.find(f"{folder}calib/{stem_of(label)}.txt") is not None

    def _why_not(self, folders: dict[str, str]) -> str:
        if not folders:
            return "no folder image_2, or images, that holds images with labels beside it in label_2, or labels"
        return f"the labels beside {min(folders)} were looked for, but none has rows of 15 or 16 columns"


class _Pairs:
    """The images, each with its label, and the split of its folder."""

    def __init__(self, survey: NameSurvey, folders: dict[str, str], report: Report) -> None:
        self.images, self.labels, self.split_ids = array("i"), array("i"), array("b")
        self.splits = SplitIds()
        self.labelled = 0
        self._survey = survey
        self._folders = folders
        self._report = report
        self._elsewhere: Counter[str] = Counter()
        splits = _splits_of(list(folders))
        used = bytearray(len(survey.names))
        for index, name in survey.named(survey.images):
            directory = directory_of(name)
            if directory not in folders:
                self._elsewhere[directory] += 1
                continue
            self._add(index, name, survey.names, used)
            self.split_ids.append(self.splits.number(splits[directory]))
        self._used = used

    def some_labels(self) -> Iterator[str]:
        """The first label of each folder."""
        seen = set()
        for label in self.labels:
            if label != _NO_LABEL and (directory := directory_of(name := self._survey.names.name(label))) not in seen:
                seen.add(directory)
                yield name

    def report_left_over(self) -> None:
        """Report labels without an image, and images of other cameras."""
        folders = set(self._folders.values())
        for index, name in self._survey.named(self._survey.ending_in("txt")):
            if not self._used[index] and directory_of(name) in folders:
                self._report(Finding("PAIR_ORPHAN_LABEL", name, "no image of the dataset goes with this label"))
        for directory, count in sorted(self._elsewhere.items()):
            camera = directory.split("/")[-2] if "/" in directory else ""
            why = (
                "of another camera than the labels, and"
                if camera in _OTHER_CAMERAS
                else "in no folder with labels, and"
            )
            message = f"{count} images are {why} left out"
            self._report(Finding("PAIR_UNLISTED_IMAGE", directory or ".", message))

    def _add(self, index: int, name: str, names: NameTable, used: bytearray) -> None:
        label = names.find(f"{self._folders[directory_of(name)]}{stem_of(name)}.txt")
        self.images.append(index)
        self.labels.append(_NO_LABEL if label is None else label)
        if label is None:
            self._report(Finding("PAIR_MISSING_LABEL", name, "no label of the same name lies beside it"))
            return
        if used[label]:
            message = f"shares {shortened(names.name(label))} with an image before it"
            self._report(Finding("PAIR_STEM_COLLISION", name, message))
        used[label] = 1
        self.labelled += 1


def _label_folder(directory: str) -> str | None:
    """Where the labels of a folder of images lie: in its counterpart, with the folders of splits below it, if any."""
    parts = directory.split("/")[:-1]
    for at in reversed(range(len(parts))):
        if parts[at] in _LABEL_FOLDERS:
            return "/".join([*parts[:at], _LABEL_FOLDERS[parts[at]], *parts[at + 1 :], ""])
    return None


def _splits_of(folders: list[str]) -> dict[str, str | None]:
    """The split of each folder: the part of its path that is called as one, or, of several trees, what each is called.

    `training/image_2` is of the split `train`, and `fold_1/image_2` beside `fold_2/image_2` of `fold_1`.
    """
    found: dict[str, str | None] = {}
    for folder in folders:
        parts = [part for part in folder.split("/")[:-1] if part not in _LABEL_FOLDERS]
        said = [part for part in parts if names_a_split(part)]
        last = parts[-1] if parts and len(folders) > 1 else None
        found[folder] = normalise_split(said[0]) if said else last
    return found
