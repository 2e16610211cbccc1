"""The lines of a label file one after the other, without holding them all, nor any that is too long for a row."""

import io
from codecs import BOM_UTF8
from collections.abc import Iterator

LONGEST_LINE_BYTES = 1 << 20


def lines_of(data: bytes) -> Iterator[tuple[int, bytes | None]]:
    """Lines that are not blank, without space around them, with their number; None for one that is too long.

    They end in LF, CR LF, or, where there is no LF at all, CR.
    """
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    file = io.BytesIO(data)
    file.seek(len(BOM_UTF8) if data.startswith(BOM_UTF8) else 0)
    for number, line in enumerate(file, 1):
        if len(line) > LONGEST_LINE_BYTES:
            yield number, None
        elif line := line.strip():
            yield number, line
