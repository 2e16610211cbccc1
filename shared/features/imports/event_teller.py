"""From changes of documents to events, in their order."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from shared.features.imports.changes import FindingWritten, Happening, JobChanged, ShardChanged
from shared.features.imports.events import Content, Event, FindingMade, Position, ShardsChanged, StateChanged
from shared.features.jobs.models import ENDED, Job
from shared.formats.findings import Finding

FIRST_FINDINGS = 20
_MOST_SHARDS = 500


@dataclass(slots=True)
class Teller:
    """Tells one reader what happens; `position` is what has been told."""

    position: Position = field(default_factory=Position)
    _shown: set[Finding] = field(default_factory=set)

    @property
    def has_all_findings(self) -> bool:
        """True when the reader has been told of as many findings as anybody is."""
        return self.position.findings >= FIRST_FINDINGS

    @property
    def has_told_end(self) -> bool:
        """True when the last state told was an end."""
        return self.position.state in ENDED

    def begin(self, job: Job, token: str) -> None:
        """Forget what was told: the job as it is now is what comes next."""
        self.position = Position(job.generation, 0, job.state, job.phase, token)
        self._shown = set()

    def knows(self, job: Job) -> bool:
        """True as long as what was told is of the plan that counts."""
        return self.position.generation in (0, job.generation)

    def told(self, job: Job, happenings: Sequence[tuple[str, Happening]]) -> list[Event]:
        """The events of what happened, each with the token after it. Shards that follow each other share an event.

        The job is read after the changes: what is of a plan other than its own is not told.
        """
        events: list[Event] = []
        self.position = replace(self.position, generation=job.generation)
        for token, what in happenings:
            self.position = replace(self.position, token=token)
            event = self._event_of(what)
            if event is not None:
                _append(events, event)
        return events

    def event(self, content: Content) -> Event:
        """An event at this position."""
        return Event(self.position.encoded(), content)

    def finding(self, finding: Finding) -> Event | None:
        """The event of a finding, if it is one of the first and new."""
        if self.has_all_findings or finding in self._shown:
            return None
        self._shown.add(finding)
        self.position = replace(self.position, findings=self.position.findings + 1)
        return self.event(FindingMade(finding))

    def state(self, state: str | None, phase: str | None) -> Event | None:
        """The event of a state and phase, None where it stayed, if they are new."""
        before = self.position
        self.position = replace(before, state=state or before.state, phase=phase or before.phase)
        if (before.state, before.phase) == (self.position.state, self.position.phase):
            return None
        return self.event(StateChanged(self.position.state, self.position.phase))

    def _event_of(self, what: Happening) -> Event | None:
        generation = self.position.generation
        if isinstance(what, JobChanged):
            return self.state(what.state, what.phase)
        if isinstance(what, FindingWritten) and what.generation == generation:
            return self.finding(what.finding)
        if isinstance(what, ShardChanged) and what.generation == generation:
            return self.event(ShardsChanged((what,)))
        return None


def _append(events: list[Event], event: Event) -> None:
    """Add the event, or make it one with the last if both are of shards: the newest of each shard counts."""
    last = events[-1].content if events else None
    if not (isinstance(last, ShardsChanged) and isinstance(event.content, ShardsChanged)):
        events.append(event)
        return
    merged = {shard.id: shard for shard in (*last.shards, *event.content.shards)}
    if len(merged) > _MOST_SHARDS:
        events.append(event)
    else:
        events[-1] = Event(event.id, ShardsChanged(tuple(merged.values())))
