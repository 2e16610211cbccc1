"""VOC datasets: XML files that pair with images by their name, wherever the two lie; splits by lists or by folders."""

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from shared.formats.annotations.image_names import ImageNames, position_of
from shared.formats.annotations.member_names import directory_of, stem_of
from shared.formats.annotations.model import (
    AnnotationReader,
    Category,
    DatasetLayout,
    Report,
    Scan,
    UnrecognisedDataset,
)
from shared.formats.annotations.naming_limits import MAX_CATEGORIES, MAX_NAME_CHARACTERS
from shared.formats.annotations.split_ids import NO_SPLIT, FolderSplits, SplitIds
from shared.formats.annotations.splits import names_a_split, normalise_split
from shared.formats.annotations.survey import NameSurvey
from shared.formats.annotations.text_lines import is_undecoded, text_lines
from shared.formats.annotations.voc import label_map
from shared.formats.annotations.voc.document import is_annotation
from shared.formats.annotations.voc.labels import names_in
from shared.formats.annotations.voc.pairing import NO_LABEL, XmlPairing
from shared.formats.annotations.voc.strays import FileNameScan
from shared.formats.annotations.yolo.layouts.paths import bases_of
from shared.formats.findings import Finding

_PROBES = 5
_MOST_LISTS = 100
_MOST_STRAYS = 1_000
_CLASS_FILES = (label_map.NAME, "labels.txt", "classes.txt", "class_names.txt", "label_map.txt")
_NO_SPLITS = ("default", "all")
# lists of one class say 1 or -1 of each image, others which of its objects is meant
_NUMBERS_BEHIND = re.compile(r"(\s+-?[0-9]+)+$")
_SURE, _FAIRLY_SURE = 0.97, 0.9


