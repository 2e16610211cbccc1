"""JSON from strangers: read so that whatever it holds can be kept, shown and written again.

Halves of surrogate pairs become U+FFFD, as no text can hold them; whole numbers too long for any reader are infinite.
"""

import json
import re
from collections.abc import Callable

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair, which stays
    r"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
    r"|\\."
)
_HALF_CHARACTERS = 6
_MOST_DIGITS = 4_000  # Python refuses to read more than 4300


def whole_number(text: str) -> int | float:
    """The number; one of thousands of digits is infinite.

    >>> whole_number("-12"), whole_number("9" * 5_000)
    (-12, inf)
    """
    if len(text) > _MOST_DIGITS:
        return float("-inf" if text.startswith("-") else "inf")
    return int(text)


def read_json(data: str | bytes, *, parse_float: Callable[[str], object] = float) -> object:
    """What the JSON says. Raises ValueError for what is none, RecursionError for what is nested too deeply."""
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "surrogatepass")
    whole = text if text.isascii() else text.encode("utf-8", "replace").decode()
    whole = without_halves(whole)
    try:
        return json.loads(whole, parse_float=parse_float)
    except json.JSONDecodeError:
        raise
    except ValueError:  # a whole number of thousands of digits
        return json.loads(whole, parse_float=parse_float, parse_int=whole_number)


def without_halves(text: str) -> str:
    r"""The JSON text with U+FFFD for escapes that are half a surrogate pair.

    >>> without_halves(r'["\ud83d\ude00", "\ud83d", "\\ud83d"]')
    '["\\ud83d\\ude00", "\\ufffd", "\\\\ud83d"]'
    """
    return _ESCAPES.sub(lambda found: _written(found[0]), text) if _HALF.search(text) else text


def _written(escape: str) -> str:
    return "\\ufffd" if len(escape) == _HALF_CHARACTERS else escape
