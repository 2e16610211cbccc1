"""Live streams of events: one reader's stream, and the service that opens them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from shared.features.auth.models import Actor
from shared.features.imports.events.bursts import ChangeBursts
from shared.features.imports.events.changes import ImportChanges, ShardSummary, happening
from shared.features.imports.events.models import Ended, Event, Position, ProgressMade, Snapshot
from shared.features.imports.events.teller import FIRST_FINDINGS, Teller
from shared.features.imports.models import Ledger, ReportFilter
from shared.features.imports.progress import ProgressReader
from shared.features.imports.repository import FindingRepository, ImportJobRepository
from shared.features.jobs.models import Job, JobNotFound
from shared.formats.findings import Finding
from shared.foundation.errors import Unavailable
from shared.foundation.mongo import Change, DriverError, ResumePointLost
from shared.foundation.paging import PageRequest
from shared.foundation.settings import EventSettings

_log = structlog.get_logger(__name__)


class TooManyStreams(Unavailable):
    """This process has as many live streams open as it may."""

    slug, title = "too-many-streams", "Too many live streams are open"


@dataclass(frozen=True, slots=True)
class EventSources:
    """Where streams read."""

    jobs: ImportJobRepository
    findings: FindingRepository
    progress: ProgressReader
    changes: ImportChanges

    async def shards(self, job: Job) -> ShardSummary:
        """The shards of the job's plan by state."""
        return await self.changes.shards(Ledger(job.id, job.generation))


class EventStream:
    """The events of one job for one reader. Iterate over it once, while `EventService.open` holds it.

    `has_ended` says whether the end was told.
    """

    def __init__(self, job: Job, actor: Actor, sources: EventSources, settings: EventSettings) -> None:
        self._job, self._actor, self._sources = job, actor, sources
        self._bursts = ChangeBursts(job.id, sources.changes, settings)
        self._teller = Teller()
        self._resumed = False
        self.has_ended = False

    async def start(self, position: Position | None) -> None:
        """Go to the position, or to now where the way from there is lost."""
        self._resumed = position is not None and await self._resume(position)
        if not self._resumed and not self._job.ended:
            await self._bursts.watch(after=None, findings=True)

    def stop(self) -> None:
        """End the iteration soon."""
        self._bursts.stop()

    async def close(self) -> None:
        """Give back what the stream holds, at once."""
        await self._bursts.close()

    async def __aiter__(self) -> AsyncIterator[Event | None]:
        """The events; None is a sign of life after a time in which nothing happened. Ends with the job, or by `stop`.

        It also ends when the database fails: the reader comes back with its last id.
        """
        try:
            events = await (self._continued() if self._resumed else self._afresh())
            while True:
                if not events:
                    yield None
                for event in events:
                    yield event
                self.has_ended = bool(events) and isinstance(events[-1].content, Ended)
                if self.has_ended or self._bursts.stopped:
                    return
                events = await self._more()
        except DriverError as error:
            _log.warning("a live stream lost the database", job_id=self._job.id, failure=type(error).__name__)

    # -- beginnings

    async def _resume(self, position: Position) -> bool:
        teller = Teller(position)
        over = self._job.ended and teller.has_told_end
        if not teller.knows(self._job) or not (over or position.token):
            return False
        try:
            if not over:
                await self._bursts.watch(after=position.token, findings=not teller.has_all_findings)
        except ResumePointLost:
            return False
        self._teller = teller
        return True

    async def _continued(self) -> list[Event]:
        """Where there is nothing more to come, the end again; else what of the findings had not been listed yet."""
        if not self._bursts.watching:
            return [await self._end(await self._read())]
        if not self._teller.position.unlisted:
            return []
        return self._teller.listed(await self._first_findings(self._job))

    async def _afresh(self) -> list[Event]:
        """How everything stands now, and the findings there are already."""
        job = await self._read()
        findings = [] if job.ended else await self._first_findings(job)
        self._teller.begin(job, self._bursts.token, unlisted=len(findings))
        snapshot = Snapshot(job, await self._sources.progress.of(job), await self._sources.shards(job))
        first = self._teller.event(snapshot)
        if job.ended:
            return [first, await self._end(job)]
        return [first, *self._teller.listed(findings)]

    async def _first_findings(self, job: Job) -> list[Finding]:
        first = PageRequest(limit=FIRST_FINDINGS)
        return (await self._sources.findings.page(Ledger(job.id, job.generation), first, ReportFilter())).items

    # -- going on

    async def _more(self) -> list[Event]:
        try:
            changes = await self._bursts.next()
            job = await self._read()
            if self._bursts.stopped:
                return []
            if self._teller.knows(job):
                return await self._events(job, changes)
        except ResumePointLost as lost:
            _log.warning("a live stream begins again", job_id=self._job.id, reason=str(lost))
        await self._bursts.watch(after=None, findings=True)
        return await self._afresh()

    async def _events(self, job: Job, changes: Sequence[Change]) -> list[Event]:
        events = self._teller.told(job, [(change.token, happening(change)) for change in changes])
        if changes:
            events.append(await self._progress(job))
        if job.ended and (self._teller.has_told_end or not changes):  # not before all that led to it has been told
            events.append(await self._end(job))
        elif self._bursts.with_findings and self._teller.has_all_findings:  # there may be thousands more
            await self._bursts.watch(after=self._teller.position.token, findings=False)
        return events

    async def _progress(self, job: Job) -> Event:
        return self._teller.event(ProgressMade(await self._sources.progress.of(job), await self._sources.shards(job)))

    async def _end(self, job: Job) -> Event:
        self._teller.state(job.state, job.phase, paused=job.paused)
        return self._teller.event(Ended(job, await self._sources.progress.of(job)))

    async def _read(self) -> Job:
        """The job as it is now; the stream stops when it is there no more, or no longer the reader's."""
        job = await self._sources.jobs.get(self._job.id, self._actor)
        if job is None:
            self.stop()
        self._job = job or self._job
        return self._job


class EventService:
    """Opens live streams, as many at a time as the settings allow."""

    def __init__(self, sources: EventSources, settings: EventSettings) -> None:
        self._sources = sources
        self._settings = settings
        self._open: set[EventStream] = set()
        self._closed = False

    @asynccontextmanager
    async def open(self, job_id: str, actor: Actor, *, last_event_id: str | None) -> AsyncIterator[EventStream]:
        """The live events of an import, from the event after `last_event_id` on, else with a snapshot first.

        A place that the database no longer remembers gets a snapshot too. Raises JobNotFound, BadEventId and
        TooManyStreams.
        """
        job = await self._sources.jobs.get(job_id, actor)
        if job is None:
            raise JobNotFound(job_id)
        position = Position.decoded(last_event_id) if last_event_id else None
        stream = self._admitted(EventStream(job, actor, self._sources, self._settings))
        try:
            await stream.start(position)
            yield stream
        finally:
            self._open.discard(stream)
            await stream.close()

    def close(self) -> None:
        """End every stream soon and open no other; the process is about to stop."""
        self._closed = True
        for stream in self._open:
            stream.stop()

    def _admitted(self, stream: EventStream) -> EventStream:
        if self._closed or len(self._open) >= self._settings.max_streams:
            raise TooManyStreams("No further live stream can be opened at present; ask for the status instead.")
        self._open.add(stream)
        return stream
