"""What COCO files say of one image: its size, its annotations and its captions, from the records about it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias, cast

from shared.formats.annotations.attributes import TooMuchSaid, kept_attributes
from shared.formats.annotations.coco.listing import Identity, identity_of
from shared.formats.annotations.coco.shapes import BadShape, box_of, keypoints_of, outlines_of
from shared.formats.annotations.json_text import read_json
from shared.formats.annotations.model import (
    NO_ATTRIBUTES,
    Annotation,
    Attributes,
    ImageSize,
    LabelContext,
    LabelRows,
    Report,
)
from shared.formats.annotations.pixels import read_pixels
from shared.formats.findings import Finding
from shared.formats.storable import storable

_OF_THE_IMAGE = frozenset(("id", "file_name", "width", "height"))
_OF_THE_SHAPE = frozenset(("id", "image_id", "category_id", "bbox", "segmentation", "keypoints"))
_MOST_CAPTIONS = 1_000
_ABOUT_THE_IMAGE = re.compile(rb'\[\d+, ?\d+, ?\d+, ?"image"')
_LARGEST_SIDE = 10_000_000


Fields: TypeAlias = tuple[int, int, int, str, int | None, Mapping[str, object]]


class _Record(NamedTuple):
    """One element of a file."""

    file: int
    line: int
    column: int
    kind: str
    category: int | None
    value: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CocoLabels:
    """Reads the records of one image after the other."""

    context: LabelContext

    def read(self, data: bytes, *, file: str, size: ImageSize | None, report: Report) -> LabelRows:
        """The image's annotations; boxes are read in the size that the file declares for the image.

        Without that, and while the image's own `size` is not known, nothing can be read.
        """
        del file
        own = next(_records(line for line in _lines(data) if _ABOUT_THE_IMAGE.match(line)), None)
        image = _Image(self.context, (size_of(own.value) if own else None) or size, report)
        if image.size is None:
            return LabelRows([], 0, 0)
        for record in _records(_lines(data)):
            if record.kind == "image":
                image.describe(record, actual=size)
            else:
                image.add(record)
        return image.done()


def size_of(value: Mapping[str, object]) -> ImageSize | None:
    """The width and height that an element of `images` declares."""
    width, height = value.get("width"), value.get("height")
    sides = [side for side in (width, height) if isinstance(side, int | float) and not isinstance(side, bool)]
    if len(sides) != 2 or not all(1 <= side <= _LARGEST_SIDE for side in sides):
        return None
    return int(sides[0]), int(sides[1])


def _lines(data: bytes) -> Iterator[bytes]:
    """The lines, one by one: of an image that is labelled very often they are many."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        yield data[start:end]
        start = end + 1


def _records(lines: Iterable[bytes]) -> Iterator[_Record]:
    for line in lines:
        if line:
            yield _Record(*cast("Fields", read_json(line, parse_float=read_pixels)))


