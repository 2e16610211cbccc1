"""Eventarc: what a bucket announces by Pub/Sub becomes a CloudEvent that is posted, with an OIDC token, until taken.

`python -m tests.emulators.eventarc --port P --target URL …`. fake-gcs-server publishes to it as to a Pub/Sub emulator.
Events may be told to come twice, late and out of order. Lacks: filters, dead letters; what is under way is lost by a
restart, where the service keeps it for a day.
"""

import argparse
import asyncio
import contextlib
import json
import random
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
from google.pubsub_v1 import types as pubsub

from tests.emulators.identity import TokenIssuer
from tests.emulators.posting import Poster
from tests.emulators.wire import Answers, service

FINALIZED = "google.cloud.storage.object.v1.finalized"


@dataclass(frozen=True)
class Disorder:
    """How events misbehave: each comes up to `copies` times, each copy up to `late_seconds` late."""

    copies: int = 1
    late_seconds: float = 0.0


class Eventarc:
    """Takes messages as a Pub/Sub topic does; posts those of finished objects."""

    def __init__(self, target: str, poster: Poster, disorder: Disorder) -> None:
        self._target, self._poster, self._disorder = target, poster, disorder
        self._dice = random.Random(5)
        self._posting: set[asyncio.Task[None]] = set()

    def methods(self) -> dict[str, Answers]:
        """What the publisher's service answers."""
        return {
            "GetTopic": Answers(self._get_topic, pubsub.GetTopicRequest, pubsub.Topic),
            "Publish": Answers(self._publish, pubsub.PublishRequest, pubsub.PublishResponse),
        }

    async def close(self) -> None:
        """Drop what has not been taken."""
        for task in self._posting:
            task.cancel()
        await asyncio.gather(*self._posting, return_exceptions=True)

    async def _get_topic(self, asked: pubsub.GetTopicRequest) -> pubsub.Topic:
        return pubsub.Topic(name=asked.topic)

    async def _publish(self, asked: pubsub.PublishRequest) -> pubsub.PublishResponse:
        ids = []
        for message in asked.messages:
            ids.append(uuid.uuid4().hex)
            if message.attributes.get("eventType") == "OBJECT_FINALIZE":
                for _ in range(self._dice.randint(1, self._disorder.copies)):
                    self._spawn(ids[-1], message)
        return pubsub.PublishResponse(message_ids=ids)

    def _spawn(self, event_id: str, message: pubsub.PubsubMessage) -> None:
        task = asyncio.create_task(self._post(event_id, message))
        self._posting.add(task)
        task.add_done_callback(self._posting.discard)

    async def _post(self, event_id: str, message: pubsub.PubsubMessage) -> None:
        await asyncio.sleep(self._dice.uniform(0, self._disorder.late_seconds))
        data = json.loads(message.data)
        bucket, name = message.attributes["bucketId"], message.attributes["objectId"]
        headers = {
            "Content-Type": "application/json",
            "ce-specversion": "1.0",
            "ce-id": event_id,
            "ce-type": FINALIZED,
            "ce-source": f"//storage.googleapis.com/projects/_/buckets/{bucket}",
            "ce-subject": f"objects/{name}".encode("ascii", "backslashreplace").decode(),
            "ce-time": datetime.now(UTC).isoformat(),
        }
        await self._poster.insist(self._target, body=json.dumps(data).encode(), headers=headers)


@contextlib.asynccontextmanager
async def serving(emulator: Eventarc, port: int = 0) -> AsyncIterator[int]:
    """Serve the emulator on the loopback; the port."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((service("google.pubsub.v1.Publisher", emulator.methods()),))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(grace=0)
        await emulator.close()


async def run(given: argparse.Namespace) -> None:
    """Serve until killed."""
    poster = Poster(TokenIssuer(folder=given.keys), audience=given.audience, email=given.email)
    emulator = Eventarc(given.target, poster, Disorder(given.copies, given.late_seconds))
    async with serving(emulator, given.port) as bound:
        print(f"events at 127.0.0.1:{bound}", flush=True)  # noqa: T201 - a command's answer
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.emulators.eventarc", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--target", required=True)
    parser.add_argument("--audience", required=True)
    parser.add_argument("--email", required=True)
    parser.add_argument("--keys", type=Path, help="where the keys of tokens are kept")
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--late-seconds", type=float, default=0.0)
    asyncio.run(run(parser.parse_args()))
