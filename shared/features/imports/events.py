"""The live story of an import as events, and the place in it that a reader has come to."""

from dataclasses import dataclass
from typing import TypeAlias

from shared.features.imports.changes import ShardChanged, ShardSummary
from shared.features.imports.models import Progress
from shared.features.jobs.models import Job
from shared.formats.findings import Finding
from shared.foundation.errors import Invalid
from shared.foundation.paging import BadCursor, decode_cursor, encode_cursor


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
    """The job is in another state or phase."""

    state: str
    phase: str


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
    """What a reader has seen: of which plan, how many findings, which state, and the changes up to `token`."""

    generation: int = 0
    findings: int = 0
    state: str = ""
    phase: str = ""
    token: str = ""

    def encoded(self) -> str:
        """The id of the event that leads here: at most a few hundred letters, digits, `-` and `_`."""
        return encode_cursor(self.generation, self.findings, self.state, self.phase, self.token)

    @classmethod
    def decoded(cls, event_id: str) -> "Position":
        """The position an id means. Raises BadEventId."""
        try:
            generation, findings, state, phase, token = decode_cursor(event_id, int, int, str, str, str)
        except BadCursor as error:
            raise BadEventId("The id is not that of an event; begin again without it.") from error
        return cls(int(generation), int(findings), str(state), str(phase), str(token))
