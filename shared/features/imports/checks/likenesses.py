"""Images of a source that look nearly the same, said as an import says it; for checks that decode every image."""

from collections import Counter
from collections.abc import Sequence
from heapq import nsmallest

from shared.features.imports.checks.contents import SaidOfContents
from shared.features.imports.checks.options import SHOWN_FINDINGS
from shared.features.imports.likeness.findings import NAMED, NEAR_DUP, finding_of
from shared.features.imports.likeness.table import LikenessTable
from shared.features.imports.sources.opening import OpenedSource


def said_of_likenesses(table: LikenessTable, archive: OpenedSource, splits: Sequence[str]) -> SaidOfContents:
    """How many groups there are, and the findings of the first; places are numbers in the archive's directory."""
    groups = table.alike()
    said = SaidOfContents(SHOWN_FINDINGS, Counter({NEAR_DUP: len(groups)} if groups else {}))
    for group in groups[:SHOWN_FINDINGS]:
        paths = nsmallest(NAMED, map(archive.directory.name, group.places))
        said.findings.append(finding_of(group, paths, splits))
    return said
