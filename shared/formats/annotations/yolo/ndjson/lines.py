"""Lines of a file that is taken in pieces, whatever its size."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, field

LONGEST_LINE_BYTES = 4 << 20
"""What is made of a line may take thirty times as much memory."""

NumberedLine = tuple[int, bytes | None]


@dataclass(slots=True)
class LineSplitter:
    """Cuts pieces into lines that are not blank, each with its number; None for one that is too long."""

    longest: int = LONGEST_LINE_BYTES
    _held: bytearray = field(default_factory=bytearray)
    _number: int = 0
    _is_long: bool = False

    def feed(self, data: bytes) -> Iterator[NumberedLine]:
        """The lines that end in this piece."""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._hold(data[start:end])
            yield from self._line()
            start = end + 1
        self._hold(data[start:])

    def close(self) -> Iterator[NumberedLine]:
        """The last line, if it has no end."""
        yield from self._line()

    def _hold(self, piece: bytes) -> None:
        self._is_long = self._is_long or len(self._held) + len(piece) > self.longest
        if self._is_long:
            self._held.clear()
        else:
            self._held += piece

    def _line(self) -> Iterator[NumberedLine]:
        line: bytes | None = None if self._is_long else bytes(self._held).strip()
        self._held.clear()
        self._is_long = False
        self._number += 1
        if line is not None and self._number == 1:
            line = line.removeprefix(BOM_UTF8)
        if line is None or line:
            yield self._number, line
