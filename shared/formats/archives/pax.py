"""The records of a pax extended header. Source: POSIX.1-2017, pax, "pax Extended Header"."""

from shared.formats.archives.errors import BrokenArchive
from shared.formats.archives.sparse import SPARSE_NUMBERS

# the map of a sparse file in its oldest format: pairs of records, again and again
_REPEATED = frozenset((b"GNU.sparse.offset", b"GNU.sparse.numbytes"))
_SPARSE = ("name", "major", "minor", "realsize", "size", "numblocks", "map")
# all that anybody looks at; of others an archive may hold any number, for each member or for all
_USED = frozenset((b"path", b"linkpath", b"size", *(f"GNU.sparse.{word}".encode() for word in _SPARSE)))
_LONGEST_LENGTH = 20  # digits of a record's length; more are no length


def parse_pax(body: bytes) -> dict[str, bytes]:
    """The records that are of use, by keyword, values as they are; an empty value takes a keyword back.

    So it gives a handful at most, none larger than `body`. Raises BrokenArchive if any record is malformed.
    """
    records: dict[str, bytes] = {}
    numbers: list[bytes] = []
    position = 0
    while position < len(body) and body[position]:
        end, start = _record_span(body, position)
        keyword, separator, value = body[start : end - 1].partition(b"=")
        if not separator or body[end - 1] != 0x0A:
            raise BrokenArchive("a pax header holds a malformed record")
        if keyword in _REPEATED:
            numbers.append(value)
        elif keyword in _USED:
            records[keyword.decode()] = value
        position = end
    if numbers:
        records[SPARSE_NUMBERS] = b",".join(filter(None, (records.get(SPARSE_NUMBERS), *numbers)))
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
