"""What a COCO file says of the dataset as a whole: `info`, `licenses`, and what the keypoints of categories are called.

How much of that is kept is bounded: it goes into one document.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.formats.annotations.attributes import TooMuchSaid, kept_attributes
from shared.formats.annotations.json_elements import Element
from shared.formats.annotations.model import Attributes, PoseNames
from shared.formats.storable import storable

HEADER_KEYS = ("info", "licenses")

_MOST_CHARACTERS = 128 << 10
_MOST_POSE_CHARACTERS = 1 << 20
_CHARACTERS_OF_A_LINK = 16
_MOST_KEYPOINTS, _LONGEST_NAME = 1_000, 200


@dataclass(slots=True)
class Header:
    """Collects it from one file. `is_cut`: there was more than is kept."""

    info: object = None
    licenses: list[object] = field(default_factory=list)
    is_cut: bool = False
    _left: int = _MOST_CHARACTERS
    _left_for_poses: int = _MOST_POSE_CHARACTERS

    def add(self, element: Element) -> None:
        """Take an element of one of the `HEADER_KEYS`."""
        if not isinstance(element.value, Mapping):
            return
        self._left -= len(element.text)
        if self._left < 0:
            self.is_cut = True
        elif element.key == "licenses":
            self.licenses.append(element.value)
        elif self.info is None:
            self.info = element.value

    def pose(self, category: object) -> PoseNames | None:
        """What an element of `categories` says of its keypoints; None where that is nothing."""
        if not isinstance(category, Mapping) or not (category.get("keypoints") or category.get("skeleton")):
            return None
        names, links = _names(category.get("keypoints")), _links(category.get("skeleton"))
        self._left_for_poses -= sum(map(len, names)) + _CHARACTERS_OF_A_LINK * (len(names) + len(links))
        if self._left_for_poses < 0:
            self.is_cut = True
            return None
        return PoseNames(names, links) if names or links else None


def merged_notes(headers: Sequence[Header]) -> Attributes:
    """What several files say of their dataset: the first `info`, and each licence once. Raises TooMuchSaid."""
    licenses: list[object] = []
    for header in headers:
        licenses += [one for one in header.licenses if one not in licenses]
    return kept_attributes(
        {"info": next((header.info for header in headers if header.info), None), "licenses": licenses}
    )


def notes_of(headers: Sequence[Header]) -> tuple[Attributes, bool]:
    """The same, and whether there was more than is kept."""
    try:
        return merged_notes(headers), any(header.is_cut for header in headers)
    except TooMuchSaid:
        return {}, True


def placeholder_names(count: int) -> tuple[str, ...]:
    """What keypoints are called in a file where nobody named them.

    >>> placeholder_names(2)
    ('keypoint_0', 'keypoint_1')
    """
    return tuple(f"keypoint_{number}" for number in range(count))


def _names(value: object) -> tuple[str, ...]:
    """The names of keypoints; none where they only count."""
    if not isinstance(value, list) or not all(isinstance(name, str) and len(name) <= _LONGEST_NAME for name in value):
        return ()
    names = tuple(storable(name) for name in value[: _MOST_KEYPOINTS + 1])
    return () if len(names) > _MOST_KEYPOINTS or names == placeholder_names(len(names)) else names


def _links(value: object) -> tuple[tuple[int, int], ...]:
    """Pairs of keypoints, by the numbers that the file has for them; none where it is anything else."""
    if not isinstance(value, list) or len(value) > _MOST_KEYPOINTS or not all(map(_is_link, value)):
        return ()
    return tuple((one, other) for one, other in value)


def _is_link(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(end) is int and 0 <= end <= _MOST_KEYPOINTS for end in value)
    )
