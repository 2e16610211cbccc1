"""Which addresses can be imported from."""

import pytest

from shared.adapters.byte_source.registry import SchemeByteSources
from shared.adapters.object_store.memory import MemoryObjectStore
from shared.foundation.settings import SourceSettings
from shared.ports.byte_source import RefusedSource, UnsupportedSource
from tests.factories.source_reads import content


@pytest.fixture
def sources() -> SchemeByteSources:
    return SchemeByteSources(SourceSettings(), MemoryObjectStore())


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "relative/path.zip",
        "ftp://example.com/a.zip",
        "file:///etc/passwd",
        "/etc/passwd",
        "object://uploads/a.zip",
        "parts://10/20/archive/",
        "javascript:alert(1)",
        "http:///a.zip",
        "http://",
        "http://[::1/a",
        "http://example.com:99999/",
        "http://example.com:0/",
        "http://example.com/a.zip#part",
        "http://example.com/a\nHost: evil",
        "http://example.com\\@evil/",
        "https://example.com/" + "a" * 9000,
    ],
)
def test_unusable_addresses(sources, uri):
    with pytest.raises(UnsupportedSource):
        sources.check(uri)
    if not uri.startswith(("object:", "parts:")):
        with pytest.raises(UnsupportedSource):
            sources.open(uri)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254", "0"],
)
def test_written_out_private_addresses(sources, host):
    for action in (sources.check, sources.open):
        with pytest.raises(RefusedSource):
            action(f"http://user:secret@{host}/a.zip")


def test_usable_addresses(sources):
    for uri in ("https://example.com/a b.zip?x=%2F", "HTTP://user:p%40ss@8.8.8.8:8080/a.zip", "http://exämple.com/ü"):
        sources.check(uri)


async def test_opens_files_if_allowed_and_objects_always(tmp_path):
    store = MemoryObjectStore()
    await store.put("uploads/a b.zip", b"stored")
    (tmp_path / "a b.zip").write_bytes(b"file")
    sources = SchemeByteSources(SourceSettings(allow_files=True), store)
    for uri in (f"file://{tmp_path}/a%20b.zip", f"file://localhost{tmp_path}/a%20b.zip", f"{tmp_path}/a b.zip"):
        sources.check(uri)
        assert await content(sources.open(uri)) == b"file"
    assert await content(sources.open("object://uploads/a b.zip")) == b"stored"
    for uri in ("file://elsewhere/a.zip", "file:a.zip", "file:///a?b", "file:///a%00b"):
        with pytest.raises(UnsupportedSource):
            sources.check(uri)
