"""Tiny-ImageNet-200: `train/<wnid>/images`, `val` with a list of its images' WordNet ids, `test` without labels.

The order of wnids.txt is that of the categories; words.txt tells what they are called. Boxes, which the list and a file
beside each class's images give, are not read: they surround the object that the whole image is labelled with.
"""

from array import array
from collections.abc import Iterator

from shared.formats.annotations.image_names import position_of
from shared.formats.annotations.member_names import directory_of
from shared.formats.annotations.model import AnnotationReader, Category, DatasetLayout, Report, UnrecognisedDataset
from shared.formats.annotations.naming_limits import MAX_CATEGORIES, MAX_NAME_CHARACTERS
from shared.formats.annotations.split_ids import NO_SPLIT, SplitIds
from shared.formats.annotations.splits import CANONICAL, normalise_split
from shared.formats.annotations.survey import NameSurvey
from shared.formats.annotations.text_lines import is_undecoded, text_lines
from shared.formats.findings import Finding

_NO_CATEGORY = -1
_WNIDS, _WORDS, _VALIDATION = "wnids.txt", "words.txt", "val/val_annotations.txt"
_SHOWN = 100


class TinyImageNetReader(AnnotationReader):
    """Reads the layout of a Tiny-ImageNet; see `AnnotationReader` for the conversation."""

    def __init__(self, survey: NameSurvey) -> None:
        self._survey = survey
        self._wanted: list[int] | None = None
        self._given: dict[int, bytes | None] = {}
        self._root: str | None = None

    def config_members(self) -> tuple[int, ...]:
        """The ids, the words and the list of validation images."""
        if self._wanted is None:
            self._root = self._find_root()
            found = [] if self._root is None else [self._member(name) for name in (_WNIDS, _WORDS, _VALIDATION)]
            self._wanted = [index for index in found if index is not None]
        return tuple(self._wanted)

    def provide(self, index: int, data: bytes | None) -> None:
        """Take a member that was asked for."""
        if self._wanted is None or index not in self._wanted:
            raise KeyError(index)
        self._wanted.remove(index)
        self._given[index] = data

    def layout(self, report: Report) -> DatasetLayout:
        """The dataset's layout. Raises `UnrecognisedDataset`."""
        if self._root is None:
            reason = f"no {_WNIDS} beside a folder train with a folder for each of its ids, or beside a folder val"
            raise UnrecognisedDataset(reason)
        categories = self._categories(report)
        if not categories:
            raise UnrecognisedDataset(f"{self._root}{_WNIDS} cannot be read, or names nothing")
        numbers = {one.source_id or "": one.id for one in categories}
        images, ids, category_ids, splits = array("i"), array("b"), array("i"), SplitIds()
        for index, split, category in self._images(numbers, report):
            images.append(index)
            ids.append(splits.number(split))
            category_ids.append(category)
        if not images:
            raise UnrecognisedDataset(f"{self._root}{_WNIDS} was found, but no image in train, val or test beside it")
        names, settled = splits.settle(ids)
        self._read_validation(images, category_ids, numbers, report)
        _report_unlabelled(settled, category_ids, names, report)
        return DatasetLayout(
            name="tiny-imagenet",
            reason=f"{self._root}{_WNIDS} names {len(categories)} classes, whose folders are below train",
            confidence=0.98,
            config_files=tuple(
                self._survey.names.name(index) for index, data in self._given.items() if data is not None
            ),
            categories=categories,
            splits=names,
            image_indexes=images,
            label_indexes=array("i", [-1]) * len(images),
            split_ids=settled,
            format="tiny-imagenet",
            category_ids=category_ids,
        )

    def _find_root(self) -> str | None:
        """The folder that holds wnids.txt and, beside it, images below train, val or test."""
        for _, name in self._survey.named(self._survey.ending_in("txt")):
            if name == _WNIDS or name.endswith(f"/{_WNIDS}"):
                root = directory_of(name)
                folders = (f"{root}train/", f"{root}val/", f"{root}test/")
                if any(one.startswith(folders) for one in self._survey.image_directories):
                    return root
        return None

    def _member(self, name: str) -> int | None:
        return self._survey.names.find(f"{self._root}{name}")

    def _text(self, name: str) -> bytes | None:
        index = self._member(name)
        return None if index is None else self._given.get(index)

    # -- categories

    def _categories(self, report: Report) -> tuple[Category, ...]:
        file = f"{self._root}{_WNIDS}"
        wnids: dict[str, None] = {}
        for line, text in text_lines(self._text(_WNIDS) or b""):
            wnid = text.strip()
            if len(wnid) > MAX_NAME_CHARACTERS or is_undecoded(wnid):
                report(Finding("ROW_ENCODING", file, "the line is too long, or not UTF-8 text", line))
            elif wnid in wnids:
                report(Finding("NAME_DUPLICATE", file, f"{wnid[:_SHOWN]} is listed twice", line))
            elif len(wnids) < MAX_CATEGORIES:
                wnids[wnid] = None
        words = self._words(wnids)
        return tuple(Category(number, words.get(wnid, wnid), source_id=wnid) for number, wnid in enumerate(wnids))

    def _words(self, wnids: dict[str, None]) -> dict[str, str]:
        """What the classes are called: the first of their words. Two of one name keep their id beside it."""
        found: dict[str, str] = {}
        for _, text in text_lines(self._text(_WORDS) or b""):
            wnid, _, words = text.partition("\t")
            first = words.split(",")[0].strip()
            if wnid in wnids and first and len(first) < MAX_NAME_CHARACTERS // 2 and not is_undecoded(first):
                found.setdefault(wnid, first)
        times: dict[str, int] = {}
        for word in found.values():
            times[word] = times.get(word, 0) + 1
        return {wnid: word if times[word] == 1 else f"{word} ({wnid})" for wnid, word in found.items()}

    # -- images

    def _images(self, numbers: dict[str, int], report: Report) -> Iterator[tuple[int, str, int]]:
        """Each image below a split, by its member, with the split and the category its folder says."""
        root, strays = self._root or "", dict[str, int]()
        for index, name in self._survey.named(self._survey.images):
            split, _, rest = name[len(root) :].partition("/")
            if not name.startswith(root) or not rest or normalise_split(split) not in CANONICAL:
                strays[directory_of(name)] = strays.get(directory_of(name), 0) + 1
                continue
            yield index, normalise_split(split), numbers.get(rest.partition("/")[0], _NO_CATEGORY)
        for directory, count in sorted(strays.items()):
            report(Finding("PAIR_UNLISTED_IMAGE", directory or ".", f"{count} images are in no split and left out"))

    def _read_validation(
        self, images: "array[int]", category_ids: "array[int]", numbers: dict[str, int], report: Report
    ) -> None:
        """Give the images of `val` the categories that its list says."""
        file = f"{self._root}{_VALIDATION}"
        for line, text in text_lines(self._text(_VALIDATION) or b""):
            said, _, rest = text.partition("\t")
            wnid = rest.partition("\t")[0].strip()
            position = self._validation_image(said.strip(), images)
            if position is None:
                report(Finding("PAIR_MISSING_IMAGE", file, f"names no image here: {said[:_SHOWN]}", line))
            elif wnid not in numbers:
                message = f"{wnid[:_SHOWN] or 'nothing'} is no id of {_WNIDS}"
                report(Finding("ROW_CLASS_UNKNOWN", file, message, line, len(said) + 2))
            elif category_ids[position] not in (_NO_CATEGORY, numbers[wnid]):
                report(Finding("ROW_DUPLICATE", file, f"{said[:_SHOWN]} is listed as something else before", line))
            else:
                category_ids[position] = numbers[wnid]

    def _validation_image(self, said: str, images: "array[int]") -> int | None:
        names = self._survey.names
        found = (names.find(f"{self._root}val/{folder}{said}") for folder in ("images/", ""))
        index = next((index for index in found if index is not None), None)
        return None if index is None else position_of(images, index)


def _report_unlabelled(ids: "array[int]", category_ids: "array[int]", splits: tuple[str, ...], report: Report) -> None:
    """One finding for each split with images of which nothing is said."""
    for number, split in enumerate(splits):
        rows = zip(ids, category_ids, strict=True)
        count = sum(1 for one, category in rows if one == number and category == _NO_CATEGORY)
        if count and number != NO_SPLIT:
            report(Finding("SET_UNLABELLED", split, f"{count} images of {split} have no label"))
