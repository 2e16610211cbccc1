"""The Celery application that the queue, the launcher and the worker share: names, queues and deadlines."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import redis.exceptions
from celery import Celery
from kombu.exceptions import KombuError

from shared.foundation.ids import new_id
from shared.ports.job_queue import QueueUnavailable

CALLBACK_TASK: Final = "datayard.callback"
RUN_JOB_TASK: Final = "datayard.run_job"
CALLBACKS: Final = "callbacks"
JOBS: Final = "jobs"
DEADLINE_SECONDS: Final = 6.0

_RETRIES = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.5}
_FAILURES = (KombuError, redis.exceptions.RedisError, OSError)


def make_celery(broker_url: str) -> Celery:
    """A Celery application on the broker, without tasks: JSON only, no results, deadlines of seconds.

    Tasks are acknowledged when done and given to another worker if theirs dies, so each must bear being run twice.
    """
    app = Celery("datayard", broker=broker_url, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_default_queue=JOBS,
        task_routes={CALLBACK_TASK: {"queue": CALLBACKS}, RUN_JOB_TASK: {"queue": JOBS}},
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_publish_retry_policy=_RETRIES,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_timeout=2,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": 3600,
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
            **_RETRIES,
        },
    )
    return app


class CelerySender:
    """Sends tasks by name from an event loop."""

    def __init__(self, broker_url: str) -> None:
        self._app = make_celery(broker_url)

    async def send(
        self, task: str, job_id: str, *, queue: str, delay_seconds: float = 0, times: int = 1
    ) -> Sequence[str]:
        """Put the task into the queue, `times` times; the tasks' ids. Raises QueueUnavailable within seconds."""
        ids = [new_id() for _ in range(times)]

        def send_all() -> None:
            for one in ids:
                self._app.send_task(task, args=[job_id], queue=queue, countdown=delay_seconds or None, task_id=one)

        await _within_deadline(send_all)
        return ids

    async def revoke(self, ids: Sequence[str]) -> None:
        """Have tasks that no worker has begun never begun. Raises QueueUnavailable within seconds."""

        def revoke_all() -> None:
            self._app.control.revoke(list(ids))

        await _within_deadline(revoke_all)

    async def ping(self) -> None:
        """Return if the broker takes a connection. Raises QueueUnavailable within seconds."""
        await _within_deadline(self._connect)

    def _connect(self) -> None:
        with self._app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=int(DEADLINE_SECONDS))


async def _within_deadline(action: Callable[[], None]) -> None:
    """Run what blocks in a thread; all its ways to fail are one. A thread past its deadline ends by its own."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await asyncio.to_thread(action)
    except (*_FAILURES, TimeoutError) as error:
        raise QueueUnavailable("The broker of the job queue does not answer.") from error
