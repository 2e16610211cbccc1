"""Events of a bucket as Eventarc brings them, and the ingest service of a yard that they are brought to."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from pydantic import SecretStr

from services.ingest.main import create_app
from services.ingest.settings import IngestSettings
from shared.foundation.settings import CallbackSettings, GcsStore
from tests.factories.yard import Yard

BUCKET = "yard"
FINALIZED = "google.cloud.storage.object.v1.finalized"


def object_data(name: str, size: int, *, generation: int = 1, bucket: str = BUCKET) -> dict[str, Any]:
    """What an event says of an object; numbers as text."""
    return {
        "kind": "storage#object",
        "id": f"{bucket}/{name}/{generation}",
        "bucket": bucket,
        "name": name,
        "generation": str(generation),
        "metageneration": "1",
        "size": str(size),
        "contentType": "application/octet-stream",
        "crc32c": "AAAAAA==",
    }


def binary(data: dict[str, Any], *, id_: str = "1", **more: str) -> dict[str, Any]:
    """The request of an event in binary mode, which Eventarc uses."""
    headers = {
        "content-type": "application/json",
        "ce-id": id_,
        "ce-source": f"//storage.googleapis.com/projects/_/buckets/{data.get('bucket')}",
        "ce-specversion": "1.0",
        "ce-type": FINALIZED,
        "ce-subject": "objects/x",
        "ce-time": "2026-11-22T01:00:00Z",
    }
    return {"headers": headers | {f"ce-{name}": value for name, value in more.items()}, "content": json.dumps(data)}


def structured(data: dict[str, Any], /, *, encode: bool = False, **more: Any) -> dict[str, Any]:
    """The same in structured mode."""
    raw = base64.b64encode(json.dumps(data).encode()).decode()
    event = {"id": "1", "source": "//storage.googleapis.com/x", "specversion": "1.0", "type": FINALIZED}
    event |= {"data_base64": raw} if encode else {"data": data, "datacontenttype": "application/json"}
    headers = {"content-type": "application/cloudevents+json; charset=utf-8"}
    return {"headers": headers, "content": json.dumps(event | more)}


@asynccontextmanager
async def ingest_of(yard: Yard, *, prefix: str = "") -> AsyncIterator[httpx2.AsyncClient]:
    """The machines' door of the yard; whoever knocks shows the token. Our store stands for the bucket."""
    settings = IngestSettings(
        object_store=GcsStore(bucket=BUCKET, prefix=prefix), callback=CallbackSettings(token=SecretStr("open"))
    )
    app = create_app(settings)
    await app.state.container.close()
    app.state.container = yard.container
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://ingest", headers={"Authorization": "Bearer open"}
    ) as door:
        yield door