@dataclass(slots=True)
class _Image:
    """What comes together for one image."""

    context: LabelContext
    size: ImageSize | None
    report: Report
    annotations: list[Annotation] = field(default_factory=list)
    rows_read: int = 0
    points: int = 0
    captions: list[str] = field(default_factory=list)
    attributes: Attributes = field(default_factory=dict)
    by_id: dict[Identity, tuple[int, int]] = field(default_factory=dict)

    def describe(self, record: _Record, *, actual: ImageSize | None) -> None:
        """Take the image's own element."""
        declared = size_of(record.value)
        if declared is not None and actual is not None and declared != actual:
            turned = "; its sides are swapped, as EXIF rotation does" if declared == actual[::-1] else ""
            said = f"{declared[0]} x {declared[1]}, the image has {actual[0]} x {actual[1]} pixels{turned}"
            self._say("LABEL_SIZE_MISMATCH", record, f"the file says {said}; boxes are read in the size it says")
        try:
            self.attributes = {**kept_attributes(record.value, without=_OF_THE_IMAGE), **self.attributes}
        except TooMuchSaid:
            self._say("ROW_LIMIT", record, "what is said of the image is too much to be kept")

    def add(self, record: _Record) -> None:
        """Take an annotation, or a caption."""
        caption = record.value.get("caption")
        if isinstance(caption, str) and "bbox" not in record.value:
            if len(self.captions) < _MOST_CAPTIONS:
                self.captions.append(storable(caption))
            return
        self.rows_read += 1
        try:
            found = self._annotation(record)
        except BadShape as bad:
            self._say(bad.rule, record, bad.message)
            return
        if self._is_one_already(record, found):
            self.rows_read -= 1
            return
        if len(self.annotations) >= self.context.limits.max_rows:
            self._say("ROW_LIMIT", record, f"the image has more than {self.context.limits.max_rows} annotations")
            return
        if (identity := identity_of(record.value.get("id"))) is not None:
            self.by_id[identity] = record.file, len(self.annotations)
        self.annotations.append(found)

    def done(self) -> LabelRows:
        """The result."""
        captions = {"captions": self.captions} if self.captions else {}
        attributes = {**self.attributes, **captions} or NO_ATTRIBUTES
        return LabelRows(self.annotations, self.rows_read, self.rows_read - len(self.annotations), attributes)

    def _annotation(self, record: _Record) -> Annotation:
        """The annotation. Raises BadShape for one that is left out."""
        if record.category is None:
            raise BadShape("ROW_CLASS_RANGE", f"category {record.value.get('category_id')!r} is not listed")
        size = self.size or (1, 1)
        outlines = outlines_of(record.value, size)
        keypoints = keypoints_of(record.value, size)
        self._count_points(sum(map(len, outlines.polygons)) + len(keypoints))
        bbox = box_of(record.value, outlines, size)
        self._remark(record, bbox)
        kind = "pose" if keypoints else "polygon" if outlines.polygons else "box"
        points = outlines.polygons[0] if outlines.polygons else ()
        return Annotation(record.category, kind, bbox, points, keypoints, self._attributes_of(record, outlines.kept))

    def _attributes_of(self, record: _Record, kept: Mapping[str, object]) -> Attributes:
        try:
            said = kept_attributes({**record.value, **kept}, without=_OF_THE_SHAPE)
        except TooMuchSaid:
            self._say("ROW_LIMIT", record, "what is said beside the box is too much to be kept")
            return NO_ATTRIBUTES
        return said or NO_ATTRIBUTES

    def _count_points(self, added: int) -> None:
        if added and self.points + added > self.context.limits.max_points:
            raise BadShape("ROW_LIMIT", f"the image's outlines hold more than {self.context.limits.max_points} points")
        self.points += added

    def _remark(self, record: _Record, bbox: tuple[float, float, float, float]) -> None:
        x, y, width, height = bbox
        if width == 0 or height == 0:
            self._say("ROW_ZERO_AREA", record, f"the box has no {'width' if width == 0 else 'height'}")
        slack = [2 / side for side in self.size or (1, 1)]
        if (
            min(x - width / 2 + slack[0], y - height / 2 + slack[1]) < 0
            or max(x + width / 2 - slack[0], y + height / 2 - slack[1]) > 1
        ):
            self._say("ROW_CORNER_OUTSIDE", record, "the box leaves the image by more than 2 pixels; kept as written")

    def _is_one_already(self, record: _Record, found: Annotation) -> bool:
        """Whether another file has the same annotation: then this one's keypoints are added to it."""
        identity = identity_of(record.value.get("id"))
        file, at = (record.file, -1) if identity is None else self.by_id.get(identity, (record.file, -1))
        if file == record.file:
            return False
        first = self.annotations[at]
        if (first.category_id, first.bbox) != (found.category_id, found.bbox):
            return False
        if found.keypoints and not first.keypoints:
            attributes = {**found.attributes, **first.attributes}
            self.annotations[at] = first._replace(type="pose", keypoints=found.keypoints, attributes=attributes)
        return True

    def _say(self, rule: str, record: _Record, message: str) -> None:
        self.report(Finding(rule, self.context.files[record.file], message, record.line, record.column))
