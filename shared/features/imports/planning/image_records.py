"""Reading, while planning, the files that say things about many images."""

import asyncio
from array import array
from dataclasses import dataclass

from shared.features.imports.planning.cut import image_order
from shared.features.imports.planning.recognition import Recognised, Recogniser
from shared.features.imports.shards.members import broken_member
from shared.features.imports.shards.record_rows import RecordRows
from shared.formats.annotations.model import Record
from shared.formats.archives.errors import BrokenMember
from shared.formats.findings import Finding

_NOWHERE = -1


@dataclass(frozen=True, slots=True)
class ImageRecords:
    """Sorts what a dataset's record files say by the images they say it of."""

    recogniser: Recogniser
    found: Recognised
    rows: RecordRows

    async def collect(self) -> None:
        """Read every record file once. A layout without such files has nothing to collect."""
        layout = self.found.layout
        if not layout.record_members:
            return
        places = await asyncio.to_thread(self._places)
        for index in layout.record_members:
            await self._collect(index, places)
        await self.rows.close()
        self._report_left_out(places)

    def _report_left_out(self, places: "array[int]") -> None:
        """Name the images of which more is said than can be held."""
        for place, count in self.rows.left_out.items():
            index = self.found.layout.image_indexes[places.index(place)]
            message = f"more than {self.rows.image_bytes >> 20} MiB are said of the image; {count} rows are left out"
            name = self.recogniser.archive.directory.member(index).name
            self.recogniser.log.add(Finding("ROW_LIMIT", name, message))

    def _places(self) -> "array[int]":
        """For each position of the layout, its place in the order of the shards; `_NOWHERE` for one left out."""
        layout = self.found.layout
        places = array("i", [_NOWHERE]) * len(layout.image_indexes)
        for place, position in enumerate(image_order(self.recogniser.archive.directory, layout)):
            places[position] = place
        return places

    async def _collect(self, index: int, places: "array[int]") -> None:
        item = self.recogniser.archive.directory.member(index)
        records = self.found.reader.records(index, self.recogniser.log.add)
        async for member in self.recogniser.members([item]):
            try:
                async for piece in self.recogniser.pieces(member):
                    await self._add(await asyncio.to_thread(records.feed, piece), places)
            except BrokenMember as error:
                self.recogniser.log.add(broken_member(item, error))
        await self._add(await asyncio.to_thread(records.close), places)

    async def _add(self, records: list[Record], places: "array[int]") -> None:
        await self.rows.add((places[position], line) for position, line in records if places[position] != _NOWHERE)
