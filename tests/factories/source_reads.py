"""Reads from sources of bytes: whole or in part, and from a scripted server as an import does."""

from shared.adapters.byte_source.http import HttpByteSource
from shared.foundation.settings import SourceSettings
from shared.ports.byte_source import ByteSource
from tests.factories.scripted_server import ScriptedServer

SETTINGS = SourceSettings(allow_private=True, attempts=1, read_seconds=0.3, connect_seconds=0.4, max_redirects=3)
DATA = bytes(range(251)) * 4_000


async def content(source: ByteSource, start: int = 0, end: int | None = None) -> bytes:
    """The bytes of a range; all without one."""
    return b"".join([chunk async for chunk in source.read(start, end)])


def source_at(server: ScriptedServer, *, name: str = "data.zip", **changes: object) -> HttpByteSource:
    """A source on the server; `changes` are to the settings."""
    return HttpByteSource(server.url_of(name), SETTINGS.model_copy(update=changes))


async def outcome(server: ScriptedServer, *, described: bool = True, **changes: object) -> bytes:
    """All the bytes; read after a description, as an import does."""
    source = source_at(server, **changes)
    try:
        if described:
            await source.describe()
        return await content(source)
    finally:
        await source.close()