class VocReader(AnnotationReader):
    """Reads the layout of a VOC dataset; see `AnnotationReader` for the conversation."""

    def __init__(self, survey: NameSurvey) -> None:
        self._survey = survey
        self._wanted: list[int] | None = None
        self._given: dict[int, bytes] = {}
        self._scans: dict[int, FileNameScan] = {}
        self._pairing: XmlPairing | None = None
        self._images: dict[str, ImageNames] = {}

    def config_members(self) -> tuple[int, ...]:
        """Some XML files, to see what they are; the lists of splits; then XML files that pair with no image."""
        if self._wanted is None:
            self._wanted = self._first_wanted()
        if not self._wanted and self._pairing is None and any(map(is_annotation, self._probes())):
            self._pairing = XmlPairing(self._survey)
            self._wanted = self._strays(self._pairing)
            self._scans = {index: FileNameScan() for index in self._wanted}
        return tuple(self._wanted)

    def provide(self, index: int, data: bytes | None) -> None:
        """Take the bytes of a member that was asked for; those of a stray went through its scan."""
        if self._wanted is None or (index not in self._wanted and index not in self._scans):
            raise KeyError(index)
        if index in self._scans:
            self._wanted = [one for one in self._wanted if one != index]
            return
        self._wanted.remove(index)
        if data is not None:
            self._given[index] = data

    def scan(self, index: int) -> Scan | None:
        """What finds the <filename> of an XML file that pairs with no image by its own name."""
        found = self._scans.get(index)
        if found is not None and self._wanted is not None and index in self._wanted:
            self._wanted.remove(index)
        return found

    def layout(self, report: Report) -> DatasetLayout:
        """The dataset's layout. Raises `UnrecognisedDataset`."""
        pairing = self._pairing
        if pairing is None:
            raise UnrecognisedDataset(self._why_not())
        self._pair_strays(pairing)
        if not pairing.paired:
            found = len(self._survey.ending_in("xml"))
            raise UnrecognisedDataset(f"{found} annotations in XML were found, but none goes with an image by its name")
        pairing.report_left_over(report)
        return self._result(pairing, report)

    def names_in(self, data: bytes) -> Iterator[str]:
        """The names of the objects in a label file."""
        return (name for name in names_in(data) if len(name) <= MAX_NAME_CHARACTERS)

    def categories(self, names: set[str]) -> tuple[Category, ...]:
        """Those that a file beside the annotations lists, in its order; then the others, sorted."""
        listed = [name for name in self._listed() if name]
        ordered = [*dict.fromkeys(listed), *sorted(names - set(listed))][:MAX_CATEGORIES]
        return tuple(Category(number, name) for number, name in enumerate(ordered))

    # -- what is asked for

    def _first_wanted(self) -> list[int]:
        xml = self._survey.ending_in("xml")
        if not xml or not self._survey.images:
            return []
        probes = [xml[len(xml) * number // _PROBES] for number in range(_PROBES)]
        return list(dict.fromkeys([*probes, *self._lists(), *self._class_files()]))

    def _lists(self) -> list[int]:
        """The lists of splits; those of `Main` first, and none of the lists of one class."""
        found = []
        for index, name in self._survey.named(self._survey.ending_in("txt")):
            folders = directory_of(name).lower().split("/")[:-1]
            split = stem_of(name)
            if "imagesets" in folders[-2:] and (rank := _rank(split)) is not None:
                found.append(((folders[-1] not in ("main", "imagesets"), rank, name), index))
        return [index for _, index in sorted(found)[:_MOST_LISTS]]

    def _class_files(self) -> list[int]:
        texts = self._survey.named(self._survey.ending_in("txt"))
        found = [(name.count("/"), name, index) for index, name in texts if _base(name) in _CLASS_FILES]
        return [index for _, _, index in sorted(found)[:1]]

    def _strays(self, pairing: XmlPairing) -> list[int]:
        has_unpaired = any(label == NO_LABEL for label in pairing.labels)
        return pairing.left_over(_MOST_STRAYS) if has_unpaired else []

    def _probes(self) -> Iterator[bytes]:
        return (data for index, data in self._given.items() if self._survey.names.name(index)[-4:].lower() == ".xml")

    def _why_not(self) -> str:
        xml = self._survey.ending_in("xml")
        if not xml or not self._survey.images:
            return (
                f"{len(xml)} .xml files and {len(self._survey.images)} images: an annotation for each image is needed"
            )
        read = ", ".join(self._survey.names.name(index) for index in self._given if index in set(xml))
        return f"no <annotation> in the .xml files that were read: {read[:200] or 'none could be read'}"

    # -- what comes of it

    def _pair_strays(self, pairing: XmlPairing) -> None:
        """Strays go to the images that they say they are of, where these have no label of their own yet."""
        names = ImageNames(self._survey, ("",))
        for index, scan in self._scans.items():
            at = names.find(scan.file_name)
            position = None if at is None else position_of(pairing.images, self._survey.images[at])
            if position is not None and pairing.labels[position] == NO_LABEL:
                pairing.pair(position, index)

    def _result(self, pairing: XmlPairing, report: Report) -> DatasetLayout:
        splits, ids, lists = self._splits(pairing, report)
        kept = [*lists, *self._class_files()]
        how = f"{pairing.paired} of {len(pairing.images)} images have an XML annotation of their name"
        told_by = "splits by lists in ImageSets" if lists else "splits by folders" if splits else "no splits"
        return DatasetLayout(
            name="voc",
            reason=f"{how}; {told_by}",
            confidence=_SURE if pairing.paired * 2 > len(pairing.images) else _FAIRLY_SURE,
            config_files=tuple(self._survey.names.name(index) for index in kept if index in self._given),
            categories=(),
            splits=splits,
            image_indexes=pairing.images,
            label_indexes=pairing.labels,
            split_ids=ids,
            format="voc",
            names_in_labels=True,
        )

    def _listed(self) -> list[str]:
        for index in self._class_files():
            lines = islice(text_lines(self._given.get(index, b"")), MAX_CATEGORIES)
            names = label_map.names_of(line for _, line in lines if not is_undecoded(line))
            return [name for name in names if len(name) <= MAX_NAME_CHARACTERS]
        return []

    # -- splits

    def _splits(self, pairing: XmlPairing, report: Report) -> tuple[tuple[str, ...], "array[int]", list[int]]:
        """The splits, the number of each image's, and the lists that were read."""
        found, ids = SplitIds(), array("b", [NO_SPLIT]) * len(pairing.images)
        lists = [index for index in self._lists() if index in self._given]
        for index in lists:
            self._read_list(index, _Assignment(found, ids, pairing.images), report)
        if not lists:
            folders = FolderSplits()
            for position, (_, name) in enumerate(self._survey.named(pairing.images)):
                ids[position] = found.number(folders.of(directory_of(name)))
        return *found.settle(ids), lists

    def _read_list(self, index: int, taken: "_Assignment", report: Report) -> None:
        """Give the images that a list names its split, unless a list before it did."""
        file = self._survey.names.name(index)
        split, names = normalise_split(stem_of(file)), self._image_names(file)
        is_main = _rank(stem_of(file)) == 0 and directory_of(file).lower().endswith(("main/", "imagesets/"))
        for line, said in text_lines(self._given[index]):
            at = names.find(said.strip())
            at = names.find(_NUMBERS_BEHIND.sub("", said.strip())) if at is None else at
            position = None if at is None else position_of(taken.images, self._survey.images[at])
            if position is None:
                report(Finding("PAIR_MISSING_IMAGE", file, f"names no image here: {said.strip()[:200]}", line))
            elif not taken.give(position, split) and is_main:
                report(Finding("PAIR_SPLIT_DUP", file, f"{said.strip()[:200]} is in a list before; kept there", line))

    def _image_names(self, list_file: str) -> ImageNames:
        """The images of a list lie in the JPEGImages beside its ImageSets."""
        root = next((base for base in bases_of(directory_of(list_file)) if "imagesets" not in base.lower()), "")
        if root not in self._images:
            folders = tuple(f"{root}{folder}" for folder in ("JPEGImages/", "images/", "Images/", ""))
            self._images[root] = ImageNames(self._survey, folders)
        return self._images[root]


@dataclass(frozen=True, slots=True)
class _Assignment:
    """The split of each image, as lists give it."""

    found: SplitIds
    ids: "array[int]"
    images: "array[int]"

    def give(self, position: int, split: str) -> bool:
        """Give an image its split; False where it has another one."""
        number = self.found.number(split)
        if self.ids[position] == NO_SPLIT:
            self.ids[position] = number
        return self.ids[position] == number


def _rank(name: str) -> int | None:
    """How soon a list of this name is read: those of usual splits first. None for one that is of no split."""
    if normalise_split(name) != name or (names_a_split(name) and "_" not in name):
        return 0
    if name == "trainval":
        return 1
    return None if "_" in name or name.lower() in _NO_SPLITS else 2


def _base(name: str) -> str:
    return name[name.rfind("/") + 1 :].lower()
