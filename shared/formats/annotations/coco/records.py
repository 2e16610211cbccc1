"""One COCO file as it passes for the second time: each element goes to the image it is about.

A record is a JSON array `[file, line, column, kind, category, element]`: the number of the file among those of the
dataset, where the element stands in it, "image" or "annotation", its category's id here (null for none), and the
element as it was written.
"""

from collections.abc import Callable, Iterator, Mapping

from shared.formats.annotations.coco.listing import NOWHERE, Identity, Listing, category_of, identity_of, image_of
from shared.formats.annotations.json_elements import BrokenJson, Element, JsonElements
from shared.formats.annotations.model import Record, Report
from shared.formats.findings import Finding

_NO_LINE_ENDS = str.maketrans("\n\r", "  ")
_SHOWN_CHARACTERS = 80


class CocoRecords:
    """Sorts the elements of one file; those that are about nothing here are reported."""

    def __init__(
        self,
        listing: Listing,
        number: int,
        categories: Mapping[Identity, int],
        position: Callable[[int], int | None],
        report: Report,
    ) -> None:
        self._listing = listing
        self._number = number
        self._categories = categories
        self._position = position
        self._report = report
        self._elements = JsonElements()

    def feed(self, data: bytes) -> list[Record]:
        """The records of the next piece."""
        return self._sorted(self._elements.feed(data))

    def close(self) -> list[Record]:
        """The records that are left."""
        return self._sorted(self._elements.close())

    def _sorted(self, elements: Iterator[Element]) -> list[Record]:
        found: list[Record] = []
        try:
            for element in elements:
                found += [record for record in (self._record(element),) if record is not None]
        except BrokenJson as error:  # the file has changed since it was listed
            self._report(Finding("JSON_SYNTAX", self._listing.file, error.reason, error.line, error.column))
        return found

    def _record(self, element: Element) -> Record | None:
        if element.key == "images":
            return self._image(element)
        if element.key == "annotations":
            return self._annotation(element)
        if element.key == "categories" and category_of(element.value) is None:
            self._say("JSON_TYPE", element, f"not a category: {element.text[:_SHOWN_CHARACTERS]}")
        return None

    def _image(self, element: Element) -> Record | None:
        image = image_of(element.value)
        if image is None:
            self._say("JSON_TYPE", element, f"an image needs `id` and `file_name`: {element.text[:_SHOWN_CHARACTERS]}")
            return None
        member = self._listing.images.get(image[0])
        if member is None or member == NOWHERE:
            self._say("PAIR_MISSING_IMAGE", element, f"names no image here: {image[1][:_SHOWN_CHARACTERS]}")
            return None
        return self._line(member, element, "image", None)

    def _annotation(self, element: Element) -> Record | None:
        value = element.value
        identity = identity_of(value.get("image_id")) if isinstance(value, Mapping) else None
        member = self._listing.images.get(identity) if identity is not None else None
        if member is None or not isinstance(value, Mapping):
            about = f"image {identity!r}, which is not listed" if identity is not None else "no image: no `image_id`"
            self._say("PAIR_ORPHAN_LABEL", element, f"an annotation of {about}")
            return None
        if member == NOWHERE:
            return None  # its image is missing, and said to be
        own = identity_of(value.get("category_id"))
        return self._line(member, element, "annotation", None if own is None else self._categories.get(own))

    def _line(self, member: int, element: Element, kind: str, category: int | None) -> Record | None:
        position = self._position(member)
        if position is None:
            return None
        known = "null" if category is None else category
        text = element.text.translate(_NO_LINE_ENDS)
        line = f'[{self._number},{element.line},{element.column},"{kind}",{known},{text}]'
        return position, line.encode()

    def _say(self, rule: str, element: Element, message: str) -> None:
        self._report(Finding(rule, self._listing.file, message, element.line, element.column))
