"""Files that name categories where no description does: `classes.txt` and its like, `notes.json`, or a `data.yaml`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.formats.annotations.json_text import read_json
from shared.formats.annotations.member_names import is_hidden
from shared.formats.annotations.model import BrokenConfig, Category, Report
from shared.formats.annotations.naming_limits import MAX_CATEGORIES
from shared.formats.annotations.survey import NameSurvey
from shared.formats.annotations.yolo.description.candidates import Kind, find_configs
from shared.formats.annotations.yolo.description.config import (
    YoloConfig,
    check_name,
    complete_names,
    read_data_yaml,
    report_duplicates,
)
from shared.formats.annotations.yolo.description.darknet import read_names
from shared.formats.findings import Finding

NOTES = "notes.json"
MOST_FILES = 8
MAX_NOTES_BYTES = 5 << 20

_YAML, _LIST, _NOTES = range(3)
_LISTS = ("classes.txt", "obj.names", "class_names.txt", "names.txt", "_darknet.labels")
_MANY = 1_000


@dataclass(frozen=True, slots=True)
class NamesFile:
    """A member that may name the categories; of several, the one with the lowest `rank` does."""

    index: int
    name: str
    kind: int
    rank: tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Naming:
    """The categories, the file that names them, and what a half `data.yaml` says beside."""

    categories: tuple[Category, ...] = ()
    file: NamesFile | None = None
    keypoint_shape: tuple[int, int] | None = None


def find_names_files(survey: NameSurvey) -> tuple[NamesFile, ...]:
    """At most `MOST_FILES`: a `data.yaml`, `classes.txt` or `.names`, `notes.json`; of each, nearest to the root."""
    found = [*_yamls(survey), *_named(survey, "txt"), *_named(survey, "names"), *_named(survey, "labels")]
    found += _named(survey, "json")
    return tuple(sorted(found, key=lambda file: file.rank)[:MOST_FILES])


def read_naming(given: Mapping[NamesFile, bytes | None], report: Report) -> Naming:
    """What the first usable of these files says; the others are said not to be used where they say otherwise."""
    naming = Naming()
    for file in sorted(given, key=lambda file: file.rank):
        findings: list[Finding] = []
        try:
            found = _read(file, given[file], findings.append)
        except BrokenConfig as error:
            report(Finding("NAME_FILE_UNUSED", file.name, error.reason))
            continue
        if naming.file is None and found.categories:
            naming = found
            for finding in findings:
                report(finding)
        elif _names(found) and _names(found) != _names(naming):
            message = (
                f"names other categories than {_shown(naming)}, or in another order; the ids are those of the latter"
            )
            report(Finding("NAME_FILE_UNUSED", file.name, message))
    return naming


def _yamls(survey: NameSurvey) -> Iterator[NamesFile]:
    for one in find_configs(survey.names).members:
        if one.kind is Kind.DATA_YAML:
            yield NamesFile(one.index, one.name, _YAML, (0, one.name.count("/"), one.name))


def _named(survey: NameSurvey, ending: str) -> list[NamesFile]:
    found: list[NamesFile] = []
    for index, name in survey.named(survey.ending_in(ending)):
        place = _place(name[name.rfind("/") + 1 :].lower())
        if place is None or is_hidden(name) or survey.names.find(name) != index:
            continue
        kind = _NOTES if ending == "json" else _LIST
        found.append(NamesFile(index, name, kind, (1 + place, name.count("/"), name)))
        if len(found) > _MANY:
            found = sorted(found, key=lambda file: file.rank)[:MOST_FILES]
    return found


def _place(base: str) -> int | None:
    """How early such a file is asked; None for one that names no categories."""
    if base in _LISTS:
        return _LISTS.index(base)
    if base.endswith(".names"):
        return len(_LISTS)
    return len(_LISTS) + 1 if base == NOTES else None


def _read(file: NamesFile, data: bytes | None, report: Report) -> Naming:
    if data is None:
        raise BrokenConfig(file.name, "cannot be read")
    if file.kind == _YAML:
        return _of_yaml(read_data_yaml(data, file=file.name, report=report), file, report)
    categories = _of_notes(data, file.name) if file.kind == _NOTES else read_names(data, file=file.name)
    report_duplicates(categories, file=file.name, line=None, report=report)
    return Naming(categories, file)


def _of_yaml(config: YoloConfig, file: NamesFile, report: Report) -> Naming:
    if config.splits:
        message = "the paths of its splits lead to no image here; images and splits are told by their folders"
        report(Finding("YAML_PATH_UNRESOLVED", file.name, message, config.split_lines[0]))
    return Naming(config.categories, file, config.keypoint_shape)


def _of_notes(data: bytes, file: str) -> tuple[Category, ...]:
    """The categories of a `notes.json` as Label Studio writes it; none where it is another file of that name."""
    if len(data) > MAX_NOTES_BYTES:
        raise BrokenConfig(file, f"is larger than {MAX_NOTES_BYTES} bytes")
    try:
        document = read_json(data)
    except (ValueError, RecursionError):
        raise BrokenConfig(file, "is not JSON") from None
    entries = document.get("categories") if isinstance(document, dict) else None
    named: dict[int, str] = {}
    for entry in entries if isinstance(entries, list) else ():
        number, name = (entry.get("id"), entry.get("name")) if isinstance(entry, dict) else (None, None)
        if type(number) is not int or not isinstance(name, str) or not 0 <= number < MAX_CATEGORIES:
            raise BrokenConfig(file, "a category needs an `id`, counted from 0, and a `name`")
        named[number] = name.encode("utf-8", "replace").decode()
        check_name(named[number], number, file, 1)
    return complete_names({number: name for number, name in named.items() if name.strip()}, len(named))


def _names(naming: Naming) -> list[str]:
    return [category.name for category in naming.categories]


def _shown(naming: Naming) -> str:
    return naming.file.name if naming.file else "the others"
