"""ImageFolder datasets, YOLO's classification trees among them: the folder of an image is its category.

`split/class/image`, `class/split/image` and `class/image` are told apart by where the folders that are called as splits
are stand; further folders inside a class belong to it.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.formats.annotations.member_names import directory_of, without_ending
from shared.formats.annotations.model import AnnotationReader, Category, DatasetLayout, Report, UnrecognisedDataset
from shared.formats.annotations.naming_limits import MAX_CATEGORIES, MAX_NAME_CHARACTERS
from shared.formats.annotations.split_ids import SplitIds
from shared.formats.annotations.splits import CANONICAL, normalise_split
from shared.formats.annotations.survey import NameSurvey
from shared.formats.annotations.yolo.layouts.paths import label_path
from shared.formats.findings import Finding

_PLAIN = (
    "images image imgs img jpegimages jpegs jpeg jpg pngs png pictures photos pics data dataset raw masks "
    "mask labels label annotations annots thumbnails thumbs image_2 image_3 image_02 image_03 visualizations "
    "preview previews"
)
PLAIN_FOLDERS = frozenset(_PLAIN.split())
"""Folders that say where images lie, not what they show."""

NO_CATEGORY = -1
_LABEL_ENDINGS = (".txt", ".xml", ".json")
_SAMPLED = 200
_SHOWN = 8
_FEW_IMAGES, _MANY_CLASSES = 1.5, 20


@dataclass(frozen=True, slots=True)
class _Place:
    """What the folder of an image says. No category and a split: an image whose class is to be found out."""

    split: str | None
    category: str | None


class ImageFolderReader(AnnotationReader):
    """Reads the layout of an ImageFolder dataset. It needs no file's content."""

    def __init__(self, survey: NameSurvey) -> None:
        self._survey = survey

    def layout(self, report: Report) -> DatasetLayout:
        """The dataset's layout. Raises `UnrecognisedDataset`."""
        directories = self._survey.image_directories
        self._refuse_labels()
        places = _places(directories, single=self._survey.asked == "imagefolder")
        classes = _classes(places)
        self._refuse_no_classes(classes, places)
        numbers = {name: number for number, name in enumerate(classes)}
        layout = self._assign(places, numbers, report)
        _report_missing(places, classes, report)
        return layout

    def _assign(self, places: Mapping[str, _Place | None], numbers: Mapping[str, int], report: Report) -> DatasetLayout:
        images, ids, categories, splits = array("i"), array("b"), array("i"), SplitIds()
        left_out: Counter[str] = Counter()
        for index, name in self._survey.named(self._survey.images):
            place = places[directory_of(name)]
            if place is None:
                left_out[directory_of(name)] += 1
                continue
            images.append(index)
            ids.append(splits.number(place.split))
            categories.append(NO_CATEGORY if place.category is None else numbers[place.category])
        for directory, count in sorted(left_out.items()):
            message = f"{count} images lie in no folder of a class, nor right in that of a split, and are left out"
            report(Finding("PAIR_UNLISTED_IMAGE", directory or ".", message))
        names, settled = splits.settle(ids)
        return DatasetLayout(
            name="imagefolder",
            reason=f"images lie in folders of {len(numbers)} classes{_said(names)}, and have no label files",
            confidence=_confidence(len(numbers), names),
            config_files=(),
            categories=tuple(Category(number, name) for name, number in numbers.items()),
            splits=names,
            image_indexes=images,
            label_indexes=array("i", [-1]) * len(images),
            split_ids=settled,
            format="imagefolder",
            category_ids=categories,
        )

    # -- what is no such dataset

    def _refuse_labels(self) -> None:
        """Images with label files of their own are no classification, whatever their folders are called."""
        images = self._survey.images
        if not images:
            raise UnrecognisedDataset("no images were found")
        step = max(1, len(images) // _SAMPLED)
        names = [self._survey.names.name(images[at]) for at in range(0, len(images), step)]
        if (labelled := sum(map(self._has_label, names))) * 2 > len(names):
            reason = f"{labelled} of {len(names)} images that were looked at have label files of their own"
            raise UnrecognisedDataset(reason)

    def _has_label(self, image: str) -> bool:
        beside = without_ending(image)
        paths = [label_path(image), *(beside + ending for ending in _LABEL_ENDINGS)]
        return any(self._survey.names.find(path) is not None for path in paths)

    def _refuse_no_classes(self, classes: Sequence[str], places: Mapping[str, _Place | None]) -> None:
        if not classes:
            raise UnrecognisedDataset("no folders were found that could be classes; folders such as images are none")
        if len(classes) > MAX_CATEGORIES or any(len(name) > MAX_NAME_CHARACTERS for name in classes):
            raise UnrecognisedDataset(f"{len(classes)} folders, or the length of their names, are too much for classes")
        directories = self._survey.image_directories
        count = sum(directories[folder] for folder, place in places.items() if place and place.category)
        if len(classes) > _MANY_CLASSES and count < len(classes) * _FEW_IMAGES:
            raise UnrecognisedDataset(f"{len(classes)} folders hold {count} images: that is no folder for each class")


def _confidence(classes: int, splits: Sequence[str]) -> float:
    if classes == 1:
        return 0.4 if splits else 0.3
    return 0.9 if splits else 0.7


def _said(splits: Sequence[str]) -> str:
    return f" below the splits {', '.join(splits)}" if splits else ""


def _classes(places: Mapping[str, _Place | None]) -> list[str]:
    return sorted({place.category for place in places.values() if place and place.category is not None})


def _report_missing(places: Mapping[str, _Place | None], classes: Sequence[str], report: Report) -> None:
    """One finding for each split that has images of classes, but none of some."""
    held: dict[str, set[str]] = defaultdict(set)
    for place in places.values():
        if place and place.split and place.category:
            held[place.split].add(place.category)
    for split, found in sorted(held.items()):
        if missing := [name for name in classes if name not in found]:
            shown = ", ".join(name[:60] for name in missing[:_SHOWN]) + (", …" if len(missing) > _SHOWN else "")
            message = f"{split} has no image of {len(missing)} of {len(classes)} classes: {shown}"
            report(Finding("SET_CLASS_NOT_IN_SPLIT", split, message))


# -- what folders say


def _places(directories: Mapping[str, int], *, single: bool) -> dict[str, _Place | None]:
    """What each directory of images says; None for one whose images are left out.

    With `single`, one folder alone is a class; else it is where images happen to lie.
    """
    paths = {directory: directory.split("/")[:-1] for directory in directories}
    at = {directory: _split_at(parts) for directory, parts in paths.items()}
    every = sum(directories.values())
    in_splits = sum(directories[directory] for directory, place in at.items() if place is not None)
    below = sum(directories[one] for one, place in at.items() if place is not None and place + 1 < len(paths[one]))
    if in_splits * 2 <= every and not (below and in_splits * 3 > every):
        return _by_class(paths, single=single)
    if below * 2 > in_splits or not _splits_in_classes(paths, at):
        return _by_split(paths, at)
    return {one: _class_before(parts, at[one]) for one, parts in paths.items()}


def _split_at(parts: Sequence[str]) -> int | None:
    return next((at for at, part in enumerate(parts) if normalise_split(part) in CANONICAL), None)


def _by_split(paths: Mapping[str, list[str]], at: Mapping[str, int | None]) -> dict[str, _Place | None]:
    """`split/class`: the class is the first folder below the split that is not merely a place of images."""
    rests = {one: parts[place + 1 :] for one, parts in paths.items() if (place := at[one]) is not None}
    skipped = _plain_start(rests.values())
    found: dict[str, _Place | None] = dict.fromkeys(paths)
    for one, rest in rests.items():
        split = normalise_split(paths[one][at[one] or 0])
        category = rest[skipped] if len(rest) > skipped else None
        found[one] = _Place(split, None if category is None or category.lower() in PLAIN_FOLDERS else category)
    classes = {place.category for place in found.values() if place and place.category}
    depths = {place for place in at.values() if place is not None}
    for one, parts in paths.items():
        if at[one] is None and len(depths) == 1:
            found[one] = _other_split(parts, min(depths), skipped, classes)
    return found


def _other_split(parts: Sequence[str], depth: int, skipped: int, classes: set[str]) -> _Place | None:
    """A folder beside those of the splits that holds the same classes is a split of its own name."""
    rest = parts[depth + 1 + skipped :]
    return _Place(parts[depth], rest[0]) if rest and rest[0] in classes else None


def _plain_start(rests: Iterable[Sequence[str]]) -> int:
    """How many folders below a split all images share that only say where images lie."""
    rests = [rest for rest in rests if rest]
    count = 0
    while rests and all(len(rest) > count + 1 and rest[count].lower() in PLAIN_FOLDERS for rest in rests):
        count += 1
    return count


def _splits_in_classes(paths: Mapping[str, list[str]], at: Mapping[str, int | None]) -> bool:
    """Whether the splits lie in folders of classes: two or more, that are not merely places of images."""
    before = {paths[one][place - 1] for one, place in at.items() if place}
    return len({name for name in before if name.lower() not in PLAIN_FOLDERS}) >= 2


def _class_before(parts: Sequence[str], at: int | None) -> _Place | None:
    """`class/split`."""
    if at is None or not at or parts[at - 1].lower() in PLAIN_FOLDERS:
        return None
    return _Place(normalise_split(parts[at]), parts[at - 1])


def _by_class(paths: Mapping[str, list[str]], *, single: bool) -> dict[str, _Place | None]:
    """`class`, below whatever folders all images share."""
    shared = _shared_start([parts for parts in paths.values() if parts])
    if single and all(len(parts) <= shared for parts in paths.values()):
        shared = max(0, shared - 1)
    rests = {one: parts[shared:] for one, parts in paths.items()}
    return {
        one: _Place(None, rest[0]) if rest and rest[0].lower() not in PLAIN_FOLDERS else None
        for one, rest in rests.items()
    }


def _shared_start(paths: Sequence[list[str]]) -> int:
    """How many folders all of these paths begin with; images right in the last of them lie in no class."""
    if not paths:
        return 0
    low, high = min(paths), max(paths)
    return next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
