"""Images of a dataset that have the same bytes, and those of them that are in several splits; found when all are there.

The database groups the images in memory of its own, which it bounds; here only what is kept of the result is held.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.features.images.models import RepeatedContent
from shared.features.images.service import ImageService
from shared.features.imports.models import Ledger
from shared.features.imports.repository import FindingRepository
from shared.formats.findings import Finding
from shared.foundation.ids import DatasetId

_NAMED = 5
_REPEATED, _LEAK = "IMG_DUP_CONTENT", "SET_SPLIT_LEAK"


@dataclass(frozen=True, slots=True)
class ContentFindings:
    """Finds what has the same bytes. Doing it again writes the same findings, and counts the same."""

    images: ImageService
    findings: FindingRepository
    most_kept: int

    async def write(self, dataset_id: DatasetId, ledger: Ledger) -> Counter[str]:
        """Write a finding for each content that several images have, `most_kept` of a rule; the exact counts."""
        counts: Counter[str] = Counter()
        kept: dict[str, RepeatedContent] = {}
        async for content in self.images.repeated_contents(dataset_id):
            counts[_REPEATED] += 1
            counts[_LEAK] += content.is_in_several_splits
            wanted = counts[_LEAK] <= self.most_kept if content.is_in_several_splits else False
            if wanted or counts[_REPEATED] <= self.most_kept:
                kept[content.key] = content
        if kept:
            named = await self.images.images_with_contents(dataset_id, list(kept), most=_NAMED)
            await self.findings.write(ledger, _findings(kept, named))
        return +counts


def _findings(
    kept: Mapping[str, RepeatedContent], named: Mapping[str, Sequence[tuple[str, str | None]]]
) -> list[Finding]:
    found: list[Finding] = []
    for key, content in kept.items():
        places = named.get(key, ())
        if len(places) < 2:
            continue  # an image was withdrawn in between
        first, others = places[0][0], [path for path, _ in places[1:]]
        more = content.images - len(places)
        rest = f"{', '.join(others)}{f' and {more} more' if more > 0 else ''}"
        sure = "has" if content.is_certain else "probably has, by CRC-32 and size,"
        found.append(Finding(_REPEATED, first, f"It {sure} the same bytes as {rest}."))
        if content.is_in_several_splits:
            splits = " and ".join(content.splits)
            found.append(
                Finding(_LEAK, first, f"It {sure} the same bytes as images of other splits ({splits}): {rest}.")
            )
    return found
