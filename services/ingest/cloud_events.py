"""CloudEvents 1.0 over HTTP, binary and structured (https://github.com/cloudevents/spec, HTTP Protocol Binding 1.0.2).

Read by hand: what we need of it is this page.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import BaseModel, Field, StringConstraints, ValidationError

FINALIZED = "google.cloud.storage.object.v1.finalized"
_STRUCTURED = "application/cloudevents+json"
_REQUIRED = ("id", "source", "specversion", "type")
_Name = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
_Digits = Annotated[str, StringConstraints(pattern="^[0-9]{1,20}$")]


class BrokenEvent(Exception):
    """What came is no event, or not of its kind; the same would not be understood later."""


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One event."""

    id: str
    source: str
    type: str
    data: Mapping[str, Any]


class StoredObject(BaseModel):
    """The data of Cloud Storage's events, as far as it is read; numbers come as text, which protobuf's JSON has."""

    bucket: _Name
    name: _Name
    generation: _Digits
    size: _Digits = Field(default="0")


def read_event(headers: Mapping[str, str], body: bytes) -> CloudEvent:
    """The event of a request. Raises BrokenEvent."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == _STRUCTURED:
        return _structured(_object(body))
    if media_type.startswith("application/cloudevents"):
        raise BrokenEvent(f"events as {media_type} are not read")
    attributes = {name: unquote(headers.get(f"ce-{name}", "")) for name in _REQUIRED}
    return _event(attributes, _object(body))


def stored_object(event: CloudEvent) -> StoredObject:
    """The object that an event of Cloud Storage is about. Raises BrokenEvent."""
    given = {name: str(value) if isinstance(value, int) else value for name, value in event.data.items()}
    try:
        return StoredObject.model_validate(given)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, one["loc"])) for one in error.errors())
        raise BrokenEvent(f"its data does not say which object it is about: {wrong}") from None


def _structured(document: Mapping[str, Any]) -> CloudEvent:
    attributes = {name: document.get(name) for name in _REQUIRED}
    data = document.get("data")
    if data is None and isinstance(encoded := document.get("data_base64"), str):
        try:
            data = _object(base64.b64decode(encoded, validate=True))
        except ValueError:
            raise BrokenEvent("its data_base64 is not base64") from None
    if not isinstance(data, dict):
        raise BrokenEvent("its data is no JSON object")
    return _event(attributes, data)


def _event(attributes: Mapping[str, Any], data: Mapping[str, Any]) -> CloudEvent:
    missing = [name for name in _REQUIRED if not isinstance(attributes[name], str) or not attributes[name]]
    if missing:
        raise BrokenEvent(f"it lacks {', '.join(missing)}")
    if not attributes["specversion"].startswith("1."):
        raise BrokenEvent("its specversion is not 1.0")
    return CloudEvent(id=attributes["id"], source=attributes["source"], type=attributes["type"], data=data)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise BrokenEvent("its body is no JSON") from None
    if not isinstance(found, dict):
        raise BrokenEvent("its body is no JSON object")
    return found
