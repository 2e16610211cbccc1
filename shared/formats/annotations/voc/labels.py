"""What VOC annotation files say of their images: boxes and polygons in pixels, kept as written (no pixel is taken off).

Shares of the image's sides are made with the size that the file declares, as the coordinates were drawn on an image of
that size, whatever was done to the image file since; with the image's own size where none is declared.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.formats.annotations.member_names import stem_of
from shared.formats.annotations.model import (
    NO_ATTRIBUTES,
    Annotation,
    Attributes,
    ImageSize,
    LabelContext,
    LabelRows,
    Report,
    RowLimits,
)
from shared.formats.annotations.pixel_boxes import (
    JudgedBox,
    LeftOutRow,
    Remark,
    judge_corners,
    judge_points,
)
from shared.formats.annotations.pixels import box_around
from shared.formats.annotations.voc.document import (
    Fields,
    RefusedDocument,
    Value,
    VocDocument,
    VocObject,
    read_document,
)
from shared.formats.findings import Finding

CORNERS = ("xmin", "ymin", "xmax", "ymax")
FLAGS = ("truncated", "occluded", "difficult")
"""Values that are kept as whole numbers."""

_LARGEST_SIDE = 10_000_000
_FEWEST_POINTS = 3
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class VocLabels:
    """Reads annotation files. Each `<object>` is a row."""

    context: LabelContext

    def read(self, data: bytes, *, file: str, size: ImageSize | None, report: Report) -> LabelRows:
        """See `LabelReader`. Without a size, declared or given, all objects are left out with one finding."""
        try:
            document = read_document(data, self.context.limits)
        except RefusedDocument as error:
            report(Finding(error.rule, file, f"the file {error.message}", error.line, error.column))
            return LabelRows([], 0, 0)
        return _Objects(self.context, file, report).read(document, size)


def names_in(data: bytes) -> Iterator[str]:
    """The categories that a file names."""
    try:
        document = read_document(data, RowLimits(max_points=0))
    except RefusedDocument:
        return
    for one in document.objects:
        if (name := one.fields.get("name")) is not None and name.text:
            yield name.text


@dataclass(slots=True)
class _Objects:
    context: LabelContext
    file: str
    report: Report
    annotations: list[Annotation] = field(default_factory=list)
    points: int = 0
    said: set[tuple[object, ...]] = field(default_factory=set)

    def read(self, document: VocDocument, size: ImageSize | None) -> LabelRows:
        count = len(document.objects) + document.left_out
        self._compare_names(document.fields.get("filename"))
        used = self._size(document.fields, size) if count else None
        if used is not None:
            for one in document.objects:
                self._add(one, used)
        elif count:
            message = f"neither the file nor the image says a size, so {count} objects in pixels cannot be placed"
            self._say("ROW_NO_SIZE", message)
        else:
            self._say("PAIR_EMPTY_LABEL", "the label file has no objects")
        if document.left_out:
            self._say("ROW_LIMIT", f"{document.left_out} objects beyond the limit are left out")
        return LabelRows(self.annotations, count, count - len(self.annotations))

    # -- the image

    def _compare_names(self, name: Value | None) -> None:
        if name is None or not name.text:
            return
        said = stem_of(name.text.replace("\\", "/"))
        if said != stem_of(self.file) and said + "." != name.text[-len(said) - 1 :]:
            message = f"<filename> is {name.text[:_SHOWN]}, though the file is called {stem_of(self.file)[:_SHOWN]}"
            self._say("XML_FILENAME", message, name)

    def _size(self, fields: Fields, real: ImageSize | None) -> ImageSize | None:
        """The size to divide by: the declared one, else that of the image."""
        width, height = (fields.get(f"size/{name}") for name in ("width", "height"))
        declared = _side(width), _side(height)
        if not (declared[0] and declared[1]):
            if real is not None:
                message = f"declares no size of the image; its own, {real[0]} x {real[1]}, is used"
                self._say("LABEL_SIZE_MISSING", message, width)
            return real
        if real is not None and declared != real:
            turned = "; the axes are swapped, as where EXIF turns the image" if declared == real[::-1] else ""
            message = f"declares {declared[0]} x {declared[1]} pixels, the image has {real[0]} x {real[1]}{turned}"
            self._say("LABEL_SIZE_MISMATCH", f"{message}; boxes are read by the declared size", width)
        return declared

    # -- objects

    def _add(self, one: VocObject, size: ImageSize) -> None:
        places: list[Value] = []
        try:
            category = self._category(one)
            annotation, remarks = self._annotation(one, category, size, places)
        except LeftOutRow as left_out:
            self._remark(left_out.remark, one, places)
            return
        for remark in remarks:
            self._remark(remark, one, places)
        known = (category, annotation.bbox, annotation.points)
        if known in self.said:
            self._say("ROW_DUPLICATE", "the object says what an earlier one says", Value("", one.line, one.column))
        self.said.add(known)
        self.annotations.append(annotation)

    def _category(self, one: VocObject) -> int:
        name = one.fields.get("name")
        if name is None or not name.text:
            raise LeftOutRow("XML_FIELD", "the object has no <name>")
        number = self.context.category_ids.get(name.text)
        if number is None:
            raise LeftOutRow("ROW_CLASS_UNKNOWN", f"{name.text[:_SHOWN]} is none of the dataset's categories")
        return number

    def _annotation(
        self, one: VocObject, category: int, size: ImageSize, places: list[Value]
    ) -> tuple[Annotation, list[Remark]]:
        attributes = _attributes(one, size)
        if one.outline:
            return self._polygon(one, category, size, places, attributes)
        judged = _box(one.fields, size, places)
        return Annotation(category, "box", judged.bbox, attributes=attributes), judged.remarks

    def _polygon(
        self, one: VocObject, category: int, size: ImageSize, places: list[Value], attributes: Attributes
    ) -> tuple[Annotation, list[Remark]]:
        across = [value for axis, value in one.outline if axis == "x"]
        down = [value for axis, value in one.outline if axis == "y"]
        if len(across) != len(down) or len(across) < _FEWEST_POINTS:
            found = f"{len(across)} x and {len(down)} y"
            raise LeftOutRow("XML_FIELD", f"the polygon has {found}; at least {_FEWEST_POINTS} of each make one")
        self.points += len(across)
        if self.points > self.context.limits.max_points:
            raise LeftOutRow("ROW_LIMIT", f"the file's objects hold more than {self.context.limits.max_points} points")
        places += [value for pair in zip(across, down, strict=True) for value in pair]
        points, remarks = judge_points([value.text for value in places], size)
        return Annotation(
            category, "polygon", box_around(*zip(*points, strict=True)), points, attributes=attributes
        ), remarks

    # -- findings

    def _remark(self, remark: Remark, one: VocObject, places: list[Value]) -> None:
        at = remark.position
        place = places[at] if at is not None and at < len(places) else Value("", one.line, one.column)
        self._say(remark.rule, remark.message, place)

    def _say(self, rule: str, message: str, place: Value | None = None) -> None:
        line, column = (place.line, place.column) if place else (None, None)
        self.report(Finding(rule, self.file, message, line, column))


def _box(fields: Fields, size: ImageSize, places: list[Value]) -> JudgedBox:
    values = [fields.get(f"bndbox/{name}") for name in CORNERS]
    found = [value for value in values if value is not None]
    if len(found) < len(CORNERS):
        missing = ", ".join(name for name, value in zip(CORNERS, values, strict=True) if value is None)
        raise LeftOutRow("XML_FIELD", f"the object has no <bndbox> with {missing}")
    places += found
    return judge_corners([value.text for value in found], size)


def _side(value: Value | None) -> int:
    """A declared side in whole pixels; 0 for none."""
    try:
        side = float(value.text) if value is not None else 0.0
    except ValueError:
        return 0
    return int(side) if 1 <= side <= _LARGEST_SIDE and side.is_integer() else 0


def _attributes(one: VocObject, size: ImageSize) -> Attributes:
    """What the object says beside its name and place: `pose`, the flags, CVAT's attributes, parts."""
    found: dict[str, object] = {
        key: _plain(key, value.text) for key, value in one.fields.items() if "/" not in key and key != "name"
    }
    found |= {key: _plain(key, value.text) for key, value in one.extra.items() if key not in found}
    if parts := [part for part in (_part(fields, size) for fields in one.parts) if part]:
        found["parts"] = parts
    return found or NO_ATTRIBUTES


def _plain(key: str, text: str) -> object:
    return int(text) if key in FLAGS and text.isascii() and text.isdigit() and len(text) < 10 else text


def _part(fields: Fields, size: ImageSize) -> dict[str, object] | None:
    """A part's name and box; None for one that has none."""
    try:
        bbox = _box(fields, size, []).bbox
    except LeftOutRow:
        return None
    return {"name": fields["name"].text if "name" in fields else "", "bbox": list(bbox)}
