"""COCO: one JSON file of instances for each split, made of what images add to it. Coordinates are pixels.

Source of the format: https://cocodataset.org/#format-data. Captions go to files of their own, as there.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from shared.formats.annotations.coco.header import HEADER_KEYS, placeholder_names
from shared.formats.annotations.model import Category, ImageSize
from shared.formats.annotations.pixels import corner_and_size_in_pixels, in_pixels
from shared.formats.annotations.writers.losses import LossLog
from shared.formats.annotations.writers.model import AnnotationToWrite, ImageToWrite, TextFile, WriteOptions, Written
from shared.formats.annotations.writers.naming import Naming, folder_name

_OWN_FIELDS = frozenset(("id", "image_id", "category_id", "bbox", "segmentation", "keypoints", "parts", "rle"))
_IMAGE_FIELDS = frozenset(("id", "file_name", "width", "height", "captions"))
_SHOWN_VISIBILITY = 0


def coco_naming(_options: WriteOptions) -> Naming:
    """Where images lie: below `images/`, in a folder for each split."""
    return Naming(lambda split, _category: _folder(split), by_stem=False)


def _folder(split: str | None) -> str:
    return "images/" if split is None else f"images/{folder_name(split)}/"


class CocoWriter:
    """Writes nothing beside images; each adds its lines to the files of its split."""

    def __init__(self, options: WriteOptions, losses: LossLog) -> None:
        self._options, self._losses = options, losses
        self._ids = source_ids(options.categories)
        self._are_named = any(one.pose and one.pose.keypoints for one in options.categories)
        self._annotations = 0
        self._captions = 0
        self._lines: Counter[str] = Counter()

    def write(self, image: ImageToWrite) -> Written:
        """The image's own line, and those of its annotations."""
        added = [self._line("images", image.split, _image(image))]
        for caption in _captions(image):
            self._captions += 1
            record = {"id": self._captions, "image_id": image.number, "caption": caption}
            added.append(self._line("captions", image.split, json.dumps(record, ensure_ascii=False)))
        added += [self._line("annotations", image.split, text) for text in self._texts(image)]
        return Written(added=added)

    def finish(self) -> Sequence[TextFile]:
        """The files of each split."""
        categories = json.dumps([self._category(one) for one in self._options.categories], ensure_ascii=False)
        files = []
        for split in self._options.splits:
            ending = f"_{folder_name(split)}.json" if split is not None else f"_{self._no_split}.json"
            files.append(self._file(f"annotations/instances{ending}", split, "annotations", categories))
            if self._lines[_stream("captions", split)]:
                files.append(self._file(f"annotations/captions{ending}", split, "captions", None))
        return files

    @property
    def _no_split(self) -> str:
        """What the file of images without a split is called: as CVAT and Datumaro call it, unless a split is."""
        return "default" if "default" not in self._options.splits else "none"

    def _file(self, name: str, split: str | None, kind: str, categories: str | None) -> TextFile:
        end = "]}\n" if categories is None else f'],\n"categories": {categories}}}\n'
        parts: list[bytes | str] = [f'{{{self._header()}"images": [\n'.encode()]
        parts += [_stream("images", split)] if self._lines[_stream("images", split)] else []
        parts.append(b'\n],\n"annotations": [\n')
        parts += [_stream(kind, split)] if self._lines[_stream(kind, split)] else []
        return TextFile(name, [*parts, f"\n{end}".encode()])

    def _line(self, kind: str, split: str | None, text: str) -> tuple[str, bytes]:
        stream = _stream(kind, split)
        self._lines[stream] += 1
        return (
            stream,
            f"{',' if self._lines[stream] > 1 else ''}{chr(10) if self._lines[stream] > 1 else ''}{text}".encode(),
        )

    def _header(self) -> str:
        """What the source says of the dataset as a whole, each file again."""
        notes = self._options.notes
        lines = [
            f"{json.dumps(key)}: {json.dumps(notes[key], ensure_ascii=False)},\n" for key in HEADER_KEYS if key in notes
        ]
        return "".join(lines)

    def _category(self, category: Category) -> dict[str, object]:
        found: dict[str, object] = {"id": self._ids[category.id], "name": category.name}
        if category.supercategory is not None:
            found["supercategory"] = category.supercategory
        if category.pose is not None:
            found |= {"keypoints": category.pose.keypoints, "skeleton": category.pose.skeleton}
        elif self._options.task == "pose" and self._options.keypoint_shape and not self._are_named:
            found |= {"keypoints": placeholder_names(self._options.keypoint_shape[0]), "skeleton": []}
        return found

    def _texts(self, image: ImageToWrite) -> list[str]:
        wanted = [one for one in image.annotations if one.type != "label"]
        if len(wanted) < len(image.annotations):
            self._losses.add("EXPORT_LABEL", image.path)
        if wanted and image.size is None:
            self._losses.add("EXPORT_NO_SIZE", image.path)
            return []
        return [self._text(one, image, image.size) for one in wanted if image.size is not None]

    def _text(self, annotation: AnnotationToWrite, image: ImageToWrite, size: ImageSize) -> str:
        self._annotations += 1
        if annotation.type == "obb":
            self._losses.add("EXPORT_TYPE", image.path)
        box = corner_and_size_in_pixels(_box(annotation), size)
        fields = {
            "id": str(self._annotations),
            "image_id": str(image.number),
            "category_id": str(self._ids[annotation.category_id]),
            "bbox": f"[{', '.join(box)}]",
            "segmentation": _segmentation(annotation, size),
        }
        if annotation.keypoints:
            fields["keypoints"] = _keypoints(annotation, size)
        fields |= _said(annotation, box)
        return f"{{{', '.join(f'{json.dumps(key)}: {text}' for key, text in fields.items())}}}"


