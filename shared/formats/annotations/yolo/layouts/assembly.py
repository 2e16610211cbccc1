"""Puts together the layout of a YOLO dataset whose description has been read: paths, splits, labels, categories."""

from collections import Counter
from dataclasses import dataclass, field

from shared.formats.annotations.member_names import directory_of
from shared.formats.annotations.model import (
    BrokenConfig,
    Category,
    DatasetLayout,
    NameTable,
    Report,
    UnrecognisedDataset,
)
from shared.formats.annotations.roots import is_below
from shared.formats.annotations.splits import CANONICAL, in_order_of_precedence, normalise_split
from shared.formats.annotations.yolo.description.candidates import Description, SplitPaths
from shared.formats.annotations.yolo.description.config import complete_names, report_duplicates
from shared.formats.annotations.yolo.description.darknet import read_names
from shared.formats.annotations.yolo.layouts.pairing import LabelPairing, report_unlisted, top_directory
from shared.formats.annotations.yolo.layouts.paths import label_paths
from shared.formats.annotations.yolo.layouts.places import find_list, find_member, places
from shared.formats.annotations.yolo.layouts.same_names import report_same_names
from shared.formats.annotations.yolo.layouts.splits import (
    NO_SPLIT,
    ImageSurvey,
    ListFile,
    SplitAssignment,
    list_bases,
    named,
)
from shared.formats.findings import Finding

_SURE, _FAIRLY_SURE = 0.99, 0.8


@dataclass(slots=True)
class _Sources:
    """What the paths of a description resolved to: split numbers by directory prefix and by list member."""

    directories: dict[str, int] = field(default_factory=dict)
    lists: dict[int, int] = field(default_factory=dict)
    unresolved: int = 0


