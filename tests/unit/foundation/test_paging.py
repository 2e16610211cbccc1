"""Cursors: what was encoded comes back, anything else is refused."""

import base64
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.foundation.paging import BadCursor, decode_cursor, encode_cursor

KEYS = st.lists(st.text() | st.integers(), max_size=4)


@given(KEYS)
def test_a_cursor_gives_its_keys_back(keys: list[str | int]) -> None:
    cursor = encode_cursor(*keys)
    assert re.fullmatch(r"[A-Za-z0-9_-]*", cursor), "it must pass in a query without quoting"
    assert decode_cursor(cursor, *(type(key) for key in keys)) == keys


@given(st.text(max_size=200))
@example("")
@example("=")
@example("A")
@example("AAAA=AAA")
@example("W10\n")
@example("é")
@example("\udcff")
@example(base64.urlsafe_b64encode(b"[" * 100_000).decode())
@example(base64.urlsafe_b64encode(b"[1e999]").decode())
@example(base64.urlsafe_b64encode(b'["\xff"]').decode())
@example(base64.urlsafe_b64encode(b"[" + b"1" * 5000 + b"]").decode())
@example(base64.urlsafe_b64encode('["a", true]'.encode("utf-16")).decode())
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        keys = decode_cursor(text, str, int)
    except BadCursor:
        return
    assert [type(key) for key in keys] == [str, int]


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), st.lists, max_leaves=5))
def test_any_json_is_a_cursor_or_refused(value: object) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    if not (isinstance(value, list) and [type(key) for key in value] == [str]):
        with pytest.raises(BadCursor):
            decode_cursor(cursor, str)


@pytest.mark.parametrize(
    ("keys", "kinds"),
    [(("a",), (str, str)), (("a", "b"), (str,)), (("a",), (int,)), ((1,), (str,)), ((True,), (int,)), ((), (str,))],
)
def test_a_cursor_of_another_list_is_refused(keys: tuple[str | int, ...], kinds: tuple[type, ...]) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(encode_cursor(*keys), *kinds)
