"""Links within an archive: which files appear under another name, and which links lead nowhere.

Hard links (tar) name another member from the archive's root; symbolic links name a path from their own folder, which
may lead through other links. Nothing outside the archive is ever looked at.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.formats.archives.verdict import LONGEST_NAME_BYTES, shortened
from shared.formats.findings import Finding

LONGEST_TARGET_BYTES = 4096

_MOST_STEPS = 40  # as many links as Linux follows for one path
_RULE = "ARCHIVE_LINK"


class _NotInside(Exception):
    """The link cannot be followed; the message says why."""


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """How many links are kept, how many names they may give to files, and how often folders may appear elsewhere.

    `max_text` bounds the characters of all links and targets, `max_parts` the parts of paths that are walked.
    """

    max_links: int = 200_000
    max_names: int = 1_000_000
    max_folders: int = 10_000
    max_text: int = 32 << 20
    max_parts: int = 10_000_000


class LinkTable:
    """Collects an archive's links and resolves them once all its members are known.

    Memory grows with links and linked folders, within the limits, and never with members.
    """

    def __init__(self, limits: LinkLimits | None = None) -> None:
        self._limits = limits or LinkLimits()
        self._links: dict[str, str] = {}
        self._text = self._left_out = 0
        self._first_left_out = ""

    def __len__(self) -> int:
        return len(self._links)

    def __contains__(self, name: str) -> bool:
        return name in self._links

    def add(self, name: str, target: str, *, hard: bool) -> bool:
        """Take a link by its name as a plain path and its target as the archive has it.

        False if it is not kept: there are too many, which `resolve` says, or a link of this name was there before.
        """
        if name in self._links:
            return False
        self._text += len(name) + len(target)
        if len(self._links) >= self._limits.max_links or self._text > self._limits.max_text:
            self._first_left_out = self._first_left_out or name
            self._left_out += 1
            return False
        # from the root; a symbolic link that starts there leaves the archive, so the two cannot be mixed up
        self._links[name] = f"/{target.removeprefix('/')}" if hard else target if target[:1] != "/" else "//"
        return True

    def resolve(
        self, find: Callable[[str], bool], names: Callable[[], Iterable[str]]
    ) -> Iterator[tuple[str, str] | Finding]:
        """Each name that links give to a file, with the member it is; a finding for each link that gives none.

        `find` says whether a member of that very name is taken. `names` gives the names of all of them; it is asked
        for at most once, and only if a link may lead to a folder.

        No name that a member has itself is given. A name may come twice; the first one counts. The order depends on
        the archive alone.
        """
        left = self._limits.max_names
        for found in self._all(_Paths(self._links, find, self._limits.max_parts), names):
            if isinstance(found, Finding):
                yield found
            elif not find(found[0]):
                if not left:
                    yield _finding(
                        found[0], f"is left out: links give more than {self._limits.max_names} names to files"
                    )
                    break
                left -= 1
                yield found
        if self._left_out:
            yield _finding(self._first_left_out, f"is one of {self._left_out} links more than are kept")

    def _all(self, paths: "_Paths", names: Callable[[], Iterable[str]]) -> Iterator[tuple[str, str] | Finding]:
        folders: dict[str, str] = {}
        for name in self._links:
            try:
                end = paths.follow(name)
            except _NotInside as reason:
                yield _finding(name, f"is a link that {reason}")
                continue
            if paths.find(end):
                yield name, end
            elif _circles(end, parent_of(name)):
                yield _finding(name, "is a link that leads in a circle")
            else:
                folders[name] = end
        if folders:
            yield from self._in_folders(folders, paths, names())

    def _in_folders(
        self, folders: dict[str, str], paths: "_Paths", names: Iterable[str]
    ) -> Iterator[tuple[str, str] | Finding]:
        walk = _FolderWalk(paths, _by_folder(self._links, set(folders.values())), self._limits)
        for name, end in folders.items():
            yield from walk.enter(name, end)
        yield from walk.files(names)
        for name, end in folders.items():
            if end not in walk.used:
                yield _finding(name, "is a link to nothing that is here")
        if walk.stopped_at:
            yield _finding(walk.stopped_at, "is left out: links let folders appear too often")


class _Paths:
    """Where paths lead when links are followed."""

    def __init__(self, links: Mapping[str, str], find: Callable[[str], bool], max_parts: int) -> None:
        self._links = links
        self.find = find
        self._parts_left = max_parts

    def follow(self, path: str) -> str:
        """The path of no link that `path` leads to: of a file, of a folder, or of nothing. Raises _NotInside."""
        todo, done, steps = deque(path.split("/")), list[str](), 0
        while todo:
            part = todo.popleft()
            self._parts_left -= 1
            if part == "..":
                if not done:
                    raise _NotInside("leaves the archive")
                done.pop()
            elif part not in ("", "."):
                done.append(part)
                steps += self._step(done, todo)
            if steps > _MOST_STEPS or self._parts_left < 0:
                raise _NotInside("leads in a circle" if steps > _MOST_STEPS else "is one of too many to follow")
        return "/".join(done)

    def _step(self, done: list[str], todo: deque[str]) -> int:
        """If the path done so far is a link, go on from its target; the number of links followed."""
        path = "/".join(done)
        target = self._links.get(path)
        if target is None or self.find(path):
            return 0
        if target.startswith("//") or len(target) > LONGEST_TARGET_BYTES or "\0" in target:
            raise _NotInside("leaves the archive")
        if target.startswith("/"):
            done.clear()
        else:
            done.pop()
        todo.extendleft(reversed(target.split("/")))
        return 1


class _FolderWalk:
    """Lets folders appear under other paths, each with the links below it, and each never below itself.

    `used` are the folders that hold something, `stopped_at` is the path where a limit was met.
    """

    def __init__(self, paths: _Paths, below: Mapping[str, Sequence[str]], limits: LinkLimits) -> None:
        self.used: set[str] = set()
        self.stopped_at = ""
        self._paths = paths
        self._below = below
        self._links_left, self._folders_left = limits.max_names, limits.max_folders
        self._appears: dict[str, list[str]] = {}

    def enter(self, path: str, folder: str) -> Iterator[tuple[str, str]]:
        """Let `folder` appear as `path`, and all that links below it lead to; the names of files found so."""
        waiting = [(path, folder, frozenset((parent_of(path),)))]
        while waiting and not self.stopped_at:
            path, folder, above = waiting.pop()
            self._appears.setdefault(folder, []).append(path)
            for link in self._below.get(folder, ()):
                self.used.add(folder)
                name, within = path + link[len(folder) :], above | {parent_of(link)}
                self._count(name)
                end = self._end_of(link)
                if end is None or self.stopped_at or len(name) > LONGEST_NAME_BYTES:
                    continue
                if self._paths.find(end):
                    yield name, end
                elif not any(_circles(end, one) for one in within):
                    waiting.append((name, end, within))
                    self._folders_left -= 1

    def files(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """The members below folders that appear elsewhere: each name there, and the member."""
        last, places = "", list[tuple[int, str]]()
        for name in names:
            folder = parent_of(name)
            if folder != last:
                last, places = folder, self._places(folder)
            for length, path in places:
                yield path + name[length:], name

    def _places(self, folder: str) -> list[tuple[int, str]]:
        """Where what lies in `folder` appears: how much of a name is replaced, and by what."""
        holding = [one for one in (folder, *_ancestors(folder)) if one in self._appears]
        self.used.update(holding)
        return [(len(one), path) for one in holding for path in self._appears[one]]

    def _count(self, name: str) -> None:
        self._links_left -= 1
        if self._links_left < 0 or self._folders_left < 0:
            self.stopped_at = name

    def _end_of(self, link: str) -> str | None:
        try:
            return self._paths.follow(link)
        except _NotInside:
            return None


def link_target(content: bytes) -> str | None:
    """The target of a link in a zip, which is the member's content; None for what cannot be one."""
    if not 0 < len(content) <= LONGEST_TARGET_BYTES or b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def parent_of(name: str) -> str:
    """The folder that the name is in, "" for the root."""
    return name.rpartition("/")[0]


def _by_folder(links: Iterable[str], folders: Collection[str]) -> dict[str, list[str]]:
    """By linked folder, the links somewhere below it."""
    below: dict[str, list[str]] = {}
    for link in links:
        for folder in _ancestors(link):
            if folder in folders:
                below.setdefault(folder, []).append(link)
    return below


def _ancestors(name: str) -> Iterator[str]:
    """The folders that hold the name, from the nearest up, without the root."""
    at = name.rfind("/")
    while at > 0:
        yield name[:at]
        at = name.rfind("/", 0, at)


def _circles(folder: str, within: str) -> bool:
    """Whether `folder` is the folder `within` or holds it, so that entering it there would never end."""
    return not folder or within == folder or within.startswith(f"{folder}/")


def _finding(name: str, message: str) -> Finding:
    shown = shortened(name)
    return Finding(_RULE, shown, f"{shown}: {message}")
