"""Whether the cells of a column hold several labels each, as `scab rust`: told by evidence, or not at all.

A name may hold a blank or a comma itself, so what separates labels has to be proven by the other cells of the table, or
by a list of the classes.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

_SHOWN = 40
_FEWEST_LENGTHS = 3


@dataclass(frozen=True, slots=True)
class Separation:
    """What separates labels in a cell, "" for nothing; why, in words, "" where no cell could hold several."""

    separator: str = ""
    reason: str = ""

    def labels(self, cell: str) -> list[str]:
        """The labels of a cell, each once.

        >>> Separation("|").labels("a b| c|a b|")
        ['a b', 'c']
        """
        if not self.separator:
            return [cell] if cell else []
        return list(dict.fromkeys(_tokens(cell, self.separator)))


@dataclass(slots=True)
class _Cells:
    """What different cells consist of: which hold `several`, what stands `alone`, in how many cells each label is."""

    several: list[tuple[str, Sequence[str]]] = field(default_factory=list)
    alone: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, cell: str, labels: Sequence[str]) -> None:
        """Take a cell."""
        self.counts.update(dict.fromkeys(labels, 1))
        if len(labels) > 1:
            self.several.append((cell, labels))
        else:
            self.alone.update(labels)

    def lonely(self) -> str | None:
        """A label that is in no other cell; None where each of them is."""
        return next((one for one in self._labels() if self.counts[one] == 1 and one not in self.alone), None)

    def never_alone(self) -> str | None:
        """A label that never stands alone; None where each of them does somewhere."""
        return next((one for one in self._labels() if one not in self.alone), None)

    @property
    def are_combined(self) -> bool:
        """Whether few labels make many cells of several lengths: names of two words do not do that."""
        lengths = {len(labels) for _, labels in self.several} | ({1} if self.alone else set())
        return len(lengths) >= _FEWEST_LENGTHS and len(self.several) + len(self.alone) >= 2 * len(self.counts)

    def _labels(self) -> Iterable[str]:
        return (label for _, labels in self.several for label in labels)


Doubt = Callable[[_Cells], str | None]
"""Says what speaks against cells of several labels, in words; None for nothing."""


def _of_marks(cells: _Cells) -> str | None:
    """Hardly any name holds such a mark: it is enough that most labels recur."""
    lonely = sum(count == 1 for label, count in cells.counts.items() if label not in cells.alone)
    return f"'{_shown(cells.lonely())}' is in no other cell" if 2 * lonely > len(cells.counts) else None


def _of_text(cells: _Cells) -> str | None:
    """Names hold commas and blanks, too: each label stands alone somewhere, or they are combined in many ways."""
    if (lonely := cells.lonely()) is not None:
        return f"'{_shown(lonely)}' is in no other cell"
    never = cells.never_alone()
    return None if never is None or cells.are_combined else f"'{_shown(never)}' never stands alone"


def _of_blanks(cells: _Cells) -> str | None:
    return None if all(label.isascii() and label.isdigit() for label in cells.counts) else _of_text(cells)


_DOUBTS: Mapping[str, Doubt] = MappingProxyType({"|": _of_marks, ";": _of_marks, ",": _of_text, " ": _of_blanks})
"""The separators in the order in which they are tried."""


def separation_of(cells: Collection[str], listed: Collection[str] = ()) -> Separation:
    """What separates labels in these cells, each given once. `listed` are the classes, where a file lists them."""
    classes, refused = set(listed), ""
    for separator, doubt in _DOUBTS.items():
        found = _Cells()
        for cell in cells:
            found.add(cell, _tokens(cell, separator))
        if not found.several:
            continue
        shown = "blanks" if separator == " " else f"`{separator}`"
        is_listed = not classes.isdisjoint(found.counts) or not classes.isdisjoint(cells)
        against = _unlisted(found, classes) if is_listed else doubt(found)
        if against is None:
            why = "all are in the list of classes" if is_listed else "they are found in other cells, too"
            return Separation(separator, f"cells hold several labels, separated by {shown}: {why}")
        refused = refused or f"cells with {shown} are one label each: {against}"
    return Separation("", refused)


def _unlisted(cells: _Cells, classes: set[str]) -> str | None:
    """What speaks against several labels where the classes are listed: a part is none, or the whole is one."""
    if whole := next((cell for cell, _ in cells.several if cell in classes), None):
        return f"'{_shown(whole)}' is in the list of classes"
    part = next((label for label in cells.counts if label not in classes), None)
    return None if part is None else f"'{_shown(part)}' is not in the list of classes"


def _tokens(cell: str, separator: str) -> list[str]:
    return [token for part in cell.split(separator) if (token := part.strip())]


def _shown(text: str | None) -> str:
    return (text or "")[:_SHOWN]
