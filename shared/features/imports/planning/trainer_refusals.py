"""Whether trainers begin with a dataset at all: its description and its paths, as they would see them."""

from collections.abc import Mapping

from shared.features.imports.planning.recognition import Recognised
from shared.formats.annotations.member_names import directory_of
from shared.formats.annotations.model import DatasetLayout, NameTable
from shared.formats.annotations.trainers.descriptions import DataYaml, paths_asked, refusals, refused_by_fiftyone
from shared.formats.annotations.yolo.description.data_values import data_values
from shared.formats.annotations.yolo.layouts.splits import NO_SPLIT, named


def trainers_refuse(found: Recognised, names: NameTable) -> Mapping[str, str]:
    """By trainer, why it does not begin with the dataset; those that do are left out. Of YOLO alone."""
    layout = found.layout
    if layout.format != "yolo":
        return {}
    described = _described(found)
    there = _existing(names, paths_asked(described)) if described else set[str]()
    outside = [name for name in _images(layout, names) if "/images/" not in f"/{name}"][:1]
    return refusals(described, there) | refused_by_fiftyone(outside)


def _described(found: Recognised) -> DataYaml | None:
    file = next((name for name in found.layout.config_files if name.lower().endswith((".yaml", ".yml"))), None)
    data = found.given.get(file) if file else None
    return None if file is None or data is None else DataYaml(data_values(data, file=file), directory_of(file))


def _existing(names: NameTable, wanted: set[str]) -> set[str]:
    """Those of the paths that are files or folders here; one pass over the names, which ends when all are found."""
    missing = {f"{path}/" for path in wanted if path}
    prefixes = tuple(missing)
    for name in names.each_name():
        if not missing:
            break
        if f"{name}/".startswith(prefixes):
            missing -= {path for path in missing if f"{name}/".startswith(path)}
            prefixes = tuple(missing)
    return {path for path in wanted if f"{path}/" not in missing}


def _images(layout: DatasetLayout, names: NameTable) -> "map[str]":
    """The names of the images that are in a split."""
    indexes = (index for index, split in zip(layout.image_indexes, layout.split_ids, strict=True) if split != NO_SPLIT)
    return map(_name_of, named(names, indexes))


def _name_of(pair: tuple[int, str]) -> str:
    return pair[1]
