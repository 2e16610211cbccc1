"""One VOC annotation file, read as a stream of elements. Entities are refused, never expanded, and nothing is fetched.

What is kept of a file is bounded by `RowLimits`, whatever the file holds.
"""

import re
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from xml.parsers import expat

from shared.formats.annotations.model import RowLimits

DEEPEST = 64
LONGEST_TEXT = 1_000
"""Characters of one value; what is longer is cut."""
MOST_FIELDS = 64
"""Values of one object, or of one of its parts, beside its outline."""

MOST_VALUES = 600_000
"""Values of one file; what comes behind them is passed over."""

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["'][^>]*\?>""")
_DIGITS = "0123456789"


class RefusedDocument(Exception):
    """The file is left out by `rule`."""

    def __init__(self, rule: str, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Value:
    """The text of an element, and where that element begins."""

    text: str
    line: int
    column: int


Fields = dict[str, Value]
"""Values by the path of their element, such as `bndbox/xmin`."""


@dataclass(slots=True)
class VocObject:
    """One `<object>`. `outline` are the coordinates of its polygon, as they come."""

    line: int
    column: int
    fields: Fields = field(default_factory=dict)
    parts: list[Fields] = field(default_factory=list)
    extra: Fields = field(default_factory=dict)
    outline: list[tuple[str, Value]] = field(default_factory=list)


@dataclass(slots=True)
class VocDocument:
    """A file: what it says of the image, and its objects. `left_out` objects are more than an image may have."""

    fields: Fields = field(default_factory=dict)
    objects: list[VocObject] = field(default_factory=list)
    left_out: int = 0
    points: int = 0


def read_document(data: bytes, limits: RowLimits) -> VocDocument:
    """The file's content; raises `RefusedDocument`, and nothing else."""
    return _Elements(limits).read(data)


def is_annotation(data: bytes) -> bool:
    """Whether the bytes begin as a VOC annotation does: with an element `<annotation>`, as far as can be read."""
    elements = _Elements(RowLimits(max_rows=0, max_points=0))
    try:
        elements.read(data)
    except RefusedDocument:
        return elements.has_root
    return elements.has_root


class _Elements:
    """Follows the elements of one file."""

    def __init__(self, limits: RowLimits) -> None:
        self._limits = limits
        self._document = VocDocument()
        self._stack: list[str] = []
        self._starts: list[tuple[int, int]] = []
        self._text: list[str] = []
        self._length = 0
        self._is_leaf = False
        self._object: VocObject | None = None
        self._name = ""
        self._kept = 0
        self.has_root = False
        self._parser = self._new_parser(None)

    def read(self, data: bytes) -> VocDocument:
        """The document; raises `RefusedDocument`."""
        try:
            data = self._decoded(data)
            self._parser.Parse(data, True)  # noqa: FBT003 - it has no name
        except expat.ExpatError as error:
            reason = f"is broken: {expat.ErrorString(error.code) or 'no XML'}"
            raise RefusedDocument("XML_SYNTAX", reason, error.lineno, error.offset + 1) from None
        except (LookupError, ValueError) as error:
            raise RefusedDocument("XML_SYNTAX", f"cannot be decoded: {str(error)[:100]}", *self._place()) from None
        return self._document

    def _decoded(self, data: bytes) -> bytes:
        """The bytes in an encoding that the parser knows: UTF-8, UTF-16, and all of one byte a character."""
        found = _DECLARED.match(data.removeprefix(BOM_UTF8))
        name = found[1].decode().lower() if found else ""
        if not name or name.startswith(("utf", "iso-8859", "windows", "cp125", "us-ascii", "ascii", "latin")):
            return data
        self._parser = self._new_parser("utf-8")
        return data.decode(name).encode()

    def _new_parser(self, encoding: str | None) -> expat.XMLParserType:
        parser = expat.ParserCreate(encoding)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._take
        parser.EntityDeclHandler = self._entity
        parser.ExternalEntityRefHandler = self._external
        parser.SkippedEntityHandler = self._entity
        return parser

    def _place(self) -> tuple[int, int]:
        return self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1

    def _entity(self, *_: object) -> None:
        raise RefusedDocument("XML_ENTITY", "declares or uses an entity, which is never expanded", *self._place())

    def _external(self, *_: object) -> int:
        self._entity()
        return 0

    # -- elements

    def _start(self, name: str, _: dict[str, str]) -> None:
        place = self._place()
        if not self._stack and name != "annotation":
            raise RefusedDocument("XML_KIND", f"begins with <{name[:40]}>, not with <annotation>", *place)
        self.has_root = True
        if len(self._stack) >= DEEPEST:
            raise RefusedDocument("XML_SYNTAX", f"is nested more than {DEEPEST} deep", *place)
        self._stack.append(name)
        self._starts.append(place)
        self._text, self._length, self._is_leaf = [], 0, True
        if len(self._stack) == 2 and name == "object":
            self._object = VocObject(*place)
        elif len(self._stack) == 3 and name == "part" and self._object and len(self._object.parts) < MOST_FIELDS:
            self._object.parts.append({})

    def _take(self, text: str) -> None:
        if self._is_leaf and self._length < LONGEST_TEXT:
            self._text.append(text[: LONGEST_TEXT - self._length])
            self._length += len(text)

    def _end(self, name: str) -> None:
        if self._is_leaf:
            self._leaf(Value("".join(self._text).strip(), *self._starts[-1]))
        if len(self._stack) == 2 and self._object is not None:
            self._close(self._object)
        self._stack.pop()
        self._starts.pop()
        self._is_leaf = False
        del name

    def _close(self, one: VocObject) -> None:
        if len(self._document.objects) < self._limits.max_rows:
            self._document.objects.append(one)
        else:
            self._document.left_out += 1
        self._object = None

    def _leaf(self, value: Value) -> None:
        if self._kept >= MOST_VALUES:
            return
        self._kept += 1
        one, path = self._object, self._stack
        if one is None:
            _put(self._document.fields, "/".join(path[1:]), value)
        elif path[2:3] == ["part"] and one.parts:
            _put(one.parts[-1], "/".join(path[3:]), value)
        elif path[2:3] == ["polygon"] and path[-1].strip(_DIGITS) in ("x", "y"):
            self._add_to_outline(one, path[-1].strip(_DIGITS), value)
        elif path[2:4] == ["attributes", "attribute"]:
            self._add_attribute(one, path[-1], value)
        elif len(path) > 2:
            _put(one.fields, "/".join(path[2:]), value)

    def _add_to_outline(self, one: VocObject, axis: str, value: Value) -> None:
        """One more than is allowed is kept, so that it can be told."""
        if self._document.points <= 2 * self._limits.max_points:
            self._document.points += 1
            one.outline.append((axis, value))

    def _add_attribute(self, one: VocObject, tag: str, value: Value) -> None:
        if tag == "name":
            self._name = value.text
        elif tag == "value" and self._name:
            _put(one.extra, self._name, value)
            self._name = ""


def _put(fields: Fields, key: str, value: Value) -> None:
    """Keep a value; the first one of a key counts."""
    if key and len(fields) < MOST_FIELDS:
        fields.setdefault(key, value)
