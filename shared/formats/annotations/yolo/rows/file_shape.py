"""What only all rows of a label file tell: that they are of several kinds or lengths, pixels, corners and no sizes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from shared.formats.annotations.model import Annotation
from shared.formats.annotations.yolo.rows.shapes import BOX_COLUMNS, Poses, RowShape
from shared.formats.findings import Finding

_MOST_LENGTHS = 100

Place = tuple[int, int | None, str]
"""Line, column and what there is to say."""


@dataclass(slots=True)
class FileShape:
    """Takes notes while the rows of one file are read. They grow with the number of odd rows alone.

    `lengths` are the columns of rows that were left out, each with the line of the first; `kinds` what those that were
    kept are. `pixels` and `outside` are rows that look like pixels, and boxes that leave the image.
    """

    file: str
    shape: RowShape
    lengths: dict[int, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    pixels: list[Place] = field(default_factory=list)
    outside: list[Place] = field(default_factory=list)
    mixed: bool = False

    def note_length(self, columns: int, number: int) -> None:
        """A row of so many values was left out."""
        if len(self.lengths) < _MOST_LENGTHS:
            self.lengths.setdefault(columns, number)

    def note_kind(self, kind: str, number: int) -> Finding | None:
        """A row of another kind than the one before was kept; what to say of it, once for a file."""
        first = next(iter(self.kinds), kind)
        self.kinds.setdefault(kind, number)
        if first == kind or self.mixed:
            return None
        self.mixed = True
        return Finding("ROW_MIXED_TASK", self.file, f"a {kind} in a file that began with a {first}", number)

    @property
    def has_more(self) -> bool:
        """Whether there may be something to say in the end."""
        return bool(self.lengths or self.pixels or self.outside or isinstance(self.shape, Poses))

    def findings(self, annotations: Sequence[Annotation], rows_read: int) -> Iterator[Finding]:
        """What there is to say now that all rows were read."""
        yield from self._ragged()
        if isinstance(self.shape, Poses) and self.shape.has_boxes and list(self.kinds) == ["box"]:
            message = "boxes without keypoints, in a dataset of poses"
            yield Finding("ROW_MIXED_TASK", self.file, message, self.kinds["box"])
        rule = "ROW_PIXEL_COORDS" if 2 * len(self.pixels) > rows_read else "ROW_COORD_RANGE"
        for number, column, message in self.pixels:
            yield Finding(rule, self.file, message, number, column)
        if self.outside and self._are_corners(annotations):
            message = f"{len(self.outside)} of {len(annotations)} boxes leave the image; as corners x1 y1 x2 y2 all fit"
            yield Finding("ROW_XYXY_SUSPECT", self.file, message)
            return
        for number, column, message in self.outside:
            yield Finding("ROW_CORNER_OUTSIDE", self.file, message, number, column)

    def _ragged(self) -> Iterator[Finding]:
        """Lengths differ where a row was left out for its own, and not for that of a known kind of row."""
        if not self.lengths:
            return
        faults = {f"{columns} columns": line for columns, line in self.lengths.items()}
        kept = {f"{BOX_COLUMNS} columns" if kind == "box" else f"a {kind}": line for kind, line in self.kinds.items()}
        first, *_ = sorted([*faults.items(), *kept.items()], key=lambda item: item[1])
        others = [*faults.items(), *([] if first[0] in kept else kept.items())]
        for words, line in sorted(others, key=lambda item: item[1]):
            if words != first[0]:
                message = f"{words} in a file that began with {first[0]} in line {first[1]}"
                yield Finding("ROW_RAGGED", self.file, message, line)
                return

    def _are_corners(self, annotations: Sequence[Annotation]) -> bool:
        """Whether most boxes leave the image, and none would if its values were left, top, right and bottom."""
        if list(self.kinds) != ["box"] or 2 * len(self.outside) <= len(annotations):
            return False
        return all(x < right and y < bottom for x, y, right, bottom in (found.bbox for found in annotations))
