"""Live events of an import, as server-sent events and as WebSocket messages."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, Field

from services.api.views.imports import JobView, job_view
from shared.features.imports.events.changes import ShardChanged, ShardSummary
from shared.features.imports.events.models import (
    Ended,
    Event,
    FindingMade,
    ProgressMade,
    ShardsChanged,
    Snapshot,
    StateChanged,
)
from shared.features.imports.findings.views import finding_view
from shared.features.imports.models import Progress

_RETRY_MILLISECONDS = 1000
STILL_HERE = format_sse_event(comment="still here")
FIRST_LINES = format_sse_event(retry=_RETRY_MILLISECONDS)

_EXAMPLE_EVENT = {
    "event": "progress",
    "id": "WzEsMCwicnVubmluZyIsInRyYW5zZmVyIiwiODI2QjAxNUMiLCIiLDAsMF0",
    "data": '{"fraction": 0.5, "images_total": 200, "images_done": 100, "bytes_per_second": 11000, "eta_seconds": 1}',
}
# The fields of one event, as OpenAPI describes streams of them (section 4.14.4 of its version 3.2).
_EVENT_SCHEMA = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "description": "`snapshot`, `state`, `shards`, `finding`, `progress` or `end`."},
        "id": {"type": "string", "description": "Send it as `Last-Event-ID` to go on after this event."},
        "data": {"type": "string", "description": "A JSON object."},
        "retry": {"type": "integer", "minimum": 0},
    },
    "examples": [_EXAMPLE_EVENT],
}
STREAM_ANSWER: Mapping[int | str, dict[str, Any]] = {
    200: {
        "description": "Events until the import has ended.",
        "content": {"text/event-stream": {"schema": _EVENT_SCHEMA}},
    }
}


class ShardSummaryView(BaseModel):
    """How many shards there are, and how many in each state."""

    total: int
    states: dict[str, int]


class SnapshotView(JobView):
    """The status, and the shards behind it."""

    model_config = ConfigDict(json_schema_extra={})

    shards: ShardSummaryView


class ProgressView(Progress):
    """How far the import is, as in its status, and the shards behind it."""

    shards: ShardSummaryView


class ShardView(BaseModel):
    """How one shard stands. Of a shard that was split, both parts have its `index`."""

    id: str
    index: int
    state: str
    progress: dict[str, int]


class ShardsView(BaseModel):
    """The shards that changed."""

    items: list[ShardView]


class StateView(BaseModel):
    """What the import is at. One that is `paused` is `queued` and rests until it is resumed."""

    state: str
    phase: str
    paused: bool


class MessageView(BaseModel):
    """An event as a WebSocket message."""

    event: str
    id: str = Field(description="Send it as `last_event_id` to go on after this event.")
    data: Any


def sse_of(event: Event) -> bytes:
    """The event as it goes over the wire of server-sent events."""
    name, view = _NAMES[type(event.content)], _view(event)
    return format_sse_event(data_str=view.model_dump_json(), event=name, id=event.id)


def message_of(event: Event) -> str:
    """The event as the text of a WebSocket message."""
    view = _view(event).model_dump(mode="json")
    return MessageView(event=_NAMES[type(event.content)], id=event.id, data=view).model_dump_json()


def _view(event: Event) -> BaseModel:
    return _VIEWS[type(event.content)](event.content)


def _snapshot(content: Snapshot) -> SnapshotView:
    status = job_view(content.job, content.progress)
    return SnapshotView(**dict(status), shards=_shards(content.shards))


def _progress(content: ProgressMade) -> ProgressView:
    return ProgressView(**dict(content.progress), shards=_shards(content.shards))


def _shards(summary: ShardSummary) -> ShardSummaryView:
    return ShardSummaryView(total=summary.total, states=dict(summary.states))


def _shard(shard: ShardChanged) -> ShardView:
    return ShardView(id=shard.id, index=shard.index, state=shard.state, progress=dict(shard.progress))


_NAMES: Mapping[type, str] = {
    Snapshot: "snapshot",
    ProgressMade: "progress",
    ShardsChanged: "shards",
    FindingMade: "finding",
    StateChanged: "state",
    Ended: "end",
}
_VIEWS: Mapping[type, Callable[[Any], BaseModel]] = {
    Snapshot: _snapshot,
    ProgressMade: _progress,
    ShardsChanged: lambda content: ShardsView(items=[_shard(shard) for shard in content.shards]),
    FindingMade: lambda content: finding_view(content.finding),
    StateChanged: lambda content: StateView(state=content.state, phase=content.phase, paused=content.paused),
    Ended: lambda content: job_view(content.job, content.progress),
}