class LayoutBuilder:
    """Builds the layout of one described dataset, once. `given` holds the members its description refers to."""

    def __init__(
        self,
        names: NameTable,
        description: Description,
        given: dict[int, bytes | None],
        report: Report,
        *,
        root: str = "",
    ) -> None:
        self._names = names
        self._description = description
        self._given = given
        self._report = report
        self._root = root
        self._file = description.source.name
        self._splits = in_order_of_precedence([split.split for split in description.splits])

    def build(self) -> DatasetLayout:
        """The layout; raises what `YoloReader.layout` does."""
        categories = self._categories()
        survey = ImageSurvey(self._names)
        sources = self._resolve(survey)
        assignment = SplitAssignment(self._names, self._splits, self._report)
        for source in self._lists(sources):
            assignment.add_list(source)
        if sources.directories:
            assignment.add_directories(sources.directories, survey.indexes)
        pairing = self._pair(survey, assignment)
        if not pairing.images:
            raise UnrecognisedDataset(f"{self._file} was read, but none of its paths leads to an image here")
        pairing.report_orphans(frozenset(self._given) | {self._description.source.index})
        report_same_names(self._names, pairing, self._splits, self._report)
        return self._result(categories, sources, pairing)

    def _pair(self, survey: ImageSurvey, assignment: SplitAssignment) -> LabelPairing:
        paths = label_paths(anywhere=self._description.is_darknet)
        pairing = LabelPairing(self._names, paths=paths, report=self._report)
        unlisted: Counter[str] = Counter()
        root = directory_of(self._file)
        for index, name in named(self._names, survey.indexes):
            split = assignment.by_member[index]
            pairing.add(index, name, split)
            if split == NO_SPLIT and is_below(name, self._root):
                unlisted[top_directory(name, root)] += 1
        report_unlisted(unlisted, self._report)
        return pairing

    # paths

    def _resolve(self, survey: ImageSurvey) -> _Sources:
        """What the paths name, splits in order of precedence, so that of two with one directory the first has it."""
        sources = _Sources()
        for split in sorted(self._description.splits, key=lambda split: self._splits.index(split.split)):
            for path in split.paths:
                self._resolve_path(split, path, survey, sources)
        return sources

    def _resolve_path(self, split: SplitPaths, path: str, survey: ImageSurvey, sources: _Sources) -> None:
        number = self._splits.index(split.split)
        member = self._list_member(path)
        if member is not None:
            first = sources.lists.setdefault(member, number)
        elif (prefix := self._directory(path, survey)) is not None:
            first = sources.directories.setdefault(prefix, number)
        else:
            sources.unresolved += 1
            message = f"`{split.split}: {path[:200]}` leads to no images here"
            self._report(Finding("YAML_PATH_UNRESOLVED", self._file, message, split.line))
            return
        if first != number:
            message = (
                f"`{split.split}` names the same images as `{self._splits[first]}` ({path[:200]}); kept in the latter"
            )
            self._report(Finding("PAIR_SPLIT_DUP", self._file, message, split.line))

    def _list_member(self, path: str) -> int | None:
        if self._description.is_darknet:
            return find_member(self._names, self._description, path)
        return find_list(self._names, self._description, path)

    def _directory(self, path: str, survey: ImageSurvey) -> str | None:
        for place in places(self._description, path, whole=False):
            prefix = f"{place}/" if place else ""
            if survey.holds(prefix):
                return prefix
        return None

    def _lists(self, sources: _Sources) -> list[ListFile]:
        found = []
        for member, split in sources.lists.items():
            name = self._names.name(member)
            data = self._given.get(member)
            if data is None:
                message = f"the list {name} cannot be read"
                self._report(Finding("YAML_PATH_UNRESOLVED", self._file, message))
            else:
                found.append(ListFile(split, name, data, list_bases(name, self._file)))
        return found

    # what the layout says of itself

    def _categories(self) -> tuple[Category, ...]:
        """The description's own, or those of the names file that it refers to."""
        description = self._description
        if not description.is_darknet and description.names_path is None:
            return description.categories
        member = find_member(self._names, description, description.names_path) if description.names_path else None
        data = None if member is None else self._given.get(member)
        if member is None or data is None:
            return self._unnamed_categories()
        return self._named_categories(self._names.name(member), data)

    def _named_categories(self, file: str, data: bytes) -> tuple[Category, ...]:
        named, classes = read_names(data, file=file), self._description.classes
        if classes is not None and classes != len(named):
            key = "classes" if self._description.is_darknet else "nc"
            message = f"`{key}` is {classes}, but {file} holds {len(named)} names"
            self._report(Finding("YAML_NC_MISMATCH", self._file, message))
        if not named and not classes:
            raise BrokenConfig(file, "names no category")
        categories = complete_names({category.id: category.name for category in named}, classes or 0)
        report_duplicates(categories, file=file, line=None, report=self._report)
        return categories

    def _unnamed_categories(self) -> tuple[Category, ...]:
        description = self._description
        if not description.classes:
            raise BrokenConfig(self._file, "the names file is not here, and `classes` does not say how many there are")
        message = f"the names file is not here; the categories are called class_0 to class_{description.classes - 1}"
        self._report(Finding("YAML_PATH_UNRESOLVED", self._file, message))
        return complete_names({}, description.classes)

    def _result(self, categories: tuple[Category, ...], sources: _Sources, pairing: LabelPairing) -> DatasetLayout:
        members = [self._file, *(self._names.name(index) for index in self._given)]
        return DatasetLayout(
            name=self._layout_name(sources),
            reason=f"{self._file} names {_count(len(categories))} and the splits {', '.join(self._splits)}",
            confidence=_FAIRLY_SURE if sources.unresolved else _SURE,
            config_files=tuple(dict.fromkeys(members)),
            categories=categories,
            splits=self._splits,
            image_indexes=pairing.images,
            label_indexes=pairing.labels,
            split_ids=pairing.splits,
            keypoint_shape=self._description.keypoint_shape,
            notes=self._description.notes,
        )

    def _layout_name(self, sources: _Sources) -> str:
        if self._description.is_darknet:
            return "darknet"
        parts = [prefix.split("/")[-3:-1] for prefix in sources.directories]
        roboflow = bool(parts) and all(
            len(pair) == 2 and pair[1] == "images" and normalise_split(pair[0]) in CANONICAL for pair in parts
        )
        return "roboflow" if roboflow else "ultralytics"


def _count(categories: int) -> str:
    return f"{categories} {'category' if categories == 1 else 'categories'}"
