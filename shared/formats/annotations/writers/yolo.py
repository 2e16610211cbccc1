"""YOLO label rows, and data sets of the Ultralytics, Roboflow and Darknet trees around them."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from shared.formats.annotations.splits import CANONICAL, in_order_of_precedence, names_a_split
from shared.formats.annotations.writers.data_yaml import kept_notes, pose_keys, yaml_text
from shared.formats.annotations.writers.losses import LossLog
from shared.formats.annotations.writers.model import (
    AnnotationToWrite,
    ImageToWrite,
    TextFile,
    Tree,
    WriteOptions,
    WriteTask,
    Written,
)
from shared.formats.annotations.writers.naming import Naming, folder_name, writable
from shared.formats.annotations.yolo.layouts.paths import beside, label_path

_LEAST_POINTS, _CORNERS = 3, 4
_OTHER_KEYS = frozenset(
    ("path", "names", "nc", "kpt_shape", "flip_idx", "download", "channels", "yaml_file", "task", "classes", "backup")
)
"""Keys of descriptions that are no splits, whatever the splits of a dataset are called."""
_NOT_LABELLED = (0.0, 0.0, 0.0)
_FOUND_ELSEWHERE = frozenset(("parts", "rle"))

Row = Callable[["AnnotationToWrite", LossLog, str], Sequence[float]]


# -- rows


def number(value: float) -> str:
    """The shortest text that is read as this very float."""
    return repr(float(value))


def label_rows(
    image: ImageToWrite, options: WriteOptions, positions: Mapping[int, int], losses: LossLog
) -> Iterator[str]:
    """The rows of an image's label file."""
    row = _ROWS[options.task]
    for annotation in image.annotations:
        if annotation.type == "label":
            losses.add("EXPORT_LABEL", image.path)
            continue
        note_attributes(annotation, image.path, losses)
        values = row(annotation, losses, image.path)
        if annotation.type == "pose" and options.task == "pose" and options.keypoint_shape:
            values = [*values, *_keypoints(annotation, options.keypoint_shape, losses, image.path)]
        yield " ".join((str(positions[annotation.category_id]), *map(number, values)))


def note_attributes(annotation: AnnotationToWrite, path: str, losses: LossLog) -> None:
    """Note what a format without attributes loses of an annotation."""
    if _FOUND_ELSEWHERE & annotation.attributes.keys():
        losses.add("EXPORT_PARTS", path)
    if annotation.attributes.keys() - _FOUND_ELSEWHERE:
        losses.add("EXPORT_ATTRIBUTES", path)


def corners_of(bbox: Sequence[float]) -> list[float]:
    """The corners of an upright box, from the upper left one clockwise."""
    x, y, width, height = bbox
    left, right, top, bottom = x - width / 2, x + width / 2, y - height / 2, y + height / 2
    return [left, top, right, top, right, bottom, left, bottom]


def _box(annotation: AnnotationToWrite, losses: LossLog, path: str) -> Sequence[float]:
    if annotation.type in ("polygon", "obb"):
        losses.add("EXPORT_OUTLINE", path)
    if annotation.type == "pose":
        losses.add("EXPORT_KEYPOINTS", path)
    return annotation.bbox


def _posed(annotation: AnnotationToWrite, losses: LossLog, path: str) -> Sequence[float]:
    return annotation.bbox if annotation.type == "pose" else _box(annotation, losses, path)


def _outline(annotation: AnnotationToWrite, losses: LossLog, path: str) -> Sequence[float]:
    if annotation.type not in ("polygon", "obb") or len(annotation.points) < _LEAST_POINTS:
        return _box(annotation, losses, path)
    if annotation.type == "obb":
        losses.add("EXPORT_TYPE", path)
    return [value for point in annotation.points for value in point]


def _oriented(annotation: AnnotationToWrite, losses: LossLog, path: str) -> Sequence[float]:
    if annotation.type == "obb":
        return [value for point in annotation.points for value in point]
    if annotation.type == "polygon" and len(annotation.points) == _CORNERS:
        losses.add("EXPORT_TYPE", path)
        return [value for point in annotation.points for value in point]
    losses.add("EXPORT_TYPE", path) if annotation.type == "box" else None
    return corners_of(_box(annotation, losses, path))


def _keypoints(annotation: AnnotationToWrite, shape: tuple[int, int], losses: LossLog, path: str) -> Iterator[float]:
    """As many as every row has: those that are missing are not labelled."""
    count, dims = shape
    if len(annotation.keypoints) > count:
        losses.add("EXPORT_KEYPOINTS", path)
    missing = [_NOT_LABELLED] * (count - len(annotation.keypoints))
    for keypoint in [*annotation.keypoints[:count], *missing]:
        yield from keypoint[:dims]


_ROWS: Mapping[WriteTask, Row] = {"detect": _box, "segment": _outline, "pose": _posed, "obb": _oriented}


# -- trees


def yolo_naming(tree: Tree) -> Naming:
    """Where images lie in a tree."""
    return Naming(lambda split, _category: _FOLDERS[tree](split or "train"))


def _folder(split: str, *, valid: bool) -> str:
    return "valid" if valid and split == "val" else folder_name(split)


