"""Callbacks as tasks of a Cloud Tasks queue, which calls the ingest service with an OIDC token."""

import hashlib
from datetime import UTC, datetime, timedelta

import grpc.aio
from google.api_core.exceptions import AlreadyExists
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

from shared.adapters.google_calls import ATTEMPT_SECONDS, GoogleCalls, retrying
from shared.foundation.ids import JobId, new_id
from shared.foundation.settings import CloudTasksQueue


class CloudTasksJobQueue:
    """A JobQueue over Cloud Tasks; the queue's own policy retries a failed call."""

    def __init__(self, settings: CloudTasksQueue) -> None:
        self._settings = settings
        self._calls = GoogleCalls("Cloud Tasks", settings.endpoint, _client)

    async def enqueue(self, job_id: JobId, *, delay_seconds: float = 0) -> None:
        """Create a task of a name of its own: a create that is tried again after a lost answer makes no second one."""
        request = tasks_v2.CreateTaskRequest(parent=self._settings.queue, task=self._task(job_id, delay_seconds))
        async with self._calls.client() as client:
            try:
                await client.create_task(request, retry=retrying(), timeout=ATTEMPT_SECONDS)
            except AlreadyExists:
                return

    async def ping(self) -> None:
        """Ask for the queue."""
        request = tasks_v2.GetQueueRequest(name=self._settings.queue)
        async with self._calls.client() as client:
            await client.get_queue(request, retry=None, timeout=ATTEMPT_SECONDS)

    def _task(self, job_id: JobId, delay_seconds: float) -> tasks_v2.Task:
        settings = self._settings
        return tasks_v2.Task(
            name=f"{settings.queue}/tasks/{_task_id(job_id)}",
            schedule_time=datetime.now(UTC) + timedelta(seconds=delay_seconds) if delay_seconds > 0 else None,
            dispatch_deadline=timedelta(seconds=settings.deadline_seconds),
            http_request=tasks_v2.HttpRequest(
                http_method=tasks_v2.HttpMethod.POST,
                url=f"{settings.target}/tasks/{job_id}",
                headers={"Content-Type": "application/json"},
                oidc_token=tasks_v2.OidcToken(
                    service_account_email=settings.service_account, audience=settings.audience or settings.target
                ),
            ),
        )


def _task_id(job_id: JobId) -> str:
    """A name that no other enqueueing has; it begins with a hash, for names in a sequence slow the service down."""
    own = new_id()
    return f"{hashlib.blake2b(own.encode(), digest_size=4).hexdigest()}-{job_id}-{own}"


def _client(channel: grpc.aio.Channel | None) -> tasks_v2.CloudTasksAsyncClient:
    if channel is None:
        return tasks_v2.CloudTasksAsyncClient()
    return tasks_v2.CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))
