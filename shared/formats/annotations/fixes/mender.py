"""Applies chosen fixes to what is said of one image. Nothing is changed that no chosen rule was found at."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from shared.formats.annotations.fixes.geometry import can_be_turned, clipped, turned
from shared.formats.annotations.fixes.label_rows import MendedRow, RowMender
from shared.formats.annotations.fixes.remarks import Judging, Remarks, remarks_on
from shared.formats.annotations.fixes.table import ChosenFixes, FixName
from shared.formats.annotations.model import Annotation, ImageSize

TURNED = "IMG_EXIF_ROTATED"


@dataclass(frozen=True, slots=True)
class Labelled:
    """One image as a version has it. `mended_rules` and `mended_lines` say what earlier fixes have done to it.

    `has_remarks`: whether anything was found at its annotations; if not, they need not be looked at.
    """

    annotations: Sequence[Annotation]
    size: ImageSize | None
    orientation: int
    mended_rules: Collection[str] = ()
    mended_lines: Collection[int] = ()
    has_remarks: bool = True
    judging: Judging = "rows"


@dataclass(frozen=True, slots=True)
class Mended:
    """What fixes have made of an image. `findings` is how many more or fewer of each rule there are now.

    `counts` are annotations `changed`, `dropped` and `added`; `by_rule` what was mended for which rule.
    """

    annotations: Sequence[Annotation]
    counts: Counter[str]
    by_rule: Counter[str]
    findings: Counter[str]
    mended_rules: tuple[str, ...]
    mended_lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Mender:
    """Applies fixes; the same to the same image gives the same. `moved` are category ids that become others."""

    chosen: ChosenFixes
    moved: Mapping[int, int]
    rows: RowMender | None = None

    @property
    def needs_labels(self) -> bool:
        """Whether label files have to be read again, for rows that were left out."""
        return self.rows is not None and bool(self.chosen.rules_of_rows_left_out)

    def mend(self, image: Labelled, label: bytes | None) -> Mended | None:
        """What the fixes make of the image; None where they change nothing."""
        work = _Work(list(image.annotations), image)
        before = work.remarks() if image.has_remarks else Remarks()
        work.move(self.moved)
        self._turn(work)
        if label is not None and self.rows is not None:
            work.take_in(self.rows.mend(label, image.size, without=frozenset(image.mended_lines)))
        if image.has_remarks:
            for fix, change in _CHANGES:
                work.apply(self.chosen.rules(fix), change)
        return work.result(before) if work.has_changed else None

    def _turn(self, work: "_Work") -> None:
        image = work.image
        if self.chosen.has("rotate") and image.orientation != 1 and TURNED not in image.mended_rules:
            if not all(map(can_be_turned, work.annotations)):
                return
            work.turn(image.orientation)


def _drop(_annotation: Annotation) -> Annotation | None:
    return None


_CHANGES: Sequence[tuple[FixName, Callable[[Annotation], Annotation | None]]] = (
    ("clip", clipped),
    ("drop_row", _drop),
    ("deduplicate", _drop),
)


@dataclass(slots=True)
class _Work:
    """The annotations of one image while they are mended. `origins` are the positions they had; -1 for new ones."""

    annotations: list[Annotation]
    image: Labelled
    origins: list[int] = field(init=False)
    by_rule: Counter[str] = field(default_factory=Counter)
    was_turned: bool = False
    rows: Sequence[MendedRow] = ()

    def __post_init__(self) -> None:
        self.origins = list(range(len(self.annotations)))

    def remarks(self) -> Remarks:
        """What there is to say of the annotations as they are now."""
        return remarks_on(self.annotations, self.shown_size, self.image.judging)

    def move(self, moved: Mapping[int, int]) -> None:
        """Give annotations their new categories."""
        if moved:
            self.annotations = [
                one._replace(category_id=moved[one.category_id]) if one.category_id in moved else one
                for one in self.annotations
            ]

    def turn(self, orientation: int) -> None:
        """Turn all annotations with the image."""
        self.annotations = [turned(one, orientation) for one in self.annotations]
        self.was_turned = True
        self.by_rule[TURNED] += 1

    def take_in(self, rows: Sequence[MendedRow]) -> None:
        """Add rows that were left out; behind the others, in the order of their lines."""
        self.rows = rows
        turn = self.image.orientation if self.was_turned or TURNED in self.image.mended_rules else 1
        self.annotations += [turned(row.annotation, turn) for row in rows]
        self.origins += [-1] * len(rows)
        for row in rows:
            self.by_rule.update(row.rules)

    def apply(self, rules: frozenset[str], change: Callable[[Annotation], Annotation | None]) -> None:
        """Change the annotations that are named for any of the rules as they are now."""
        if not rules:
            return
        named = self.remarks().positions(rules)
        kept: list[tuple[Annotation, int]] = []
        for at, (annotation, origin) in enumerate(zip(self.annotations, self.origins, strict=True)):
            found = change(annotation) if at in named else annotation
            if at in named and found != annotation:
                self.by_rule.update(named[at])
            if found is not None:
                kept.append((found, origin))
        self.annotations, self.origins = [one for one, _ in kept], [origin for _, origin in kept]

    @property
    def shown_size(self) -> ImageSize | None:
        """Width and height as the annotations take them."""
        size, is_turned = self.image.size, self.was_turned or TURNED in self.image.mended_rules
        return (size[1], size[0]) if size and is_turned and self.image.orientation >= 5 else size

    @property
    def has_changed(self) -> bool:
        """Whether the image is another now."""
        return self.was_turned or bool(self.rows) or list(self.image.annotations) != self.annotations

    def result(self, before: Remarks) -> Mended:
        """The image as it is now."""
        after = self.remarks() if self.image.has_remarks or self.rows else Remarks()
        findings = Counter(after.counts)
        findings.subtract(before.counts)
        for row in self.rows:
            findings.subtract(row.rules)
        findings[TURNED] -= self.was_turned
        lines = sorted({*self.image.mended_lines, *(row.line for row in self.rows)})
        rules = sorted({*self.image.mended_rules, *([TURNED] if self.was_turned else [])})
        return Mended(self.annotations, self._counts(), self.by_rule, findings, tuple(rules), tuple(lines))

    def _counts(self) -> Counter[str]:
        old = self.image.annotations
        kept = [(one, origin) for one, origin in zip(self.annotations, self.origins, strict=True) if origin >= 0]
        changed = sum(one != old[origin] for one, origin in kept)
        added = len(self.annotations) - len(kept)
        return Counter(changed=changed, dropped=len(old) - len(kept), added=added)
