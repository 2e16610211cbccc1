"""RFC 9457 problem documents, and what is wrong with which part of a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, Field

_NOT_THIS_KIND = {
    "string_type": "Input should be a string",
    "model_type": "Input should be an object",
    "model_attributes_type": "Input should be an object",
    "dict_type": "Input should be an object",
}
_AS_JSON = "send it with Content-Type: application/json"

Place: TypeAlias = tuple[str | int, ...]


class FieldProblem(BaseModel):
    """What is wrong with one part of a request."""

    pointer: str = Field(description="JSON pointer to the part.")
    detail: str


class ProblemView(BaseModel):
    """What went wrong, in words for people (`detail`) and programs (`type`)."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/dataset-not-found",
                    "title": "Dataset not found",
                    "status": 404,
                    "detail": "No dataset 'racoons' that you may read.",
                    "instance": "/datasets/racoons",
                    "correlation_id": "0193a5c1f2b04be0c9d1a7e2",
                }
            ]
        },
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    correlation_id: str
    errors: list[FieldProblem] | None = None


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong at a place; `branch` is where a choice between kinds was made on the way, if one was."""

    place: Place
    kind: str
    detail: str
    branch: Place | None

    @property
    def is_other_kind(self) -> bool:
        """True when the value is not even of the kind that this branch is about."""
        return self.branch == self.place and self.kind in _NOT_THIS_KIND


def field_problems(errors: Sequence[Mapping[str, Any]], body: object) -> list[FieldProblem]:
    """What the framework found wrong with a request, with real pointers and without the names of our classes.

    Of the kinds a value may be of, only the one it is of is spoken of; all of them where it is of none.
    """
    faults = [_fault(error, body) for error in errors]
    settled = {fault.branch for fault in faults if not fault.is_other_kind}
    details: dict[str, list[str]] = {}
    for fault in faults:
        if not (fault.is_other_kind and fault.branch in settled):
            details.setdefault(_pointer(fault.place), []).append(fault.detail)
    return [FieldProblem(pointer=at, detail=" or ".join(dict.fromkeys(said))) for at, said in details.items()]


def _fault(error: Mapping[str, Any], body: object) -> _Fault:
    place, kind = tuple(error["loc"]), str(error["type"])
    if kind == "json_invalid":
        return _Fault(("body",), kind, _broken_json(error, body), None)
    if place == ("body",) and (kind == "missing" or isinstance(body, bytes)):
        said = "A JSON object is required" if kind == "missing" else "The body was not read as JSON"
        return _Fault(place, kind, f"{said}; {_AS_JSON}", None)
    if place[0] == "body":
        place, branch = _without_branches(place, body, missing=kind == "missing")
    else:
        branch = None
    detail = _NOT_THIS_KIND.get(kind) or str(error["msg"]).removeprefix("Value error, ")
    return _Fault(place, kind, detail, branch)


def _broken_json(error: Mapping[str, Any], body: object) -> str:
    """The reason, and the position as editors count it."""
    reason, before = error.get("ctx", {}).get("error", "it cannot be read"), str(body)[: int(error["loc"][-1])]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return f"The body is no JSON: {reason} (line {line}, column {column})"


def _without_branches(place: Place, body: object, *, missing: bool) -> tuple[Place, Place | None]:
    """The place as the body has it: a step that is not there, unless it is what is missing, names a kind of value.

    Also where the last such choice was made.
    """
    kept: list[str | int] = [place[0]]
    at: Any = body
    branch: Place | None = None
    for number, step in enumerate(place[1:], start=2):
        if isinstance(at, dict | list) and step in (at if isinstance(at, dict) else range(len(at))):
            kept.append(step)
            at = cast("Any", at)[step]
        elif missing and number == len(place):
            kept.append(step)
        else:
            branch = tuple(kept)
    return tuple(kept), branch


def _pointer(place: Place) -> str:
    return "#/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in place)