_FOLDERS: Mapping[Tree, Callable[[str], str]] = {
    "ultralytics": lambda split: f"images/{_folder(split, valid=False)}/",
    "roboflow": lambda split: f"{_folder(split, valid=True)}/images/",
    "darknet": lambda split: f"obj_{_folder(split, valid=True)}_data/",
}


class YoloWriter:
    """Writes label files beside images, and the description of the tree."""

    def __init__(self, options: WriteOptions, losses: LossLog) -> None:
        self._options, self._losses = options, losses
        self._positions = options.positions
        self._label_path = beside if options.tree == "darknet" else label_path

    def write(self, image: ImageToWrite) -> Written:
        """The image's label file: the original, or one of its annotations; none where there is nothing to say."""
        if image.split is None:
            self._losses.add("EXPORT_NO_SPLIT", image.path)
        added: Sequence[tuple[str, bytes]] = ()
        if self._options.tree == "darknet":
            line = f"data/{image.name}\n".encode()
            added = ((_list_of(image.split or "train"), line),)
        label = image.label if image.label is not None else self._label(image)
        files = () if label is None else ((self._label_path(image.name), label),)
        return Written(files, added)

    def finish(self) -> Sequence[TextFile]:
        """`data.yaml`, or `obj.data` with its names and lists."""
        found = {split or "train" for split in self._options.splits}
        splits = in_order_of_precedence(sorted(found))
        self._note_splits(splits)
        return _DESCRIPTIONS[self._options.tree](self._options, splits, self._losses)

    def _label(self, image: ImageToWrite) -> bytes | None:
        if image.attributes:
            self._losses.add("EXPORT_ATTRIBUTES", image.path)
        rows = list(label_rows(image, self._options, self._positions, self._losses))
        return "".join(f"{row}\n" for row in rows).encode() if rows else None

    def _note_splits(self, splits: Sequence[str]) -> None:
        for split in splits:
            known = split in CANONICAL if self._options.tree == "darknet" else names_a_split(split)
            if not known:
                self._losses.add("EXPORT_SPLIT_NAME", split)
        if "train" not in splits:
            self._losses.add("EXPORT_NO_TRAIN", "train")
        elif "val" not in splits:
            self._losses.add("EXPORT_NO_VAL", "val")


def _with_val(splits: Sequence[str]) -> dict[str, str]:
    """The splits by their keys; where only `val` is missing it is the training images, as trainers insist on both."""
    found = {split: split for split in splits}
    if "train" in found and "val" not in found:
        found = {"train": "train", "val": "train", **found}
    return found


def _ultralytics(options: WriteOptions, splits: Sequence[str], _losses: LossLog) -> Sequence[TextFile]:
    keys = {_key(key): _FOLDERS["ultralytics"](split)[:-1] for key, split in _with_val(splits).items()}
    names = "".join(f"  {at}: {yaml_text(category.name)}\n" for at, category in enumerate(options.categories))
    text = f"{_yaml_map(keys)}{pose_keys(options)}names:\n{names}{kept_notes(options.notes)}"
    return [TextFile("data.yaml", [text.encode()])]


def _roboflow(options: WriteOptions, splits: Sequence[str], _losses: LossLog) -> Sequence[TextFile]:
    keys = {_key(key): f"../{_FOLDERS['roboflow'](split)[:-1]}" for key, split in _with_val(splits).items()}
    names = "".join(f"- {yaml_text(category.name)}\n" for category in options.categories)
    text = f"{_yaml_map(keys)}{pose_keys(options)}nc: {len(options.categories)}\nnames:\n{names}"
    text += kept_notes(options.notes)
    return [TextFile("data.yaml", [text.encode()])]


def _darknet(options: WriteOptions, splits: Sequence[str], losses: LossLog) -> Sequence[TextFile]:
    names = []
    for category in options.categories:
        name = writable(category.name)
        if name != category.name or not name:
            losses.add("EXPORT_NAME", category.name)
        names.append(f"{name}\n")
    files = {split: f"{_folder(split, valid=True)}.txt" for split in splits}
    keys = "".join(f"{_key(_folder(split, valid=True))} = data/{file}\n" for split, file in files.items())
    text = f"classes = {len(names)}\n{keys}names = data/obj.names\nbackup = backup/\n"
    lists = [TextFile(file, [_list_of(split)]) for split, file in files.items()]
    return [TextFile("obj.data", [text.encode()]), TextFile("obj.names", ["".join(names).encode()]), *lists]


_DESCRIPTIONS: Mapping[Tree, Callable[[WriteOptions, Sequence[str], LossLog], Sequence[TextFile]]] = {
    "ultralytics": _ultralytics,
    "roboflow": _roboflow,
    "darknet": _darknet,
}


def _key(split: str) -> str:
    """The key of a split in a description; one that means something else there gets another."""
    return f"split_{split}" if split in _OTHER_KEYS else split


def _list_of(split: str) -> str:
    """The stream of a split's list of images."""
    return f"list-{split}"


def _yaml_map(keys: Mapping[str, str]) -> str:
    return "".join(f"{yaml_text(key)}: {yaml_text(value)}\n" for key, value in keys.items())
