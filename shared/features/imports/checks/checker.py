"""A dry run of an import: what it would find in a source and make of it. No database; nothing is stored.

What an import puts down while it works (an archive that cannot be entered in the middle, records of files about many
images) goes to a store that its caller throws away.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

from shared.features.imports.checks.content_table import ContentTable
from shared.features.imports.checks.contents import ContentCheck
from shared.features.imports.checks.likenesses import said_of_likenesses
from shared.features.imports.checks.options import SHOWN_FINDINGS, CheckOptions
from shared.features.imports.checks.report import CheckReport, Choice
from shared.features.imports.checks.shards import ShardResult, ShardRunner, ShardTask
from shared.features.imports.checks.summary import Checked, report_of
from shared.features.imports.checks.tally import CheckTally
from shared.features.imports.findings.trainers import count_refusals
from shared.features.imports.findings.whole_dataset import dataset_findings
from shared.features.imports.likeness.table import LikenessTable
from shared.features.imports.models import ImportPlan, ImportRequest, Ledger, ShardLease
from shared.features.imports.planning.cut import Cut
from shared.features.imports.planning.draft import category_of, draft_plan
from shared.features.imports.planning.image_records import ImageRecords
from shared.features.imports.planning.recognition import Recognised, Recogniser
from shared.features.imports.planning.trainer_refusals import trainers_refuse
from shared.features.imports.planning.way import IN_PLACE, Decision, choose_way, label_runs
from shared.features.imports.shards.manifest import ShardEntry, manifest_key, manifests_prefix
from shared.features.imports.shards.record_rows import RecordRows
from shared.features.imports.sources.addresses import check_addresses
from shared.features.imports.sources.archive import ArchiveOpener
from shared.features.imports.sources.opening import OpenedSource, open_request
from shared.formats.annotations.model import DatasetLayout
from shared.formats.archives.directory import ArchiveLimits
from shared.formats.findings import FindingLog
from shared.foundation.ids import JobId
from shared.foundation.settings import EngineSettings, LimitSettings
from shared.ports.byte_source import ByteSources
from shared.ports.object_store import ObjectStore

_LEDGER = Ledger(JobId("check"), 1)
_IN_HAND = 2


@dataclass(frozen=True, slots=True)
class CheckProgress:
    """How far a check is. `total` is None while nobody knows; `phase` is `open` (bytes) or `labels` (images)."""

    phase: str
    done: int
    total: int | None


ShardRunners: TypeAlias = Callable[[ImportPlan, int], AbstractAsyncContextManager[ShardRunner]]
"""Opens what checks the shards of a plan of so many images."""


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks sources. `store` is used as an import uses it, and can be thrown away afterwards."""

    sources: ByteSources
    store: ObjectStore
    limits: LimitSettings
    engine: EngineSettings
    runners: ShardRunners
    progress: Callable[[CheckProgress], None]

    async def check(self, request: ImportRequest, options: CheckOptions) -> CheckReport:
        """What an import would make of the source. `on_finding` is not heeded.

        Raises what an import meets while it is planned: see Planner.plan and ImportService.start.
        """
        clock = asyncio.get_running_loop().time
        begun = clock()
        deadline = None if options.seconds is None else begun + options.seconds
        check_addresses(request, self.sources)
        log = FindingLog(SHOWN_FINDINGS)
        archive = await open_request(self._opener(log), request)
        recogniser = Recogniser(self.sources, self.limits, archive, log)
        recognised = await recogniser.recognise(options.asked(request))
        recognised = replace(recognised, layout=options.told(recognised.layout))
        work = _Reading(self, archive, recognised, self._plan(archive, recognised, request, options), deadline)
        await work.run(recogniser)
        work.tally.note(log)
        count_refusals(work.tally.counts, await asyncio.to_thread(trainers_refuse, recognised, archive.directory))
        await self._look_at_the_whole(work, deadline)
        decision = await asyncio.to_thread(self._decide, request, archive, work)
        return report_of(
            Checked(
                request=request,
                layout=recognised.layout,
                plan=work.plan,
                decision=decision,
                tally=work.tally,
                choices=_choices(recognised),
                complete=work.complete,
                seconds=clock() - begun,
                workers=self.engine.claimers,
            )
        )

    def _opener(self, log: FindingLog) -> ArchiveOpener:
        limits = ArchiveLimits(
            max_members=self.limits.max_members,
            max_ratio=self.limits.max_ratio,
            max_total_bytes=self.limits.max_total_bytes,
        )
        moved = 0

        def note(count: int, total: int | None) -> None:
            nonlocal moved
            moved += count
            self.progress(CheckProgress("open", moved, total))

        return ArchiveOpener(self.sources, self.store, limits, log.add, note, "staged")

    def _plan(
        self, archive: OpenedSource, recognised: Recognised, request: ImportRequest, options: CheckOptions
    ) -> ImportPlan:
        draft = draft_plan(archive, recognised.layout, request, _LEDGER.generation)
        return draft.model_copy(update={"single_category": options.single_category})

    async def _look_at_the_whole(self, work: "_Reading", deadline: float | None) -> None:
        """Say what can only be said of all images together; of a part of them it might be wrong."""
        if not work.complete:
            return
        log = FindingLog(SHOWN_FINDINGS)
        layout, task = work.layout, work.plan.task
        categories = tuple(map(category_of, layout.categories))
        for finding in dataset_findings(work.tally.statistics, categories, layout.splits, task=task):
            log.add(finding)
        work.tally.note(log)
        contents = ContentCheck(self.sources, work.archive, work.plan, layout.splits, SHOWN_FINDINGS)
        said = await contents.find(work.contents, deadline=deadline)
        work.tally.say(said.counts, said.findings)
        near = await asyncio.to_thread(said_of_likenesses, work.likenesses, work.archive, work.plan.splits)
        work.tally.say(near.counts, near.findings)

    def _decide(self, request: ImportRequest, archive: OpenedSource, work: "_Reading") -> Decision:
        if request.in_place:
            return IN_PLACE
        runs = label_runs(archive.directory, work.layout)
        image_bytes, worthwhile = work.tally.amount.image_bytes, self.engine.index_first_bytes
        return choose_way(runs, archive.source, image_bytes=image_bytes, worthwhile_bytes=worthwhile)


