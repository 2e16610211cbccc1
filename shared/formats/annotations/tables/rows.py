"""The rows of a table in text, taken piece by piece: what is held is one row, however large the file is."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO

LONGEST_ROW = 16 << 20
"""Characters of a row; a longer one is left out."""
MOST_COLUMNS = 20_000

_DELIMITERS = ",;\t|"
_MOST_QUOTED_LINES = 10_000
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Row:
    """One row, by the line it begins in. One that cannot be read has no cells, but a `rule` and a reason."""

    line: int
    cells: Sequence[str]
    rule: str = ""
    reason: str = ""


@dataclass(slots=True)
class TableRows:
    """Takes a file and gives its rows; blank lines are none. The first row tells what separates cells."""

    delimiter: str = ""
    _decoder: codecs.IncrementalDecoder | None = None
    _end: str = ""
    _undecided: str = ""
    _held: list[str] = field(default_factory=list)
    _held_characters: int = 0
    _skips: bool = False
    _line: int = 1
    _quoted: list[str] = field(default_factory=list)
    _quoted_characters: int = 0
    _trusts_quotes: bool = True

    def feed(self, data: bytes) -> Iterator[Row]:
        """The rows that end in the next piece."""
        if self._decoder is None:
            self._decoder = _decoder_for(data)
        yield from self._take(self._decoder.decode(data), is_last=False)

    def close(self) -> Iterator[Row]:
        """The rows that are left."""
        rest = self._decoder.decode(b"", final=True) if self._decoder else ""
        yield from self._take(rest, is_last=True)

    # -- lines

    def _take(self, text: str, *, is_last: bool) -> Iterator[Row]:
        if not self._end:
            text, self._undecided = self._undecided + text, ""
            self._end = _line_end(text, is_last=is_last)
            if not self._end:
                self._undecided = text
                return
        *whole, rest = text.split(self._end)
        for piece in whole:
            yield from self._finish_line(piece)
        if is_last:
            if rest or self._held or self._skips:
                yield from self._finish_line(rest)
            if self._quoted:
                yield from self._give_up_quotes()
            return
        self._hold(rest)

    def _hold(self, text: str) -> None:
        if self._held_characters + len(text) > LONGEST_ROW:
            self._skips, text = True, ""
            self._held.clear()
        if text and not self._skips:
            self._held.append(text)
            self._held_characters += len(text)

    def _finish_line(self, text: str) -> Iterator[Row]:
        self._hold(text)
        line, skipped = "".join(self._held).removesuffix("\r"), self._skips
        self._held, self._held_characters, self._skips = [], 0, False
        number, self._line = self._line, self._line + 1
        if skipped:
            yield Row(number, (), "CSV_ROW", f"the line has more than {LONGEST_ROW} characters")
        else:
            yield from self._line_of(number, line)

    # -- rows

    def _line_of(self, number: int, line: str) -> Iterator[Row]:
        if not self._quoted and '"' not in line:
            if line and not line.isspace():
                yield self._row(number, line)
            return
        self._quoted.append(line)
        self._quoted_characters += len(line)
        is_open = sum(one.count('"') for one in self._quoted[-1:]) % 2 == (len(self._quoted) == 1)
        if not self._trusts_quotes or not is_open:
            text, start = "\n".join(self._quoted), number - len(self._quoted) + 1
            self._quoted, self._quoted_characters = [], 0
            yield self._row(start, text)
        elif self._quoted_characters > LONGEST_ROW or len(self._quoted) > _MOST_QUOTED_LINES:
            yield from self._give_up_quotes()

    def _give_up_quotes(self) -> Iterator[Row]:
        """A quote that is never closed: from here on rows end where lines do."""
        lines, self._quoted, self._quoted_characters = self._quoted, [], 0
        start = self._line - len(lines)
        self._trusts_quotes = False
        yield Row(start, (), "CSV_ROW", "a quoted cell is never closed")
        for number, line in enumerate(lines[1:], start + 1):
            if line and not line.isspace():
                yield self._row(number, line)

    def _row(self, number: int, text: str) -> Row:
        if "\0" in text:
            return Row(number, (), "CSV_ROW", "the row holds a NUL character")
        if not text.isascii() and any("\udc80" <= letter <= "\udcff" for letter in text):
            return Row(number, (), "ROW_ENCODING", "the row is not UTF-8 text")
        self.delimiter = self.delimiter or _delimiter_of(text)
        if text.count(self.delimiter) > MOST_COLUMNS:
            return Row(number, (), "CSV_ROW", f"the row has more than {MOST_COLUMNS} columns")
        if '"' not in text:
            return Row(number, text.split(self.delimiter))
        csv.field_size_limit(LONGEST_ROW)
        try:
            return Row(number, next(csv.reader(StringIO(text, newline="\n"), delimiter=self.delimiter), []))
        except csv.Error as error:
            return Row(number, (), "CSV_ROW", f"the row cannot be read: {str(error)[:100]}")


def _decoder_for(data: bytes) -> codecs.IncrementalDecoder:
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8-sig")
    errors = "replace" if encoding == "utf-16" else "surrogateescape"
    return codecs.getincrementaldecoder(encoding)(errors)


def _line_end(text: str, *, is_last: bool) -> str:
    """What ends lines, told by the first of them; "" while that is not known."""
    at = text.find("\r")
    if "\n" not in text[: at + 2 if at >= 0 else None] and 0 <= at < len(text) - 1:
        return "\r"
    return "\n" if "\n" in text or is_last or len(text) > LONGEST_ROW else ""


def _delimiter_of(header: str) -> str:
    """What separates most cells of the first row; a comma where nothing does."""
    return max(_DELIMITERS, key=header.count)
