"""What one COCO file lists: its images, by the members they are, and its categories."""

from array import array
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

from shared.formats.annotations.coco.header import HEADER_KEYS, Header
from shared.formats.annotations.json_elements import BrokenJson, Element, JsonElements
from shared.formats.annotations.model import BrokenConfig, PoseNames
from shared.formats.annotations.naming_limits import MAX_CATEGORIES, MAX_NAME_CHARACTERS
from shared.formats.storable import storable

NOWHERE = -1

_LARGEST_ID = 2**63 - 1

Identity: TypeAlias = int | str


class FindMember(Protocol):
    """Finds the member that a file name of a COCO file means."""

    def __call__(self, file_name: str, /) -> int | None:
        """Its index; None where no such image is here."""
        ...


@dataclass(frozen=True, slots=True)
class ListedCategory:
    """An element of `categories`; `keypoints` says how many its poses have, `pose` what they are called."""

    id: Identity
    name: str
    supercategory: str | None = None
    keypoints: int = 0
    pose: PoseNames | None = None


@dataclass(slots=True)
class MemberById:
    """Members by the id of their image: 12 bytes for each, but for ids that are no numbers.

    `NOWHERE` stands for an image that is listed and not here.
    """

    _ids: "array[int]" = field(default_factory=lambda: array("q"))
    _members: "array[int]" = field(default_factory=lambda: array("i"))
    _others: dict[str, int] = field(default_factory=dict)
    _is_sorted: bool = True

    def __len__(self) -> int:
        return len(self._ids) + len(self._others)

    def add(self, identity: Identity, member: int) -> None:
        """Note an image; of two with one id the first counts."""
        if isinstance(identity, str):
            self._others.setdefault(identity, member)
            return
        self._is_sorted = self._is_sorted and (not self._ids or identity > self._ids[-1])
        self._ids.append(identity)
        self._members.append(member)

    def get(self, identity: Identity) -> int | None:
        """The member; `NOWHERE` for one that is not here, None for an id that is not listed."""
        if isinstance(identity, str):
            return self._others.get(identity)
        self._sort()
        at = bisect_left(self._ids, identity)
        return self._members[at] if at < len(self._ids) and self._ids[at] == identity else None

    def members(self) -> "array[int]":
        """The members that are here."""
        return array("i", (member for member in (*self._members, *self._others.values()) if member != NOWHERE))

    def _sort(self) -> None:
        if not self._is_sorted:
            order = sorted(range(len(self._ids)), key=self._ids.__getitem__)
            self._ids = array("q", (self._ids[at] for at in order))
            self._members = array("i", (self._members[at] for at in order))
            self._is_sorted = True


@dataclass(slots=True)
class Listing:
    """What one file lists."""

    index: int
    file: str
    keys: set[str] = field(default_factory=set)
    images: MemberById = field(default_factory=MemberById)
    categories: list[ListedCategory] = field(default_factory=list)
    header: Header = field(default_factory=Header)

    @property
    def is_coco(self) -> bool:
        """Whether the file lists images as COCO does."""
        return "images" in self.keys


class ListingScan:
    """Takes a file that may be COCO for the first time, and lists it.

    Of a file about something else nothing is kept, nor does it matter whether it is JSON at all.
    """

    def __init__(self, listing: Listing, find: FindMember) -> None:
        self._listing = listing
        self._find = find
        self._elements = JsonElements()
        self._given_up = False

    def feed(self, data: bytes) -> None:
        """Take the next piece. Raises `BrokenConfig`."""
        self._take(data)

    def close(self) -> None:
        """Note that this was all. Raises `BrokenConfig`."""
        self._take(None)

    def _take(self, data: bytes | None) -> None:
        if self._given_up:
            return
        try:
            for element in self._elements.close() if data is None else self._elements.feed(data):
                self._list(element)
        except BrokenJson as error:
            if self._listing.is_coco or self._elements.key == "images":
                raise BrokenConfig(self._listing.file, f"is no JSON: {error}", rule="JSON_SYNTAX") from error
            self._given_up = True

    def _list(self, element: Element) -> None:
        self._listing.keys.add(element.key)
        if element.key == "images" and (found := image_of(element.value)) is not None:
            member = self._find(found[1])
            self._listing.images.add(found[0], NOWHERE if member is None else member)
        elif element.key == "categories" and (category := category_of(element.value)) is not None:
            if len(self._listing.categories) >= MAX_CATEGORIES:
                raise BrokenConfig(self._listing.file, f"more than {MAX_CATEGORIES} categories", rule="JSON_TYPE")
            self._listing.categories.append(replace(category, pose=self._listing.header.pose(element.value)))
        elif element.key in HEADER_KEYS:
            self._listing.header.add(element)


def image_of(value: object) -> tuple[Identity, str] | None:
    """Id and file name of an element of `images`; None for what is none."""
    if not isinstance(value, Mapping):
        return None
    identity, name = identity_of(value.get("id")), value.get("file_name")
    return (identity, name) if identity is not None and isinstance(name, str) and name else None


def category_of(value: object) -> ListedCategory | None:
    """An element of `categories`; None for what is none."""
    if not isinstance(value, Mapping):
        return None
    identity, name, kind, points = (value.get(key) for key in ("id", "name", "supercategory", "keypoints"))
    own = identity_of(identity)
    if own is None or not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME_CHARACTERS:
        return None
    kind = storable(kind[:MAX_NAME_CHARACTERS]) if isinstance(kind, str) and kind else None
    return ListedCategory(own, storable(name), kind, len(points) if isinstance(points, list) else 0)


def identity_of(value: object) -> Identity | None:
    """The id that a JSON value is: a whole number, or text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST_ID:
        return int(value)
    if isinstance(value, int) and abs(value) <= _LARGEST_ID:
        return value
    return storable(value) if isinstance(value, str) and value else None
