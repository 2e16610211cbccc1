"""The records of a pax extended header. Source: POSIX.1-2017, pax, "pax Extended Header"."""

from shared.formats.archives.errors import BrokenArchive

_LONGEST_LENGTH = 20  # digits of a record's length; more are no length


def parse_pax(body: bytes) -> dict[str, bytes]:
    """The records by keyword, values as they are; an empty value takes a keyword back. BrokenArchive if malformed."""
    records, position = {}, 0
    while position < len(body) and body[position]:
        end, start = _record_span(body, position)
        keyword, separator, value = body[start : end - 1].partition(b"=")
        if not separator or body[end - 1] != 0x0A:
            raise BrokenArchive("a pax header holds a malformed record")
        records[keyword.decode("utf-8", "replace")] = value
        position = end
    return records


def _record_span(body: bytes, position: int) -> tuple[int, int]:
    """Where the record ends, and where its keyword starts."""
    space = body.find(b" ", position, position + _LONGEST_LENGTH)
    digits = body[position : max(space, position)]
    if not digits.isdigit():
        raise BrokenArchive("a pax header holds a record without a length")
    end = position + int(digits)
    if not space + 2 < end <= len(body):
        raise BrokenArchive("a pax header holds a record of a wrong length")
    return end, space + 1
