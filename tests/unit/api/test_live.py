"""Whose pages may open a WebSocket."""

import pytest
from starlette.datastructures import Headers

from services.api.live import is_own_page


@pytest.mark.parametrize(
    ("host", "origin", "own"),
    [
        ("127.0.0.1:8000", None, True),
        ("127.0.0.1:8000", "http://127.0.0.1:8000", True),
        ("127.0.0.1:8000", "http://localhost:8000", False),
        ("127.0.0.1:8000", "http://127.0.0.1:9000", False),
        ("127.0.0.1:8000", "http://127.0.0.1", False),
        ("[::1]:8000", "http://[::1]:8000", True),
        ("data.example", "https://data.example", True),
        ("data.example:443", "https://DATA.example", True),
        ("data.example", "https://evil.example", False),
        ("data.example", "https://data.example.evil.example", False),
        ("data.example", "https://evil.example@data.example.evil", False),
        ("data.example", "null", False),
        ("data.example", "", False),
        ("", "null", False),
        ("", "", False),
        ("data.example", "https://[", False),
        ("data.example", "https://data.example:notaport", False),
    ],
)
def test_only_pages_of_the_same_host(host: str, origin: str | None, own: bool) -> None:
    headers = {"host": host} | ({} if origin is None else {"origin": origin})
    assert is_own_page(Headers(headers)) is own
