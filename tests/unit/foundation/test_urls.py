"""What may be shown of an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.foundation.urls import redact

UNREADABLE = "(an address that cannot be read)"
WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/a.zip", "https://host/a.zip"),
        ("https://me:secret@host/a.zip?token=1#part", "https://host/a.zip"),
        ("https://me@host/a.zip", "https://host/a.zip"),
        ("https://:secret@host:8443/a.zip", "https://host:8443/a.zip"),
        ("https://me:se@cret@host/a.zip", "https://host/a.zip"),
        ("https://me:se%40cret@host/a.zip", "https://host/a.zip"),
        ("HTTPS://me:secret@HOST/A.zip", "https://host/A.zip"),
        ("https://host/a.zip?X-Amz-Signature=abc&X-Amz-Credential=me", "https://host/a.zip"),
        ("https://host?token=1", "https://host"),
        ("https://host/#token", "https://host/"),
        ("https://me:secret@[::1]:8000/a", "https://[::1]:8000/a"),
        ("https://me:secret@[fe80::1%25eth0]/a", "https://[fe80::1%25eth0]/a"),
        ("redis://:secret@127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("mongodb://me:secret@a:1/db?authSource=admin", "mongodb://a:1/db"),
        ("file:///home/me/a.zip", "file:///home/me/a.zip"),
        ("/home/me/a.zip", "/home/me/a.zip"),
        ("", ""),
        # what cannot be taken apart is not shown at all
        ("https://me:se/cret@host/a.zip", UNREADABLE),
        ("https://me:se#cret@host/a.zip", UNREADABLE),
        ("https://me:se?cret@host/a.zip", UNREADABLE),
        ("https://[::1/a", UNREADABLE),
        ("https://host:99999/a", UNREADABLE),
        ("https://host:port/a", UNREADABLE),
        ("mongodb://me:secret@a:1,b:2/db", UNREADABLE),
    ],
)
def test_credentials_queries_and_fragments_are_never_shown(url: str, shown: str) -> None:
    assert redact(url) == shown


@given(user=WORDS, password=st.text("abc!$&'()*+,;=:@%~-._ \\", max_size=12), query=st.text(max_size=12))
def test_no_mark_of_a_password_or_query_gets_through(user: str, password: str, query: str) -> None:
    shown = redact(f"https://{user}-SECRET:{password}SECRET{password}@host/path/a.zip?SECRET{query}SECRET")
    assert "SECRET" not in shown.upper()


@given(st.text(max_size=60))
def test_any_text_can_be_shown(text: str) -> None:
    assert isinstance(redact(text), str)
    assert (
        "@" not in redact(f"https://{text.partition('/')[0].partition('?')[0].partition('#')[0]}@host/").split("/a")[0]
    )
