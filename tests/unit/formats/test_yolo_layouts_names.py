"""Where the names of categories are found when no description has them, and what is done when nothing has."""

import json

import pytest

from tests.factories.yolo_listings import names_of, recognised, said

ROW = b"1 .5 .5 .2 .2\n"
PAIR: dict[str, bytes | None] = {"images/a.jpg": b"", "labels/a.txt": ROW}


def notes(*names: str, **more: object) -> bytes:
    """A notes.json as Label Studio writes it."""
    categories = [{"id": number, "name": name} for number, name in enumerate(names)]
    return json.dumps({"categories": categories, "info": {"year": 2026}, **more}).encode()


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("classes.txt", b"cat\ndog\n"),
        ("labels/classes.txt", b"\xef\xbb\xbfcat\r\ndog\r\n\r\n"),
        ("obj.names", b"cat\ndog"),
        ("deep/er/voc.names", b"cat\ndog"),
        ("images/_darknet.labels", b"cat\ndog"),
        ("class_names.txt", b"cat\ndog"),
        ("notes.json", notes("cat", "dog")),
        ("data.yaml", b"nc: 2\nnames: [cat, dog]\n"),
    ],
)
def test_names_by_file(file: str, data: bytes) -> None:
    _, layout, findings = recognised({**PAIR, file: data})
    assert (names_of(layout), layout.names_in_labels, layout.config_files) == (["cat", "dog"], False, (file,))
    assert file in layout.reason
    assert findings == []


def test_label_studio() -> None:
    """Its two files say the same, or classes.txt counts."""
    members = {**PAIR, "classes.txt": b"cat\ndog\n", "notes.json": notes("cat", "dog")}
    _, layout, findings = recognised(members)
    assert (layout.name, names_of(layout), findings) == ("label-studio", ["cat", "dog"], [])
    assert layout.config_files == ("classes.txt", "notes.json")

    _, layout, findings = recognised({**members, "notes.json": notes("dog", "cat")})
    assert names_of(layout) == ["cat", "dog"]
    assert said(findings) == [("NAME_FILE_UNUSED", "notes.json", None)]
    assert "than classes.txt, or in another order" in findings[0].message


@pytest.mark.parametrize(
    ("first", "second", "chosen"),
    [
        ("classes.txt", "obj.names", 0),
        ("obj.names", "classes.txt", 1),
        ("x/classes.txt", "y/classes.txt", 0),
        ("x/y/classes.txt", "z/classes.txt", 1),
        ("other.names", "obj.names", 1),
    ],
)
def test_of_several_files_one_counts_and_the_other_is_said(first: str, second: str, chosen: int) -> None:
    files = (first, second)
    _, layout, findings = recognised({**PAIR, first: b"one\ntwo", second: b"eins\nzwei"})
    assert names_of(layout) == [["one", "two"], ["eins", "zwei"]][chosen]
    assert said(findings) == [("NAME_FILE_UNUSED", files[1 - chosen], None)]


@pytest.mark.parametrize(
    ("file", "data", "words"),
    [
        ("notes.json", b"{", "is not JSON"),
        ("notes.json", b"[" * 100_000, "is not JSON"),
        ("notes.json", b'{"categories": [{"id": -1, "name": "a"}]}', "needs an `id`"),
        ("notes.json", b'{"categories": [{"id": true, "name": "a"}]}', "needs an `id`"),
        ("notes.json", b'{"categories": [{"id": 1000000000, "name": "a"}]}', "needs an `id`"),
        ("notes.json", b'{"categories": ["a"]}', "needs an `id`"),
        ("classes.txt", b"caf\xe9\n", "is not UTF-8 text"),
        ("classes.txt", b"a\n" * 100_001, "more than"),
        ("classes.txt", None, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_said(file: str, data: bytes | None, words: str) -> None:
    _, layout, findings = recognised({**PAIR, file: data})
    assert names_of(layout) == ["class_0", "class_1"]
    assert [finding.rule for finding in findings] == ["NAME_FILE_UNUSED", "NAME_UNKNOWN"]
    assert words in findings[0].message


def test_what_is_called_so_and_names_nothing() -> None:
    _, layout, findings = recognised({**PAIR, "notes.json": b'{"remember": "milk"}', "classes.txt": b"\n"})
    assert names_of(layout) == ["class_0", "class_1"]
    assert said(findings) == [("NAME_UNKNOWN", "labels", None)]


def test_names_twice_are_said() -> None:
    _, layout, findings = recognised({**PAIR, "classes.txt": b"cat\nCat \n"})
    assert (names_of(layout), said(findings)) == (["cat", "Cat"], [("NAME_DUPLICATE", "classes.txt", None)])


# ids that nothing names


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        (b"0 .5 .5 .2 .2\n", 1),
        (b"3 .5 .5 .2 .2\n1.0 .5 .5 .2 .2", 4),
        (b"\xef\xbb\xbf7 .5 .5 .2 .2\r0 .5 .5 .2 .2\r", 8),
        (b"2 .1 .1 .5 .1 .5 .5\n99 1 2\nx .5 .5 .2 .2\n-1 .5 .5 .2 .2\n1.5 .5 .5 .2 .2\nnan 1 1 1 1\n", 3),
        (b"0 .5 .5 .2 .2\n9999999999 .5 .5 .2 .2\n10000 .5 .5 .2 .2\ninf 1 1 1 1\n", 1),
        (b"0 .5 .5 .2 .2\n9999 .5 .5 .2 .2\n", 10_000),
    ],
)
def test_the_largest_id_says_how_many_categories_there_are(rows: bytes, count: int) -> None:
    _, layout, findings = recognised({"images/a.jpg": b"", "labels/a.txt": rows})
    assert layout.names_in_labels
    assert names_of(layout) == [f"class_{number}" for number in range(count)]
    assert [category.id for category in layout.categories] == list(range(count))
    assert said(findings) == [("NAME_UNKNOWN", "labels", None)]
