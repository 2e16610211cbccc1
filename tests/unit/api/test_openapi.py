"""Every endpoint in the API's description has an example of what it takes and of what it gives."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

DESCRIPTION = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())


def operations() -> Iterator[tuple[str, dict]]:
    for path, methods in DESCRIPTION["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def has_example(schema: dict) -> bool:
    """Its own, that of what it refers to, or of the items of the list it holds."""
    if "$ref" in schema:
        return has_example(DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "examples" in schema or schema.get("format") == "binary":
        return True
    properties = schema.get("properties", {})
    parts = [part for part in properties.values() if "$ref" in part or part.get("type") == "array"]
    simple = all(
        "const" in part or "default" in part or part.get("type") in ("string", "integer")
        for part in properties.values()
    )
    return (bool(properties) and simple) or any(has_example(part.get("items", part)) for part in parts)


@pytest.mark.parametrize(
    ("name", "operation"), list(operations()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_endpoint_has_examples(name: str, operation: dict) -> None:
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    answers = [
        answer for status, answer in operation["responses"].items() if status.startswith("2") and status != "204"
    ]

    for part in bodies + answers:
        for media_type, content in part.get("content", {}).items():
            if media_type == "application/json":
                assert has_example(content["schema"]), (name, content)


@pytest.mark.parametrize(
    ("name", "operation"), list(operations()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_endpoint_says_what_it_does(name: str, operation: dict) -> None:
    assert operation.get("description"), name
    assert any(status.startswith("2") for status in operation["responses"]), name
