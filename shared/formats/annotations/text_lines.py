"""The lines of a small file, one at a time: nothing but the file itself is held, however many lines it has."""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator

LONGEST_LINE_BYTES = 64 << 10
"""Of a longer line, the beginning."""

_LINE = re.compile(rb"[^\r\n]+")


def text_lines(data: bytes) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their number; bytes that are not UTF-8 become lone surrogates."""
    at, number = len(BOM_UTF8) if data.startswith(BOM_UTF8) else 0, 1
    for found in _LINE.finditer(data, at):
        number += data.count(b"\n", at, found.start())
        at = found.start()
        text = data[at : min(found.end(), at + LONGEST_LINE_BYTES)].decode("utf-8", "surrogateescape")
        if not text.isspace():
            yield number, text


def is_undecoded(text: str) -> bool:
    """Whether a line holds bytes that are not UTF-8."""
    return not text.isascii() and any("\udc80" <= letter <= "\udcff" for letter in text)
