"""Claimers as tasks of a Cloud Run job: one execution for each launch."""

import grpc.aio
from google.api_core.exceptions import FailedPrecondition, NotFound
from google.cloud import run_v2
from google.cloud.run_v2.services.executions.transports import ExecutionsGrpcAsyncIOTransport
from google.cloud.run_v2.services.jobs.transports import JobsGrpcAsyncIOTransport

from shared.adapters.google_calls import ATTEMPT_SECONDS, GoogleCalls
from shared.foundation.ids import JobId
from shared.foundation.settings import CloudRunLauncher

_Override = run_v2.RunJobRequest.Overrides


class CloudRunJobLauncher:
    """A JobLauncher over Cloud Run Jobs. What the execution becomes, the job's document says; nobody waits for it.

    A launch is not tried again here, since a lost answer may hide an execution: the sweep replaces what is missing.
    """

    def __init__(self, settings: CloudRunLauncher) -> None:
        self._settings = settings
        self._jobs = GoogleCalls("Cloud Run", settings.endpoint, _jobs_client)
        self._executions = GoogleCalls("Cloud Run", settings.endpoint, _executions_client)

    async def launch(self, job_id: JobId, *, tasks: int) -> str:
        """Run the job with the id as its argument; the execution's name."""
        request = run_v2.RunJobRequest(
            name=self._settings.job,
            overrides=_Override(container_overrides=[_Override.ContainerOverride(args=[job_id])], task_count=tasks),
        )
        async with self._jobs.client() as client:
            operation = await client.run_job(request, retry=None, timeout=ATTEMPT_SECONDS)
        execution: run_v2.Execution = operation.metadata
        return execution.name

    async def cancel(self, launched: str) -> None:
        """Cancel the execution; one that has ended, or is forgotten, is let be."""
        request = run_v2.CancelExecutionRequest(name=launched)
        async with self._executions.client() as client:
            try:
                await client.cancel_execution(request, retry=None, timeout=ATTEMPT_SECONDS)
            except (NotFound, FailedPrecondition):
                return


def _jobs_client(channel: grpc.aio.Channel | None) -> run_v2.JobsAsyncClient:
    if channel is None:
        return run_v2.JobsAsyncClient()
    return run_v2.JobsAsyncClient(transport=JobsGrpcAsyncIOTransport(channel=channel))


def _executions_client(channel: grpc.aio.Channel | None) -> run_v2.ExecutionsAsyncClient:
    if channel is None:
        return run_v2.ExecutionsAsyncClient()
    return run_v2.ExecutionsAsyncClient(transport=ExecutionsGrpcAsyncIOTransport(channel=channel))
