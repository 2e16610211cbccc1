"""Cloud Run Jobs (google.cloud.run.v2): `python -m tests.emulators.run_jobs --port P --job NAME -- COMMAND …`.

RunJob starts real processes: overrides of arguments, environment, task count and timeout; parallelism; retries with
CLOUD_RUN_TASK_ATTEMPT; CancelExecution with SIGTERM and, ten seconds later, SIGKILL. Its operations can be asked for.
Lacks: CPU and memory limits, IAM, UpdateJob, DeleteExecution, conditions, pages.
"""

import argparse
import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.cloud import run_v2
from google.longrunning import operations_pb2
from google.protobuf import any_pb2
from google.rpc import status_pb2

from tests.emulators.wire import Answers, Refusal, service

GRACE_SECONDS = 10.0
TIMEOUT = timedelta(minutes=10)
CANCELLED, FAILED = 1, 10


@dataclass
class Execution:
    """One execution: some tasks of a job, each a process, tried again when it fails."""

    message: run_v2.Execution
    command: Sequence[str]
    environment: dict[str, str]
    parallelism: int
    retries: int
    seconds: float
    processes: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)
    cancelled: bool = False

    async def run(self) -> None:
        """Run every task to its end."""
        slots = asyncio.Semaphore(self.parallelism)

        async def one(index: int) -> None:
            async with slots:
                await self._task(index)

        await asyncio.gather(*(one(index) for index in range(self.message.task_count)))
        self.message.completion_time = datetime.now(UTC)

    async def cancel(self) -> None:
        """Ask every process to leave, and make it leave when its grace is over."""
        self.cancelled = True
        await asyncio.gather(*(_end(process) for process in list(self.processes.values())))

    async def _task(self, index: int) -> None:
        for attempt in range(self.retries + 1):
            if self.cancelled:
                self.message.cancelled_count += 1
                return
            if await self._attempt(index, attempt) == 0:
                self.message.succeeded_count += 1
                return
            if attempt < self.retries and not self.cancelled:
                self.message.retried_count += 1
        if self.cancelled:
            self.message.cancelled_count += 1
        else:
            self.message.failed_count += 1

    async def _attempt(self, index: int, attempt: int) -> int:
        own = {
            "CLOUD_RUN_JOB": self.message.job.rpartition("/")[2],
            "CLOUD_RUN_EXECUTION": self.message.name.rpartition("/")[2],
            "CLOUD_RUN_TASK_INDEX": str(index),
            "CLOUD_RUN_TASK_COUNT": str(self.message.task_count),
            "CLOUD_RUN_TASK_ATTEMPT": str(attempt),
        }
        environment = {**os.environ, **self.environment, **own}
        process = await asyncio.create_subprocess_exec(*self.command, env=environment)
        self.processes[index] = process
        self.message.running_count += 1
        try:
            return await asyncio.wait_for(process.wait(), self.seconds)
        except TimeoutError:
            await _end(process)
            return -1
        finally:
            self.message.running_count -= 1
            del self.processes[index]