def source_ids(categories: Sequence[Category]) -> Mapping[int, int]:
    """The number of each category: the source's where all of them have one of their own; else from 1 on.

    >>> source_ids([Category(0, "a", "18"), Category(1, "b", "3")])
    {0: 18, 1: 3}
    """
    given = [one.source_id for one in categories]
    numbers = [int(text) for text in given if text is not None and text.isascii() and text.isdigit()]
    if len(set(numbers)) == len(categories):
        return {one.id: number for one, number in zip(categories, numbers, strict=True)}
    return {one.id: one.id + 1 for one in categories}


def _stream(kind: str, split: str | None) -> str:
    return f"{kind}-{'none' if split is None else f'of-{split}'}"


def _image(image: ImageToWrite) -> str:
    file = image.name[len(_folder(image.split)) :]
    record: dict[str, object] = {"id": image.number, "file_name": file}
    if image.size is not None:
        record |= {"width": image.size[0], "height": image.size[1]}
    record |= {key: value for key, value in image.attributes.items() if key not in _IMAGE_FIELDS}
    return json.dumps(record, ensure_ascii=False)


def _captions(image: ImageToWrite) -> Sequence[object]:
    found = image.attributes.get("captions", ())
    return found if isinstance(found, list | tuple) else (found,)


def _box(annotation: AnnotationToWrite) -> tuple[float, float, float, float]:
    x, y, width, height = annotation.bbox
    return x, y, width, height


def _segmentation(annotation: AnnotationToWrite, size: ImageSize) -> str:
    """The mask as the source has it, or the outline with its further parts."""
    if (mask := annotation.attributes.get("rle")) is not None:
        return json.dumps(mask)
    parts = annotation.attributes.get("parts", ())
    further = [part for part in parts if isinstance(part, list | tuple)] if isinstance(parts, list | tuple) else []
    outlines = [outline for outline in (annotation.points, *further) if outline]
    return f"[{', '.join(_outline(outline, size) for outline in outlines)}]"


def _outline(points: Sequence[Sequence[float]], size: ImageSize) -> str:
    return f"[{', '.join(in_pixels(value, size[at]) for point in points for at, value in enumerate(point[:2]))}]"


def _keypoints(annotation: AnnotationToWrite, size: ImageSize) -> str:
    values: list[str] = []
    for x, y, seen in annotation.keypoints:
        values += in_pixels(x, size[0]), in_pixels(y, size[1]), f"{seen:g}"
    return f"[{', '.join(values)}]"


def _said(annotation: AnnotationToWrite, box: Sequence[str]) -> dict[str, str]:
    """What the source says beside places; and what every reader of COCO insists on."""
    said = annotation.attributes
    found = {key: json.dumps(value, ensure_ascii=False) for key, value in said.items() if key not in _OWN_FIELDS}
    found.setdefault("area", _area(box))
    found.setdefault("iscrowd", "0")
    if annotation.keypoints:
        shown = sum(1 for *_, seen in annotation.keypoints if seen > _SHOWN_VISIBILITY)
        found.setdefault("num_keypoints", str(shown))
    return found


def _area(box: Sequence[str]) -> str:
    """Of the box, in pixels."""
    return repr(round(float(box[2]) * float(box[3]), 4))
