"""A JSON object of long arrays, taken in pieces: the elements of its arrays one by one, whatever the file's size."""

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from shared.formats.annotations.json_text import whole_number, without_halves

MAX_ELEMENT_CHARACTERS = 4 << 20
"""Of one element, or of one value that is no array; what is made of it may take forty times as much memory."""

_BLANK = " \t\n\r"
_SCANNER = json.JSONDecoder()
_PATIENT_SCANNER = json.JSONDecoder(parse_int=whole_number)
_NUMBER_GOES_ON = re.compile(r"[0-9.eE+-]*\Z")


class Element(NamedTuple):
    """An element of the array that the top object has under `key`; a value that is no array is its own element.

    `text` is what was written, but for halves of surrogate pairs; `line` and `column` count from 1.
    """

    key: str
    value: object
    text: str
    line: int
    column: int


class BrokenJson(ValueError):
    """The text is no JSON object; `line` and `column` are where that shows."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {reason}")
        self.reason = reason
        self.line = line
        self.column = column


@dataclass(slots=True)
class _Place:
    """A place in the file."""

    line: int = 1
    column: int = 1

    def after(self, text: str, start: int, end: int) -> "_Place":
        """The place of `end` in a text of which this is that of `start`."""
        breaks = text.count("\n", start, end)
        if not breaks:
            return _Place(self.line, self.column + end - start)
        return _Place(self.line + breaks, end - text.rindex("\n", start, end))


@dataclass(slots=True)
class _State:
    """How far the object has been taken: inside the array under `key`, or between members."""

    begun: bool = False
    ended: bool = False
    key: str | None = None


class JsonElements:
    """Takes the pieces of one file. Holds a piece and one element; memory does not grow with the file."""

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._closing = False
        self._state = _State()
        self._at = 0
        self._place = _Place()
        """Of what is held, as far as whole steps were taken."""
        self._marked = 0
        self._awaited = 0
        """So many characters are waited for before a large element is looked at again, or it would take for ever."""

    @property
    def key(self) -> str | None:
        """The array that is being read; None between two members."""
        return self._state.key

    def feed(self, data: bytes) -> Iterator[Element]:
        """The elements that end in this piece, to be taken before the next. Raises `BrokenJson` behind the last."""
        self._take(data)
        yield from self._elements()

    def close(self) -> Iterator[Element]:
        """The elements that were waiting for more. Raises `BrokenJson` where the object is not complete."""
        self._closing = True
        self._take(b"")
        yield from self._elements()
        if not self._state.ended:
            raise self._broken("the text ends before the object does", len(self._text))

    def _take(self, data: bytes) -> None:
        try:
            text = self._decoder.decode(data, final=self._closing)
        except UnicodeDecodeError as error:
            raise self._broken(f"the text is not UTF-8: {error.reason}", len(self._text)) from None
        self._text, self._at, self._marked = self._text[self._at :] + text, 0, 0

    def _elements(self) -> Iterator[Element]:
        """Step by step; a step that takes more text than there is has not been taken."""
        if not self._closing and len(self._text) < self._awaited:
            return
        self._awaited = 0
        while not self._state.ended:
            state, self._state = self._state, replace(self._state)
            try:
                found = self._step(self._state)
            except _NeedMoreError:
                self._state, self._at = state, self._marked
                if len(self._text) - self._at > MAX_ELEMENT_CHARACTERS:
                    reason = f"a value of more than {MAX_ELEMENT_CHARACTERS} characters, or one that is no JSON"
                    raise self._broken(reason, self._at) from None
                self._awaited = min(2 * (len(self._text) - self._at), MAX_ELEMENT_CHARACTERS + 1)
                return
            self._place, self._marked = self._place_of(self._at), self._at
            if found is not None:
                yield found

    def _step(self, state: "_State") -> Element | None:
        if not state.begun:
            self._expect("{", "the file is no JSON object")
            state.begun, state.ended = True, self._skip_if("}")
            return None
        if state.key is None:
            return self._member(state)
        if self._skip_if("]"):
            state.key = None
            state.ended = self._ends("}")
            return None
        found = self._element(state.key)
        if self._peek() != "]":
            self._expect(",", "`,` or `]` is missing behind an element")
        return found

    def _member(self, state: "_State") -> Element | None:
        """The next key: its array is entered, any other value is taken whole."""
        self._peek()
        start = self._at
        key = self._element("").value
        if not isinstance(key, str):
            raise self._broken("a key is no text", start)
        self._expect(":", "`:` is missing behind a key")
        if self._skip_if("["):
            state.key = key
            return None
        found = self._element(key)
        state.ended = self._ends("}")
        return found

    def _ends(self, end: str) -> bool:
        if self._skip_if(end):
            return True
        self._expect(",", f"`,` or `{end}` is missing behind a value")
        return False

    def _element(self, key: str) -> Element:
        self._peek()
        start = self._at
        try:
            value, end = _decoded(self._text, start)
        except json.JSONDecodeError as error:
            raise self._unfinished(error.msg, error.pos) from None
        except RecursionError:
            raise self._broken("values are nested too deeply", start) from None
        if not self._closing and _NUMBER_GOES_ON.match(self._text, end):
            raise _NeedMoreError
        self._at = end
        place, written = self._place_of(start), self._text[start:end]
        text = without_halves(written)
        if text != written:
            value = _decoded(text, 0)[0]
        return Element(key, value, text, place.line, place.column)

    def _unfinished(self, reason: str, position: int) -> Exception:
        return self._broken(reason[0].lower() + reason[1:], position) if self._closing else _NeedMoreError()

    def _peek(self) -> str:
        text, at = self._text, self._at
        while at < len(text) and text[at] in _BLANK:
            at += 1
        self._at = at
        if at == len(text):
            if self._closing:
                raise self._broken("the text ends before the object does", at)
            raise _NeedMoreError
        return text[at]

    def _skip_if(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self._at += 1
        return True

    def _expect(self, character: str, otherwise: str) -> None:
        if not self._skip_if(character):
            raise self._broken(otherwise, self._at)

    def _place_of(self, position: int) -> "_Place":
        return self._place.after(self._text, self._marked, position)

    def _broken(self, reason: str, position: int) -> BrokenJson:
        place = self._place_of(max(self._marked, min(position, len(self._text))))
        return BrokenJson(reason, place.line, place.column)


def _decoded(text: str, start: int) -> tuple[object, int]:
    """The value that begins at `start`, and its end."""
    try:
        return _SCANNER.raw_decode(text, start)
    except json.JSONDecodeError:
        raise
    except ValueError:  # a whole number of thousands of digits
        return _PATIENT_SCANNER.raw_decode(text, start)


class _NeedMoreError(Exception):
    """The text that is held does not tell how it goes on."""