class RunJobs:
    """The jobs of a project."""

    def __init__(self) -> None:
        self.jobs: dict[str, run_v2.Job] = {}
        self.executions: dict[str, Execution] = {}
        self.asked: list[run_v2.RunJobRequest] = []
        self._operations: dict[str, operations_pb2.Operation] = {}
        self._loops: set[asyncio.Task[None]] = set()

    def create(self, name: str, job: run_v2.Job) -> None:
        """Have a job, which RunJob runs."""
        job.name = name
        self.jobs[name] = job

    async def close(self) -> None:
        """End every process."""
        await asyncio.gather(*(execution.cancel() for execution in self.executions.values()))
        await asyncio.gather(*self._loops)

    def methods(self) -> dict[str, dict[str, Answers]]:
        """What the services answer."""
        operation = operations_pb2.Operation
        return {
            "google.cloud.run.v2.Jobs": {
                "CreateJob": Answers(self._create_job, run_v2.CreateJobRequest, operation),
                "GetJob": Answers(self._get_job, run_v2.GetJobRequest, run_v2.Job),
                "RunJob": Answers(self._run_job, run_v2.RunJobRequest, operation),
            },
            "google.cloud.run.v2.Executions": {
                "GetExecution": Answers(self._get_execution, run_v2.GetExecutionRequest, run_v2.Execution),
                "ListExecutions": Answers(
                    self._list_executions, run_v2.ListExecutionsRequest, run_v2.ListExecutionsResponse
                ),
                "CancelExecution": Answers(self._cancel_execution, run_v2.CancelExecutionRequest, operation),
            },
            "google.longrunning.Operations": {
                "GetOperation": Answers(self._get_operation, operations_pb2.GetOperationRequest, operation),
            },
        }

    async def _create_job(self, asked: run_v2.CreateJobRequest) -> operations_pb2.Operation:
        name = f"{asked.parent}/jobs/{asked.job_id}"
        if name in self.jobs:
            raise Refusal(grpc.StatusCode.ALREADY_EXISTS, f"Resource '{name}' already exists.")
        self.create(name, asked.job)
        return self._operation(asked.parent, "Job", asked.job, done=True)

    async def _get_job(self, asked: run_v2.GetJobRequest) -> run_v2.Job:
        return self._job(asked.name)

    async def _run_job(self, asked: run_v2.RunJobRequest) -> operations_pb2.Operation:
        self.asked.append(asked)
        execution = _execution(self._job(asked.name), asked.overrides)
        self.executions[execution.message.name] = execution
        operation = self._operation(asked.name.partition("/jobs/")[0], "Execution", execution.message)
        loop = asyncio.create_task(_driven(execution, operation))
        self._loops.add(loop)
        loop.add_done_callback(self._loops.discard)
        return operation

    async def _get_execution(self, asked: run_v2.GetExecutionRequest) -> run_v2.Execution:
        return self._execution(asked.name).message

    async def _list_executions(self, asked: run_v2.ListExecutionsRequest) -> run_v2.ListExecutionsResponse:
        found = [one.message for one in self.executions.values() if one.message.job == asked.parent]
        return run_v2.ListExecutionsResponse(executions=found)

    async def _cancel_execution(self, asked: run_v2.CancelExecutionRequest) -> operations_pb2.Operation:
        execution = self._execution(asked.name)
        if execution.message.completion_time:
            raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, "The execution has completed.")
        loop = asyncio.create_task(execution.cancel())
        self._loops.add(loop)
        loop.add_done_callback(self._loops.discard)
        return self._operation(asked.name.partition("/jobs/")[0], "Execution", execution.message)

    async def _get_operation(self, asked: operations_pb2.GetOperationRequest) -> operations_pb2.Operation:
        if asked.name not in self._operations:
            raise Refusal(grpc.StatusCode.NOT_FOUND, asked.name)
        return self._operations[asked.name]

    def _job(self, name: str) -> run_v2.Job:
        if name not in self.jobs:
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"Resource '{name}' of kind 'JOB' does not exist.")
        return self.jobs[name]

    def _execution(self, name: str) -> Execution:
        if name not in self.executions:
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"Resource '{name}' of kind 'EXECUTION' does not exist.")
        return self.executions[name]

    def _operation(self, parent: str, kind: str, message: Any, *, done: bool = False) -> operations_pb2.Operation:
        made = operations_pb2.Operation(name=f"{parent}/operations/{uuid.uuid4()}", done=done)
        made.metadata.CopyFrom(_packed(kind, message))
        if done:
            made.response.CopyFrom(_packed(kind, message))
        self._operations[made.name] = made
        return made


def _execution(job: run_v2.Job, overrides: run_v2.RunJobRequest.Overrides) -> Execution:
    """What a job's template and the overrides of one call make together."""
    template = job.template.template
    container = template.containers[0]
    changes = list(overrides.container_overrides)
    changed = changes[0] if changes else run_v2.RunJobRequest.Overrides.ContainerOverride()
    tasks = overrides.task_count or job.template.task_count or 1
    name = f"{job.name}/executions/{job.name.rpartition('/')[2]}-{uuid.uuid4().hex[:5]}"
    message = run_v2.Execution(name=name, job=job.name, task_count=tasks, start_time=datetime.now(UTC))
    args = list(changed.args) or ([] if changed.clear_args else list(container.args))
    return Execution(
        message=message,
        command=[*container.command, *args],
        environment={one.name: one.value for one in (*container.env, *changed.env)},
        parallelism=job.template.parallelism or tasks,
        retries=template.max_retries,
        seconds=(overrides.timeout or template.timeout or TIMEOUT).total_seconds(),
    )


async def _driven(execution: Execution, operation: operations_pb2.Operation) -> None:
    await execution.run()
    message = execution.message
    operation.metadata.CopyFrom(_packed("Execution", message))
    if message.failed_count or message.cancelled_count:
        code = CANCELLED if message.cancelled_count else FAILED
        operation.error.CopyFrom(status_pb2.Status(code=code, message="The tasks did not all succeed."))
    else:
        operation.response.CopyFrom(_packed("Execution", message))
    operation.done = True


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


def _packed(kind: str, message: Any) -> any_pb2.Any:
    return any_pb2.Any(
        type_url=f"type.googleapis.com/google.cloud.run.v2.{kind}", value=type(message).serialize(message)
    )


@contextlib.asynccontextmanager
async def serving(emulator: RunJobs, port: int = 0) -> AsyncIterator[int]:
    """Serve the emulator on the loopback; the port."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(tuple(service(name, methods) for name, methods in emulator.methods().items()))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(grace=0)
        await emulator.close()


async def run(port: int, job: str, command: Sequence[str], retries: int) -> None:
    """Serve one job until killed."""
    emulator = RunJobs()
    container = run_v2.Container(command=command)
    template = run_v2.TaskTemplate(containers=[container], max_retries=retries, timeout=timedelta(hours=24))
    emulator.create(job, run_v2.Job(template=run_v2.ExecutionTemplate(template=template)))
    async with serving(emulator, port) as bound:
        print(f"cloud run jobs at 127.0.0.1:{bound}", flush=True)  # noqa: T201 - a command's answer
        await asyncio.Event().wait()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="tests.emulators.run_jobs", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--job", required=True, help="projects/P/locations/L/jobs/J")
    parser.add_argument("--retries", type=int, default=3)
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    asyncio.run(run(given.port, given.job, given.command, given.retries))


if __name__ == "__main__":
    main()
