"""What the columns of a table are, by the names that people give them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

_SPELLINGS = {
    "image": (
        "path image_path img_path filepath filepaths file_path file_name filename filenames image_name "
        "imagename image_file image_filename image_index image images img file image_id imageid img_id id patientid "
        "id_code"
    ),
    "category": (
        "category class_name classname category_name label_name labelname class label labels classes "
        "breed species diagnosis dx finding_labels target tag tags object_class object_type"
    ),
    "category_id": "category_id class_id classid label_id labelid class_index",
    "split": "split subset data_set dataset_split partition set",
    "xmin": "xmin x_min x1 left bbox_x1 bbox_xmin box_xmin x_1",
    "ymin": "ymin y_min y1 top bbox_y1 bbox_ymin box_ymin y_1",
    "xmax": "xmax x_max x2 right bbox_x2 bbox_xmax box_xmax x_2",
    "ymax": "ymax y_max y2 bottom bbox_y2 bbox_ymax box_ymax y_2",
    "x_center": "x_center x_centre center_x centre_x xcenter cx xc",
    "y_center": "y_center y_centre center_y centre_y ycenter cy yc",
    "x": "x bbox_x box_x",
    "y": "y bbox_y box_y",
    "box_width": "box_width bbox_width bbox_w box_w w",
    "box_height": "box_height bbox_height bbox_h box_h h",
    "width": "width image_width img_width",
    "height": "height image_height img_height",
    "bbox": "bbox box bounding_box boxes",
    "type": "type annotation_type",
    "points": "points polygon segmentation",
    "keypoints": "keypoints",
    "attributes": "attributes",
    "image_attributes": "image_attributes",
}
ALIASES: Mapping[str, Sequence[str]] = MappingProxyType({role: names.split() for role, names in _SPELLINGS.items()})
"""The meaning of a column by its name, in lower case and with `_` between words; of several the first counts."""

CORNERS, CORNER_AND_SIZE, CENTRE = ("xmin", "ymin", "xmax", "ymax"), ("x", "y"), ("x_center", "y_center")
_HEADERLESS = {2: ("image", "category"), 6: ("image", *CORNERS, "category")}
_NOT_A_WORD = re.compile(r"[^0-9a-z]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one table: `roles` with their position, those of the `box` in order, and the others by name."""

    count: int
    roles: Mapping[str, int]
    shape: str = ""
    box: tuple[int, ...] = ()
    others: Mapping[int, str] = field(default_factory=dict)
    has_header: bool = True

    @property
    def is_ours(self) -> bool:
        """Whether the table says of each row what it is, as our own exports do."""
        return "type" in self.roles and self.shape == "centre"

    @property
    def says_something(self) -> bool:
        """Whether rows name a category or a box."""
        return bool({"category", "category_id"} & self.roles.keys()) or bool(self.shape)

    @property
    def names_no_category(self) -> bool:
        """Whether rows give boxes of they do not say what."""
        return bool(self.shape) and not {"category", "category_id"} & self.roles.keys()

    def cell(self, cells: Sequence[str], role: str) -> str:
        """The text in a column; "" where there is no such column. What our own exports write is not stripped."""
        at = self.roles.get(role)
        if at is None:
            return ""
        return cells[at] if self.is_ours else cells[at].strip()


def read_header(cells: Sequence[str]) -> Columns | None:
    """The columns that a first row names; None where none of them names images."""
    words = [_NOT_A_WORD.sub("_", cell.strip().lower()).strip("_") for cell in cells]
    found = {role: at for role, names in ALIASES.items() if (at := _position(words, names)) is not None}
    if "image" not in found:
        return None
    shape, box = _shape(found)
    others = {at: cell.strip() for at, cell in enumerate(cells) if at not in found.values()}
    if shape:
        found = {role: at for role, at in found.items() if at not in box}
    return Columns(len(cells), found, shape, box, others)


def without_header(cells: Sequence[str]) -> Columns | None:
    """The columns of a table that begins with its first row; None where there are as many as nobody writes."""
    roles = _HEADERLESS.get(len(cells))
    if roles is None:
        return None
    found = {role: at for at, role in enumerate(roles)}
    shape, box = _shape(found)
    return Columns(len(cells), {role: at for role, at in found.items() if at not in box}, shape, box, has_header=False)


def _position(words: Sequence[str], names: Sequence[str]) -> int | None:
    return next((words.index(name) for name in names if name in words), None)


def _shape(found: Mapping[str, int]) -> tuple[str, tuple[int, ...]]:
    """How boxes are given, and the columns that do; width and height are a box's where nothing else is."""
    if "type" not in found and all(role in found for role in CORNERS):  # our own tables have both, and say shares
        return "corners", tuple(found[role] for role in CORNERS)
    for shape, start in (("centre", CENTRE), ("corner_and_size", CORNER_AND_SIZE)):
        for sides in (("box_width", "box_height"), ("width", "height")):
            if all(role in found for role in (*start, *sides)):
                return shape, tuple(found[role] for role in (*start, *sides))
    if all(role in found for role in CORNERS):
        return "corners", tuple(found[role] for role in CORNERS)
    return ("bbox", (found["bbox"],)) if "bbox" in found else ("", ())
