"""From changes of documents to events, in their order."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from shared.features.imports.events.changes import FindingWritten, Happening, JobChanged, ShardChanged
from shared.features.imports.events.models import Content, Event, FindingMade, Position, ShardsChanged, StateChanged
from shared.features.jobs.models import ENDED, Job
from shared.formats.findings import Finding

FIRST_FINDINGS = 20
_MOST_SHARDS = 500


@dataclass(slots=True)
class Teller:
    """Tells one reader what happens; `position` is what has been told."""

    position: Position = field(default_factory=Position)

    @property
    def has_all_findings(self) -> bool:
        """True when the reader has been told of as many findings as anybody is."""
        return self.position.findings >= FIRST_FINDINGS

    @property
    def has_told_end(self) -> bool:
        """True when the last state told was an end."""
        return self.position.state in ENDED

    def begin(self, job: Job, token: str, *, unlisted: int = 0) -> None:
        """Forget what was told: the job as it is now is what comes next, then the findings that it has already."""
        told = Position(job.generation, 0, job.state, job.phase, token)
        self.position = replace(told, unlisted=unlisted, paused=job.paused)

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
        if self.has_all_findings or self.position.has_shown(finding):
            return None
        self.position = self.position.after(finding)
        return self.event(FindingMade(finding))

    def listed(self, findings: Sequence[Finding]) -> list[Event]:
        """The events of findings that were there before the changes; who is cut off among them gets the others."""
        new = [finding for finding in findings if not self.position.has_shown(finding)]
        events: list[Event | None] = []
        for left in reversed(range(len(new))):
            self.position = replace(self.position, unlisted=left)
            events.append(self.finding(new[-1 - left]))
        self.position = replace(self.position, unlisted=0)
        return [event for event in events if event is not None]

    def state(self, state: str | None, phase: str | None, *, paused: bool | None = None) -> Event | None:
        """The event of a state and phase, and whether the job rests, if they are new; None where one stayed."""
        before = self.position
        rests = before.paused if paused is None else paused
        self.position = replace(before, state=state or before.state, phase=phase or before.phase, paused=rests)
        if self.position == before:
            return None
        return self.event(StateChanged(self.position.state, self.position.phase, self.position.paused))

    def _event_of(self, what: Happening) -> Event | None:
        generation = self.position.generation
        if isinstance(what, JobChanged):
            return self.state(what.state, what.phase, paused=what.paused)
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
