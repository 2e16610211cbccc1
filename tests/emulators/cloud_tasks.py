"""Cloud Tasks (google.cloud.tasks.v2): `python -m tests.emulators.cloud_tasks --port P --folder F --keys K`.

Named tasks once only, OIDC tokens, schedule, dispatch deadline, retries with back-off, rate limits, pause, and tasks
that outlive the emulator in its folder. Each queue that is asked for exists.
Lacks: App Engine tasks, IAM, UpdateQueue, pages of ListTasks, max_retry_duration.
"""

import argparse
import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import aiohttp
import grpc
from google.cloud import tasks_v2

from tests.emulators.identity import TokenIssuer
from tests.emulators.task_queue import TaskQueue
from tests.emulators.wire import Answers, Refusal, service

DEADLINE_SECONDS = 600.0
OK = range(200, 300)

_log = logging.getLogger(__name__)


class CloudTasks:
    """The queues of a project, and their deliveries over HTTP."""

    def __init__(self, issuer: TokenIssuer, folder: Path | None = None, template: tasks_v2.Queue | None = None) -> None:
        self._issuer, self._folder = issuer, folder
        self._template = template or tasks_v2.Queue()
        self._queues: dict[str, TaskQueue] = {}
        self._numbers = itertools.count(time.time_ns())
        self._http = aiohttp.ClientSession()
        self._lost_answers = 0
        self.twice = 0
        """How many of the next deliveries are made two times, as the service may."""

    def lose_answers(self, times: int) -> None:
        """Take the next tasks, but let whoever created them hear of a failure."""
        self._lost_answers = times

    async def close(self) -> None:
        """Stop delivering."""
        for queue in self._queues.values():
            queue.stop()
        await self._http.close()

    def queue(self, name: str) -> TaskQueue:
        """The queue of this name."""
        if name not in self._queues:
            folder = self._folder and self._folder / quote(name, safe="")
            made = tasks_v2.Queue(self._template, name=name, state=tasks_v2.Queue.State.RUNNING)
            self._queues[name] = TaskQueue(made, self._deliver, folder)
        return self._queues[name]

    def kept_queues(self) -> list[str]:
        """The queues whose tasks have outlived an earlier emulator."""
        there = self._folder is not None and self._folder.is_dir()
        return [unquote(path.name) for path in self._folder.iterdir()] if self._folder and there else []

    def methods(self) -> dict[str, Answers]:
        """What the service answers."""
        return {
            "CreateQueue": Answers(self._create_queue, tasks_v2.CreateQueueRequest, tasks_v2.Queue),
            "GetQueue": Answers(self._get_queue, tasks_v2.GetQueueRequest, tasks_v2.Queue),
            "PurgeQueue": Answers(self._purge_queue, tasks_v2.PurgeQueueRequest, tasks_v2.Queue),
            "PauseQueue": Answers(self._pause_queue, tasks_v2.PauseQueueRequest, tasks_v2.Queue),
            "ResumeQueue": Answers(self._resume_queue, tasks_v2.ResumeQueueRequest, tasks_v2.Queue),
            "CreateTask": Answers(self._create_task, tasks_v2.CreateTaskRequest, tasks_v2.Task),
            "GetTask": Answers(self._get_task, tasks_v2.GetTaskRequest, tasks_v2.Task),
            "ListTasks": Answers(self._list_tasks, tasks_v2.ListTasksRequest, tasks_v2.ListTasksResponse),
            "DeleteTask": Answers(self._delete_task, tasks_v2.DeleteTaskRequest),
            "RunTask": Answers(self._run_task, tasks_v2.RunTaskRequest, tasks_v2.Task),
        }

    async def _create_queue(self, asked: tasks_v2.CreateQueueRequest) -> tasks_v2.Queue:
        folder = self._folder and self._folder / quote(asked.queue.name, safe="")
        asked.queue.state = tasks_v2.Queue.State.RUNNING
        self._queues[asked.queue.name] = TaskQueue(asked.queue, self._deliver, folder)
        return asked.queue

    async def _get_queue(self, asked: tasks_v2.GetQueueRequest) -> tasks_v2.Queue:
        return self.queue(asked.name).queue

    async def _purge_queue(self, asked: tasks_v2.PurgeQueueRequest) -> tasks_v2.Queue:
        self.queue(asked.name).purge()
        return self.queue(asked.name).queue

    async def _pause_queue(self, asked: tasks_v2.PauseQueueRequest) -> tasks_v2.Queue:
        self.queue(asked.name).pause()
        return self.queue(asked.name).queue

    async def _resume_queue(self, asked: tasks_v2.ResumeQueueRequest) -> tasks_v2.Queue:
        self.queue(asked.name).resume()
        return self.queue(asked.name).queue

    async def _create_task(self, asked: tasks_v2.CreateTaskRequest) -> tasks_v2.Task:
        asked.task.name = asked.task.name or f"{asked.parent}/tasks/{next(self._numbers)}"
        task = self.queue(asked.parent).add(asked.task)
        if self._lost_answers > 0:
            self._lost_answers -= 1
            raise Refusal(grpc.StatusCode.UNAVAILABLE, "The answer was lost, as it was told to be.")
        return task

    async def _get_task(self, asked: tasks_v2.GetTaskRequest) -> tasks_v2.Task:
        return self._of(asked.name).find(asked.name)

    async def _list_tasks(self, asked: tasks_v2.ListTasksRequest) -> tasks_v2.ListTasksResponse:
        return tasks_v2.ListTasksResponse(tasks=list(self.queue(asked.parent).tasks.values()))

    async def _delete_task(self, asked: tasks_v2.DeleteTaskRequest) -> None:
        self._of(asked.name).find(asked.name)
        self._of(asked.name).remove(asked.name)

    async def _run_task(self, asked: tasks_v2.RunTaskRequest) -> tasks_v2.Task:
        queue = self._of(asked.name)
        task = queue.find(asked.name)
        await queue.attempt(task)
        return task

    def _of(self, task: str) -> TaskQueue:
        return self.queue(task.rpartition("/tasks/")[0])

    # -- deliveries

    async def _deliver(self, queue: tasks_v2.Queue, task: tasks_v2.Task) -> bool:
        """One delivery, or two at once; whether the task is done."""
        times = 2 if self.twice > 0 else 1
        self.twice = max(0, self.twice - 1)
        answers = await asyncio.gather(*(self._call(queue, task) for _ in range(times)))
        return answers[0] in OK

    async def _call(self, queue: tasks_v2.Queue, task: tasks_v2.Task) -> int:
        request, headers = task.http_request, self._headers(queue, task)
        task.dispatch_count += 1
        seconds = task.dispatch_deadline.total_seconds() if task.dispatch_deadline else DEADLINE_SECONDS
        try:
            async with self._http.request(
                request.http_method.name,
                request.url,
                data=request.body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=seconds),
                allow_redirects=False,
            ) as answer:
                task.response_count += 1
                return answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("a delivery failed: %s", type(error).__name__)
            return 0

    def _headers(self, queue: tasks_v2.Queue, task: tasks_v2.Task) -> dict[str, str]:
        headers = dict(task.http_request.headers) | {
            "User-Agent": "Google-Cloud-Tasks",
            "X-CloudTasks-QueueName": queue.name.rpartition("/")[2],
            "X-CloudTasks-TaskName": task.name.rpartition("/")[2],
            "X-CloudTasks-TaskRetryCount": str(task.dispatch_count),
            "X-CloudTasks-TaskExecutionCount": str(task.response_count),
            "X-CloudTasks-TaskETA": f"{task.schedule_time.timestamp():.6f}",
        }
        who = task.http_request.oidc_token
        if who.service_account_email:
            audience = who.audience or task.http_request.url
            token = self._issuer.token(audience=audience, email=who.service_account_email)
            headers["Authorization"] = f"Bearer {token}"
        return headers


@contextlib.asynccontextmanager
async def serving(emulator: CloudTasks, port: int = 0) -> AsyncIterator[int]:
    """Serve the emulator on the loopback; the port."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((service("google.cloud.tasks.v2.CloudTasks", emulator.methods()),))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(grace=0)


async def run(port: int, folder: Path | None, keys: Path | None, *, twice: int) -> None:
    """Serve until killed."""
    retry = {"min_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=2)}
    template = tasks_v2.Queue(retry_config=tasks_v2.RetryConfig(retry))
    emulator = CloudTasks(TokenIssuer(folder=keys), folder, template)
    emulator.twice = twice
    for name in emulator.kept_queues():
        emulator.queue(name)
    async with serving(emulator, port) as bound:
        print(f"cloud tasks at 127.0.0.1:{bound}", flush=True)  # noqa: T201 - a command's answer
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.emulators.cloud_tasks", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where tasks are kept while the emulator is down")
    parser.add_argument("--keys", type=Path, help="where the keys of tokens are kept")
    parser.add_argument("--twice", type=int, default=0, help="how many of the first deliveries are made two times")
    given = parser.parse_args()
    asyncio.run(run(given.port, given.folder, given.keys, twice=given.twice))
