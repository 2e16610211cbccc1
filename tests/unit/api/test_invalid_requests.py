"""What is said of a request that does not fit: real pointers, no names of classes, reasons in plain words."""

import json

import httpx2
import pytest

from services.api.main import create_app
from services.api.settings import ApiSettings

JSON = "application/json"


async def errors_of(content: bytes, content_type: str | None = JSON, path: str = "/datasets/import") -> dict[str, str]:
    """Pointer -> detail of the refusal of a POST."""
    app = create_app(ApiSettings())
    headers = {} if content_type is None else {"Content-Type": content_type}
    try:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://yard") as client:
            answer = await client.post(path, content=content, headers=headers)
    finally:
        await app.state.container.close()
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")
    return {error["pointer"]: error["detail"] for error in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"source": {"zip": "file:///a"}}, {"#/body/source/zip": "Extra inputs are not permitted"}),
        ({"source": 5}, {"#/body/source": "Input should be a string or Input should be an object"}),
        ({"source": ""}, {"#/body/source": "String should have at least 1 character"}),
        ({"source": {"images": ""}}, {"#/body/source/images": "String should have at least 1 character"}),
        ({"source": {"images": 7}}, {"#/body/source/images": "Input should be a string"}),
        (
            {"source": {}},
            {"#/body/source": "give either the archive, or the images with labels and config of their own"},
        ),
        ({}, {"#/body/source": "Field required"}),
        ({"source": "/a", "a/b~": 1}, {"#/body/a~1b~0": "Extra inputs are not permitted"}),
        (
            {"source": "/a", "in_place": True},
            {"#/body": "in_place needs storage packed: images that become objects are copied"},
        ),
        ([1], {"#/body": "Input should be an object"}),
    ],
)
async def test_parts_are_named_as_the_body_has_them(body: object, found: dict[str, str]) -> None:
    assert await errors_of(json.dumps(body).encode()) == found


async def test_broken_json_is_told_with_reason_and_place() -> None:
    found = await errors_of(b'{"source": "/a",\n "name": }')
    assert found == {"#/body": "The body is no JSON: Expecting value (line 2, column 10)"}


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_that_does_not_say_it_is_json(content_type: str | None) -> None:
    found = await errors_of(b'{"source": "/a"}', content_type)
    assert found == {"#/body": "The body was not read as JSON; send it with Content-Type: application/json"}


async def test_no_body_at_all() -> None:
    found = await errors_of(b"", None)
    assert found == {"#/body": "A JSON object is required; send it with Content-Type: application/json"}
