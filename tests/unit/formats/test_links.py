"""Links within an archive: names they give to files, and every way in which they lead nowhere."""

from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.formats.archives.links import LinkLimits, LinkTable, link_target
from shared.formats.findings import Finding
from shared.formats.rules import RULES

Links = Mapping[str, str]


def resolved(
    files: Sequence[str], links: Links, *, hard: Links | None = None, limits: LinkLimits | None = None
) -> tuple[dict[str, str], dict[str, str]]:
    """The names that links give with their members, and the findings' messages by link."""
    table = LinkTable(limits)
    for name, target in links.items():
        table.add(name, target, hard=False)
    for name, target in (hard or {}).items():
        table.add(name, target, hard=True)
    found = list(table.resolve(frozenset(files).__contains__, lambda: files))
    findings = [one for one in found if isinstance(one, Finding)]
    assert {one.rule for one in findings} <= {"ARCHIVE_LINK"} <= RULES.keys()
    given_names = [one for one in found if not isinstance(one, Finding)]
    assert len(dict(given_names)) == len(given_names)
    return dict(given_names), {one.file: one.message.removeprefix(f"{one.file}: ") for one in findings}


def names(files: Sequence[str], links: Links) -> dict[str, str]:
    found, findings = resolved(files, links)
    assert not findings
    return found


def complaint(files: Sequence[str], links: Links) -> str:
    """What is said of the first link, which gives no name."""
    found, findings = resolved(files, links)
    assert not found
    return findings[next(iter(links))]


@pytest.mark.parametrize(
    ("link", "target", "file"),
    [
        ("b.jpg", "a.jpg", "a.jpg"),
        ("x/b.jpg", "a.jpg", "x/a.jpg"),
        ("x/b.jpg", "../a.jpg", "a.jpg"),
        ("x/y/b.jpg", "../../z/./a.jpg", "z/a.jpg"),
        ("x/b.jpg", "..//x/../a.jpg", "a.jpg"),
        ("x/表.jpg", "../犬.jpg", "犬.jpg"),
    ],
)
def test_a_symbolic_link_counts_from_its_folder(link: str, target: str, file: str) -> None:
    assert names([file], {link: target}) == {link: file}


def test_a_hard_link_counts_from_the_root() -> None:
    files = ["x/a.jpg", "a.jpg"]
    found = resolved(files, {}, hard={"x/b.jpg": "a.jpg", "c.jpg": "./x/a.jpg", "d.jpg": "/x/a.jpg"})
    assert found == ({"x/b.jpg": "a.jpg", "c.jpg": "x/a.jpg", "d.jpg": "x/a.jpg"}, {})


def test_links_to_links() -> None:
    chain = {f"{number}.jpg": f"{number - 1}.jpg" for number in range(40, 0, -1)}
    assert names(["0.jpg"], chain) == dict.fromkeys(chain, "0.jpg")
    found, findings = resolved(["0.jpg"], chain | {"41.jpg": "40.jpg"})
    assert len(found) == 40
    assert findings == {"41.jpg": "is a link that leads in a circle"}
    assert names(["d/a.jpg"], {"e": "d", "f/b.jpg": "../e/a.jpg"}) == {"e/a.jpg": "d/a.jpg", "f/b.jpg": "d/a.jpg"}


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../../etc/passwd", "..", "//x", "x/../../a.jpg", "a\0.jpg", "b" * 5000]
)
def test_links_that_leave_the_archive(target: str) -> None:
    assert complaint(["a.jpg"], {"link": target}) == "is a link that leaves the archive"


@pytest.mark.parametrize(
    "links", [{"a": "a"}, {"a": "b", "b": "a"}, {"d/a": "../d/a"}, {"d/a": "."}, {"d/a": ".."}, {"a": ""}]
)
def test_circles(links: Links) -> None:
    assert complaint(["d/x.jpg"], links) == "is a link that leads in a circle"


@pytest.mark.parametrize("target", ["nothing", "d/nothing.jpg", "d/x.jpg.old", "x", "d/x.jpg/y"])
def test_links_to_nothing(target: str) -> None:
    assert complaint(["d/x.jpg"], {"link": target}) == "is a link to nothing that is here"


def test_a_linked_folder_appears_with_all_that_is_below() -> None:
    files = ["pool/a.jpg", "pool/deep/b.jpg", "poolside/c.jpg", "d.jpg"]
    assert names(files, {"train/images": "../pool", "val": "pool/deep"}) == {
        "train/images/a.jpg": "pool/a.jpg",
        "train/images/deep/b.jpg": "pool/deep/b.jpg",
        "val/b.jpg": "pool/deep/b.jpg",
    }


def test_links_below_a_linked_folder_appear_there_too() -> None:
    links = {"train": "sets/train", "sets/train/a.jpg": "../../pool/1.jpg", "sets/train/more": "../../extra"}
    assert names(["pool/1.jpg", "extra/2.jpg"], links) == {
        "sets/train/a.jpg": "pool/1.jpg",
        "sets/train/more/2.jpg": "extra/2.jpg",
        "train/a.jpg": "pool/1.jpg",
        "train/more/2.jpg": "extra/2.jpg",
    }


def test_folders_that_hold_each_other_end() -> None:
    found, findings = resolved(["a/1.jpg", "b/2.jpg"], {"a/x": "../b", "b/y": "../a"})
    assert found == {"a/x/2.jpg": "b/2.jpg", "b/y/1.jpg": "a/1.jpg"}
    assert not findings


