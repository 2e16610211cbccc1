"""Arrays of a JSON object, element by element, however the file is cut into pieces."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.annotations import json_elements
from shared.formats.annotations.json_elements import BrokenJson, Element, JsonElements
from shared.formats.annotations.json_text import whole_number

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.text(max_size=6), st.lists(VALUES, max_size=4) | VALUES, max_size=5)


def read(data: bytes, size: int = 1 << 20) -> list[Element]:
    elements = JsonElements()
    found = []
    for start in range(0, len(data), size):
        found += elements.feed(data[start : start + size])
    return [*found, *elements.close()]


def expected(document: dict) -> list[tuple[str, object]]:
    pairs = []
    for key, value in document.items():
        pairs += [(key, one) for one in value] if isinstance(value, list) else [(key, value)]
    return pairs


@given(DOCUMENTS, st.sampled_from([None, 1, "\t"]), st.booleans(), st.integers(1, 40))
def test_every_element_comes_out_as_written(document: dict, indent: object, ascii_only: bool, size: int) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    found = read(text.encode(), size)

    assert [(one.key, one.value) for one in found] == expected(document)
    lines = text.split("\n")
    for one in found:
        rest = "\n".join([lines[one.line - 1][one.column - 1 :], *lines[one.line :]])
        assert rest.startswith(one.text)


@given(st.binary(max_size=60) | st.text('{}[],:"ab1.e-\\ \n', max_size=40).map(str.encode), st.integers(1, 9))
def test_anything_is_read_or_refused_as_the_library_does(data: bytes, size: int) -> None:
    try:
        found = read(data, size)
    except BrokenJson:
        with pytest.raises((ValueError, AssertionError)):
            assert isinstance(json.loads(data.decode("utf-8-sig")), dict)
        return
    text = data.decode("utf-8-sig").lstrip(" \t\n\r")  # what comes behind the object does not matter
    members, _ = json.JSONDecoder(object_pairs_hook=tuple).raw_decode(text)
    assert len(found) == sum(len(value) if isinstance(value, list) else 1 for _, value in members)


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("", 1, 1, "ends before"),
        ("[1]", 1, 1, "no JSON object"),
        ('{"a": [1,\n2', 2, 2, "ends before"),
        ('{"a": [1 2]}', 1, 10, "missing behind an element"),
        ('{"a": [1], }', 1, 12, "expecting value"),
        ('{"a" [1]}', 1, 6, "`:` is missing"),
        ('{"a":\n  nope}', 2, 3, "expecting value"),
        ('{"a": [' + "[" * 100_000, 1, 8, "nested too deeply"),
        ("{1: 2}", 1, 2, "a key is no text"),
        ('{"a": "\x01"}', 1, 8, "invalid control character"),
    ],
)
def test_what_is_broken_is_placed(text: str, line: int, column: int, reason: str) -> None:
    with pytest.raises(BrokenJson) as caught:
        read(text.encode())
    assert (caught.value.line, caught.value.column) == (line, column)
    assert reason in caught.value.reason


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(BrokenJson, match="not UTF-8"):
        read(b'{"a": ["\xff"]}')
    assert read(b'\xef\xbb\xbf{"a": ["\xc3\xa9"]}', 1)[0].value == "é"


def test_an_element_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_elements, "MAX_ELEMENT_CHARACTERS", 1000)
    elements = JsonElements()
    assert list(elements.feed(b'{"a": ["' + b"x" * 900)) == []
    with pytest.raises(BrokenJson, match="more than 1000 characters"):
        list(elements.feed(b"x" * 200))


def test_what_comes_before_a_fault_is_given() -> None:
    elements = JsonElements()
    found = elements.feed(b'{"a": [1, 2, nope]}')
    assert [next(found).value, next(found).value] == [1, 2]
    with pytest.raises(BrokenJson, match="expecting value"):
        _ = [*found, *elements.close()]
    assert elements.key == "a"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\ud83d\ude00 \ud83d"', "\U0001f600 \ufffd"),
        (r'"\uDE00\ud83d"', "\ufffd\ufffd"),
        (r'"\\ud83d"', "\\ud83d"),
        (r'{"\ud83d": 1}', {"\ufffd": 1}),
        ("9" * 5_000, float("inf")),
        ("-" + "9" * 5_000, float("-inf")),
        ("9" * 100, int("9" * 100)),
    ],
)
def test_what_no_text_and_no_number_can_hold(text: str, value: object) -> None:
    found = read(b'{"a": [' + text.encode() + b", 1]}")
    assert [one.value for one in found] == [value, 1]
    assert json.loads(found[0].text, parse_int=whole_number) == value


def test_a_large_element_takes_time_in_proportion() -> None:
    data = b'{"a": [[' + b"[]," * 1_000_000 + b"0], 7]}"
    start = time.process_time()
    assert [one.value for one in read(data, 4 << 10)][1:] == [7]
    assert time.process_time() - start < 5


def test_many_elements_take_time_in_proportion() -> None:
    data = json.dumps({"a": [{"id": number, "bbox": [1.5, 2, 3, 4]} for number in range(100_000)]}).encode()
    start = time.process_time()
    assert len(read(data, 4 << 20)) == 100_000
    assert time.process_time() - start < 5
