"""Pascal VOC: an XML file for each image, and lists of the images of each split.

Source: the VOC2012 development kit; outlines as `<polygon>` and `<attributes>` as annotation tools write them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from shared.formats.annotations.model import Category, ImageSize
from shared.formats.annotations.pixels import corners_in_pixels, in_pixels
from shared.formats.annotations.voc import label_map
from shared.formats.annotations.voc.labels import FLAGS
from shared.formats.annotations.writers.losses import LossLog
from shared.formats.annotations.writers.model import AnnotationToWrite, ImageToWrite, TextFile, WriteOptions, Written
from shared.formats.annotations.writers.naming import Naming, folder_name, stem_of

_TAG = re.compile(r"[A-Za-z_][\w.-]{0,63}", re.ASCII)
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_OWN_TAGS = frozenset(("name", "bndbox", "polygon", "part", "attributes", "parts"))
_LEAST_POINTS = 3
_MOST_PARTS = 1_000
_NO_SPLIT = "default"
"""What CVAT and Datumaro call the list of images without a split."""
_LONGEST_NAME = 1_000
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def voc_naming(_options: WriteOptions) -> Naming:
    """Where images lie: all in one folder; lists say which split they are in."""
    return Naming(lambda _split, _category: "JPEGImages/")


class VocWriter:
    """Writes an XML file for each image, and lists of stems."""

    def __init__(self, options: WriteOptions, losses: LossLog) -> None:
        self._options, self._losses = options, losses
        self._names = {one.id: xml_name(one) for one in options.categories}
        self._parts: dict[str, dict[str, None]] = {}

    def write(self, image: ImageToWrite) -> Written:
        """The image's XML file, and its line in the list of its split."""
        file = image.name.rpartition("/")[2]
        stem = stem_of(file)
        text = "".join(self._document(image, file))
        added = ((_list_of(image.split), f"{stem}\n".encode()),)
        return Written(((f"Annotations/{stem}.xml", text.encode()),), added)

    def finish(self) -> Sequence[TextFile]:
        """The categories, and the lists."""
        for category in self._options.categories:
            name = self._names[category.id]
            if name != category.name or not label_map.can_be_said(name):
                self._losses.add("EXPORT_NAME", category.name)
        text = label_map.label_map(list(self._names.values()), self._parts)
        named = [split for split in self._options.splits if split is not None]
        files = {folder_name(split): _list_of(split) for split in named}
        if None in self._options.splits:
            files.setdefault(_NO_SPLIT, _list_of(None))
        lists = [TextFile(f"ImageSets/Main/{name}.txt", [stream]) for name, stream in files.items()]
        return [TextFile(label_map.NAME, [text.encode()]), *lists]

    def _document(self, image: ImageToWrite, file: str) -> Iterator[str]:
        if image.attributes:
            self._losses.add("EXPORT_ATTRIBUTES", image.path)
        yield f"<annotation>\n  <folder>JPEGImages</folder>\n  <filename>{_text(file)}</filename>\n"
        if image.size is not None:
            width, height = image.size
            yield f"  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>\n"
        for annotation in image.annotations:
            yield from self._object(annotation, image)
        yield "</annotation>\n"

    def _object(self, annotation: AnnotationToWrite, image: ImageToWrite) -> Iterator[str]:
        if annotation.type == "label":
            self._losses.add("EXPORT_LABEL", image.path)
            return
        if image.size is None:
            self._losses.add("EXPORT_NO_SIZE", image.path)
            return
        self._note(annotation, image.path)
        self._note_parts(self._names[annotation.category_id], annotation.attributes.get("parts"))
        yield f"  <object>\n    <name>{_text(self._names[annotation.category_id])}</name>\n"
        yield from _attributes(annotation.attributes, image.size)
        yield f"    {_bndbox(annotation.bbox, image.size)}\n"
        if len(annotation.points) >= _LEAST_POINTS:
            yield f"    {_polygon(annotation.points, image.size)}\n"
        yield "  </object>\n"

    def _note_parts(self, category: str, parts: object) -> None:
        """Parts that a category has are named in its line of the label map, or readers refuse them."""
        for part in _named_parts(parts):
            name, known = str(part["name"]).strip(), self._parts.setdefault(category, {})
            if label_map.can_be_said(name) and "," not in name and len(known) < _MOST_PARTS:
                known[name] = None

    def _note(self, annotation: AnnotationToWrite, path: str) -> None:
        if annotation.type == "obb":
            self._losses.add("EXPORT_TYPE", path)
        elif annotation.points and len(annotation.points) < _LEAST_POINTS:
            self._losses.add("EXPORT_OUTLINE", path)
        if annotation.keypoints:
            self._losses.add("EXPORT_KEYPOINTS", path)
        parts = annotation.attributes.get("parts")
        if "rle" in annotation.attributes or (parts and not _named_parts(parts)):
            self._losses.add("EXPORT_PARTS", path)


