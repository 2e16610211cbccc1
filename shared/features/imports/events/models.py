"""The live story of an import as events, and the place in it that a reader has come to."""

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TypeAlias

from shared.features.imports.events.changes import ShardChanged, ShardSummary
from shared.features.imports.models import Progress
from shared.features.jobs.models import Job
from shared.formats.findings import Finding
from shared.foundation.errors import Invalid
from shared.foundation.paging import BadCursor, decode_cursor, encode_cursor

_MARK = 6


class BadEventId(Invalid):
    """The id was not given to an event."""

    slug, title = "bad-event-id", "The event id is not valid"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How the import stands; what follows is what changes."""

    job: Job
    progress: Progress
    shards: ShardSummary


@dataclass(frozen=True, slots=True)
class ProgressMade:
    """How far the import is."""

    progress: Progress
    shards: ShardSummary


@dataclass(frozen=True, slots=True)
class ShardsChanged:
    """How the shards stand that have changed."""

    shards: tuple[ShardChanged, ...]


@dataclass(frozen=True, slots=True)
class FindingMade:
    """One of the first findings."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The job is in another state or phase, or rests, or does so no more."""

    state: str
    phase: str
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """How the import ended. Nothing follows."""

    job: Job
    progress: Progress


Content: TypeAlias = Snapshot | ProgressMade | ShardsChanged | FindingMade | StateChanged | Ended


@dataclass(frozen=True, slots=True)
class Event:
    """One event. A stream that is opened with its `id` goes on right after it."""

    id: str
    content: Content


@dataclass(frozen=True, slots=True)
class Position:
    """What a reader has seen: of which plan, how many findings, which state, and the changes up to `token`.

    `shown` are the marks of those findings, one behind the other: a change may bring one that was told already.
    `unlisted` findings were there before the changes and are still to be told.
    """

    generation: int = 0
    findings: int = 0
    state: str = ""
    phase: str = ""
    token: str = ""
    shown: str = ""
    unlisted: int = 0
    paused: bool = False

    def encoded(self) -> str:
        """The id of the event that leads here: at most a few hundred letters, digits, `-` and `_`."""
        seen = (self.generation, self.findings, self.state, self.phase, self.token)
        return encode_cursor(*seen, self.shown, self.unlisted, int(self.paused))

    def has_shown(self, finding: Finding) -> bool:
        """Whether the finding is among those that were told."""
        marks = (self.shown[at : at + _MARK] for at in range(0, len(self.shown), _MARK))
        return _mark(finding) in marks

    def after(self, finding: Finding) -> "Position":
        """The position once the finding is told as well."""
        return replace(self, findings=self.findings + 1, shown=self.shown + _mark(finding))

    @classmethod
    def decoded(cls, event_id: str) -> "Position":
        """The position an id means. Raises BadEventId."""
        try:
            seen = decode_cursor(event_id, int, int, str, str, str, str, int, int)
        except BadCursor as error:
            raise BadEventId("The id is not that of an event; begin again without it.") from error
        generation, findings, state, phase, token, shown, unlisted, paused = seen
        told = (int(generation), int(findings), str(state), str(phase), str(token))
        return cls(*told, str(shown), int(unlisted), bool(paused))


def _mark(finding: Finding) -> str:
    """A few digits that tell the first findings apart; twenty of them still fit into an id."""
    said = "\0".join(map(str, (finding.rule, finding.file, finding.message, finding.line, finding.column)))
    return blake2b(said.encode("utf-8", "surrogatepass"), digest_size=_MARK // 2).hexdigest()