def test_a_member_wins_over_a_link_of_its_name() -> None:
    assert names(["a.jpg", "d/a.jpg", "e/a.jpg", "e/b.jpg"], {"a.jpg": "e/b.jpg", "d": "e"}) == {"d/b.jpg": "e/b.jpg"}


def test_the_first_of_two_links_of_a_name_wins() -> None:
    table = LinkTable()
    assert [table.add("link", target, hard=False) for target in ("a", "b")] == [True, False]
    assert list(table.resolve({"a", "b"}.__contains__, lambda: ["a", "b"])) == [("link", "a")]
    assert len(table) == 1


def test_names_are_not_walked_for_links_to_files() -> None:
    def refuse() -> Iterator[str]:
        raise AssertionError("asked for all names")

    table = LinkTable()
    table.add("b", "a", hard=False)
    assert list(table.resolve({"a"}.__contains__, refuse)) == [("b", "a")]


def test_too_many_links() -> None:
    found, findings = resolved(["a"], {f"{number}": "a" for number in range(5)}, limits=LinkLimits(max_links=3))
    assert found == dict.fromkeys("012", "a")
    assert findings == {"3": "is one of 2 links more than are kept"}


def test_links_with_too_much_text() -> None:
    links = {f"{number}": "./" * 49 + "a" for number in range(9)}
    found, findings = resolved(["a"], links, limits=LinkLimits(max_text=500))
    assert found == dict.fromkeys("01234", "a")
    assert findings == {"5": "is one of 4 links more than are kept"}


def test_too_many_names() -> None:
    files = [f"d/{number}" for number in range(10)]
    found, findings = resolved(files, {"e": "d"}, limits=LinkLimits(max_names=4))
    assert found == {f"e/{number}": f"d/{number}" for number in range(4)}
    assert findings == {"e/4": "is left out: links give more than 4 names to files"}


def test_a_bomb_of_folders_is_cut() -> None:
    links = {f"d{level}/{side}": f"../d{level + 1}" for level in range(40) for side in "abcd"}
    found, findings = resolved(["d40/x.jpg"], links, limits=LinkLimits(max_folders=500))
    assert len(found) <= 1000
    assert "is left out: links let folders appear too often" in findings.values()


def test_a_bomb_of_long_ways_is_cut() -> None:
    links = {f"{number}": "x/../" * 800 + f"{number + 1}" for number in range(100)}
    found, findings = resolved(["100"], links, limits=LinkLimits(max_parts=200_000))
    assert not found
    assert set(findings.values()) == {"is a link that leads in a circle", "is a link that is one of too many to follow"}


@pytest.mark.parametrize(
    ("content", "target"),
    [
        (b"../a.jpg", "../a.jpg"),
        ("犬".encode(), "犬"),
        (b"", None),
        (b"a\0b", None),
        (b"\xff", None),
        (b"a" * 4097, None),
    ],
)
def test_the_target_of_a_link_in_a_zip(content: bytes, target: str | None) -> None:
    assert link_target(content) == target


# -- against a walk through the same tree, written without regard for size

Tree = Mapping[str, "str | None"]  # by path: a link's target, or None for a file


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    folders = ["", "a/", "b/", "a/c/"]
    kinds = draw(
        st.dictionaries(st.tuples(st.sampled_from(folders), st.sampled_from("xyz")), st.booleans(), max_size=8)
    )
    places = st.sampled_from(["", "..", "../..", "a", "../a", "b", "../b", "a/c", "../a/c", "."])
    return {
        folder + name: (draw(places) + draw(st.sampled_from(["", "/x", "/y", "/z"]))).removeprefix("/")
        if link
        else None
        for (folder, name), link in kinds.items()
    }


def real(tree: Tree, path: Sequence[str], budget: Iterator[int]) -> list[str]:
    done: list[str] = []
    for part in path:
        if part == "..":
            done.pop()
        elif part not in ("", "."):
            done.append(part)
            target = tree.get("/".join(done))
            if target is not None:
                next(budget)
                done = real(tree, [*done[:-1], *target.split("/")], budget)
    return done


def end_of(tree: Tree, path: str) -> str:
    """Where the path leads; a place that does not exist for one that leaves, or never ends."""
    try:
        return "/".join(real(tree, path.split("/"), iter(range(40))))
    except (IndexError, StopIteration):
        return "nowhere"


def walked(tree: Tree) -> Iterator[tuple[str, str]]:
    folders = {name[:at] for name in tree for at in range(len(name)) if name[at] == "/"}

    def visit(virtual: str, folder: str, within: frozenset[str]) -> Iterator[tuple[str, str]]:
        start = f"{folder}/" if folder else ""
        for child in {name.removeprefix(start).split("/")[0] for name in tree if name.startswith(start)}:
            path, shown = start + child, f"{virtual}/{child}" if virtual else child
            if path in folders:
                yield from visit(shown, path, within | {path})
                continue
            end = end_of(tree, path)
            if end in tree and tree[end] is None:
                yield shown, end
            elif end in folders and not any(f"{one}/".startswith(f"{end}/") for one in within):
                yield from visit(shown, end, within | {end})

    return visit("", "", frozenset())


@settings(max_examples=150, deadline=None)
@given(trees())
def test_agrees_with_a_walk(tree: Tree) -> None:
    files = [name for name, target in tree.items() if target is None]
    links = {name: target for name, target in tree.items() if target is not None}
    found, findings = resolved(files, links)
    assert found == {name: end for name, end in walked(tree) if name not in files}
    assert found or findings or not links