def _list_of(split: str | None) -> str:
    """The stream of a split's list of images."""
    return "list" if split is None else f"list-{split}"


def xml_name(category: Category) -> str:
    """The category's name as a reader of XML gives it back: without space around it, nor what XML cannot hold.

    >>> xml_name(Category(3, " traffic light "))
    'traffic light'
    """
    return _NO_XML.sub("_", category.name).strip()[:_LONGEST_NAME] or f"class_{category.id}"


def note_categories(categories: Sequence[Category], names: Mapping[int, str], used: set[int], losses: LossLog) -> None:
    """Note what a format that has no list of categories, only names in labels, loses of them."""
    for category in categories:
        if names[category.id] != category.name:
            losses.add("EXPORT_NAME", category.name)
        if category.id not in used:
            losses.add("EXPORT_UNUSED_CATEGORY", category.name)
    written = [names[category.id] for category in categories if category.id in used]
    for name, expected in zip(written, sorted(written), strict=True):
        if name != expected:
            losses.add("EXPORT_CATEGORY_ORDER", name)


def _text(text: str) -> str:
    return escape(_NO_XML.sub("_", text))


def _bndbox(bbox: Sequence[float], size: ImageSize) -> str:
    x, y, width, height = bbox
    values = zip(_CORNERS, corners_in_pixels((x, y, width, height), size), strict=True)
    return f"<bndbox>{''.join(f'<{tag}>{value}</{tag}>' for tag, value in values)}</bndbox>"


def _polygon(points: Sequence[Sequence[float]], size: ImageSize) -> str:
    texts = [(in_pixels(x, size[0]), in_pixels(y, size[1])) for x, y in points]
    places = "".join(f"<x{at}>{x}</x{at}><y{at}>{y}</y{at}>" for at, (x, y) in enumerate(texts, 1))
    return f"<polygon>{places}</polygon>"


def _attributes(attributes: Mapping[str, object], size: ImageSize) -> Iterator[str]:
    """What the source says, as elements; what cannot be one as CVAT writes it; parts with their boxes.

    Flags are 0 or 1 to all readers: what KITTI says of being truncated, 0.27, is none.
    """
    others = []
    for key, value in attributes.items():
        if key in ("parts", "rle"):
            continue
        if key in FLAGS and value in (0, 1):
            yield f"    <{key}>{int(value == 1)}</{key}>\n"
        elif _TAG.fullmatch(key) and key not in _OWN_TAGS and key not in FLAGS:
            yield f"    <{key}>{_text(str(value))}</{key}>\n"
        else:
            others.append(f"<attribute><name>{_text(key)}</name><value>{_text(str(value))}</value></attribute>")
    if others:
        yield f"    <attributes>{''.join(others)}</attributes>\n"
    for part in _named_parts(attributes.get("parts")):
        yield f"    <part><name>{_text(str(part['name']))}</name>{_bndbox(_numbers(part['bbox']), size)}</part>\n"


def _named_parts(parts: object) -> list[Mapping[str, object]]:
    """Parts that have a name and a box, as those of people do in VOC; not the further polygons of a mask."""
    found = parts if isinstance(parts, list | tuple) else ()
    return [part for part in found if isinstance(part, Mapping) and {"name", "bbox"} <= part.keys()]


def _numbers(values: object) -> list[float]:
    return [float(value) for value in values] if isinstance(values, list | tuple) else []