class _Reading:
    """Reads the labels of one source, shard by shard, as long as there is time."""

    def __init__(
        self,
        checker: Checker,
        archive: OpenedSource,
        recognised: Recognised,
        plan: ImportPlan,
        deadline: float | None,
    ) -> None:
        self.plan = plan
        self.tally = CheckTally()
        self.archive = archive
        self.contents = ContentTable({split: number for number, split in enumerate(recognised.layout.splits)})
        self.likenesses = LikenessTable()
        self.complete = True
        self._checker = checker
        self._recognised = recognised
        self._deadline = deadline
        self._rows = RecordRows(checker.store, _LEDGER)
        self._in_hand: deque[tuple[ShardTask, asyncio.Task[ShardResult]]] = deque()

    @property
    def layout(self) -> DatasetLayout:
        """Where what is read lies."""
        return self._recognised.layout

    async def run(self, recogniser: Recogniser) -> None:
        """Read all, or what there is time for; count what there is in any case."""
        with self._until_the_deadline():
            async with asyncio.timeout_at(self._deadline):
                await ImageRecords(recogniser, self._recognised, self._rows).collect()
        images = len(self.layout.image_indexes)
        async with self._checker.runners(self.plan, images) as runner:
            try:
                await self._read(runner, images)
            finally:
                await self._let_go()

    async def _read(self, runner: ShardRunner, images: int) -> None:
        for entries in self._shards():
            self.tally.meet(entries)
            await asyncio.sleep(0)  # a check can be stopped here, also where nothing is read any more
            if not self._has_time():
                continue
            with self._until_the_deadline():
                async with asyncio.timeout_at(self._deadline):
                    task = await self._task(entries)
                    self._in_hand.append((task, asyncio.create_task(runner.run(task))))
                    if len(self._in_hand) >= _IN_HAND * runner.at_once - 1:
                        await self._take(images)
        while self._in_hand and self._has_time():
            with self._until_the_deadline():
                async with asyncio.timeout_at(self._deadline):
                    await self._take(images)

    def _shards(self) -> Iterator[list[ShardEntry]]:
        cut = Cut(self._checker.engine, by_bytes=False)
        return (entries for entries, _span in cut.shards(self.archive.directory, self.layout))

    async def _task(self, entries: list[ShardEntry]) -> ShardTask:
        """The shard as one of an import, with what files about many images say of it put down for it."""
        index, first = self.tally.shards - 1, self.tally.amount.images - len(entries)
        key = manifest_key(manifests_prefix(_LEDGER), index)
        if self.layout.record_members:
            await self._rows.write_shard(key, first, first + len(entries))
        members = (member for entry in entries for member in (entry.image, entry.label) if member)
        lease = ShardLease(
            shard_id="", job_id=_LEDGER.job_id, index=index, manifest_key=key, token=1, claims=1, first=0,
            images=len(entries), span=None,
        )  # fmt: skip
        return ShardTask(entries, self.archive.files(members), lease)

    async def _take(self, images: int) -> None:
        """Wait for the oldest shard in hand: results are added in the order of the shards, so they are always equal."""
        task, running = self._in_hand[0]
        result = await asyncio.shield(running)
        self._in_hand.popleft()
        self.tally.add(task, result)
        self.contents.add(task.entries, result.contents)
        self.likenesses.add(result.likenesses)
        self._checker.progress(CheckProgress("labels", self.tally.looked_at.total(), images))

    def _has_time(self) -> bool:
        if self._deadline is not None and asyncio.get_running_loop().time() >= self._deadline:
            self.complete = False
        return self.complete

    @contextmanager
    def _until_the_deadline(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            if self._deadline is None or asyncio.get_running_loop().time() < self._deadline:
                raise
            self.complete = False

    async def _let_go(self) -> None:
        """Stop what is still in hand."""
        running = [one for _task, one in self._in_hand]
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _choices(recognised: Recognised) -> list[Choice]:
    """The datasets of the source, where there are several to choose from."""
    found = recognised.reader.choices()
    return [Choice.model_validate(one) for one in found] if len(found) > 1 else []
