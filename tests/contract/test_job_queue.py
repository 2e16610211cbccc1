"""What every JobQueue promises."""

import asyncio
import socket
import time

import pytest

from shared.adapters.job_queue.celery import CeleryJobQueue
from shared.adapters.job_queue.cloud_tasks import CloudTasksJobQueue
from shared.adapters.job_queue.memory import MemoryJobQueue
from shared.foundation.ids import JobId, new_id
from shared.foundation.settings import CloudTasksQueue
from shared.ports.job_queue import JobQueue, QueueUnavailable
from tests.contract.conftest import Broker
from tests.contract.recorder import Recorder, serving
from tests.emulators import cloud_tasks
from tests.emulators.cloud_tasks import CloudTasks
from tests.emulators.identity import TokenIssuer


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class JobQueueContract:
    @pytest.fixture
    def recorder(self) -> Recorder:
        raise NotImplementedError

    @pytest.fixture
    def queue(self, recorder) -> JobQueue:
        raise NotImplementedError

    @pytest.fixture
    def job_id(self) -> JobId:
        return JobId(new_id())

    async def test_makes_the_callback_of_an_enqueued_job(self, queue, recorder, job_id):
        await queue.enqueue(job_id)
        await recorder.wait_for(job_id, 1)

    async def test_makes_one_callback_for_each_job(self, queue, recorder):
        jobs = [JobId(new_id()) for _ in range(20)]
        for job_id in jobs:
            await queue.enqueue(job_id)
        for job_id in jobs:
            await recorder.wait_for(job_id, 1)
        assert [recorder.count(job_id) for job_id in jobs] == [1] * 20

    async def test_an_id_enqueued_twice_is_called_twice(self, queue, recorder, job_id):
        await queue.enqueue(job_id)
        await queue.enqueue(job_id)
        await recorder.wait_for(job_id, 2)

    async def test_a_failed_callback_is_made_again(self, queue, recorder, job_id):
        recorder.fail_next(job_id, 2)
        await queue.enqueue(job_id)
        await recorder.wait_for(job_id, 3)

    async def test_a_delayed_callback_is_not_made_before(self, queue, recorder, job_id):
        asked = time.monotonic()
        await queue.enqueue(job_id, delay_seconds=1.0)
        assert await recorder.wait_for(job_id, 1) - asked >= 0.95

    async def test_a_delayed_callback_holds_up_no_other(self, queue, recorder, job_id):
        await queue.enqueue(JobId(new_id()), delay_seconds=2)
        await queue.enqueue(job_id)
        await recorder.wait_for(job_id, 1, timeout=1.9)

    async def test_answers_a_ping(self, queue):
        await queue.ping()


class TestMemoryJobQueue(JobQueueContract):
    @pytest.fixture
    def recorder(self):
        return Recorder()

    @pytest.fixture
    async def queue(self, recorder):
        queue = MemoryJobQueue(recorder.deliver)
        yield queue
        await queue.drain()

    async def test_drain_shows_an_error_nobody_foresaw(self):
        async def broken(_job_id: JobId) -> None:
            raise ZeroDivisionError

        queue = MemoryJobQueue(broken)
        await queue.enqueue(JobId("a"))
        with pytest.raises(ZeroDivisionError):
            await queue.drain()


class TestCeleryJobQueue(JobQueueContract):
    @pytest.fixture
    def recorder(self, broker: Broker):
        return broker.recorder

    @pytest.fixture
    def queue(self, broker: Broker):
        return CeleryJobQueue(broker.url)

    async def test_a_dead_broker_is_an_error_within_seconds(self):
        queue = CeleryJobQueue(f"redis://:secret@127.0.0.1:{closed_port()}/0")
        for attempt in (queue.ping, lambda: queue.enqueue(JobId("a"))):
            started = time.monotonic()
            with pytest.raises(QueueUnavailable) as caught:
                await attempt()
            assert time.monotonic() - started < 7
            assert "secret" not in caught.value.detail

    async def test_a_silent_broker_is_an_error_within_seconds(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            queue = CeleryJobQueue(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
            started = time.monotonic()
            with pytest.raises(QueueUnavailable):
                await queue.ping()
            assert time.monotonic() - started < 7


QUEUE = "projects/p/locations/l/queues/jobs"
CALLER = "queue@p.iam.gserviceaccount.com"


def cloud_tasks_queue(port: int, target: str) -> CloudTasksJobQueue:
    endpoint = f"127.0.0.1:{port}"
    return CloudTasksJobQueue(CloudTasksQueue(queue=QUEUE, target=target, service_account=CALLER, endpoint=endpoint))


class TestCloudTasksJobQueue(JobQueueContract):
    @pytest.fixture
    def recorder(self):
        return Recorder()

    @pytest.fixture
    async def emulator(self, tmp_path):
        emulator = CloudTasks(TokenIssuer(), tmp_path / "tasks")
        yield emulator
        await emulator.close()

    @pytest.fixture
    async def queue(self, emulator, recorder):
        with serving(recorder) as target:
            async with cloud_tasks.serving(emulator) as port:
                yield cloud_tasks_queue(port, target)

    async def test_a_create_that_is_tried_again_is_one_task(self, emulator, queue, recorder, job_id):
        emulator.lose_answers(2)
        await queue.enqueue(job_id)
        await recorder.wait_for(job_id, 1)
        await asyncio.sleep(0.3)
        assert recorder.count(job_id) == 1

    async def test_the_task_carries_an_id_and_a_token_and_a_deadline(self, emulator, queue, job_id):
        emulator.queue(QUEUE).pause()
        await queue.enqueue(job_id)
        (task,) = emulator.queue(QUEUE).tasks.values()
        assert task.http_request.url.endswith(f"/tasks/{job_id}")
        assert task.http_request.oidc_token.service_account_email == CALLER
        assert task.http_request.url.startswith(task.http_request.oidc_token.audience)
        assert task.dispatch_deadline.total_seconds() == 60
        assert task.http_request.body == b""

    async def test_a_task_outlives_the_service(self, emulator, queue, recorder, tmp_path, job_id):
        emulator.queue(QUEUE).pause()
        await queue.enqueue(job_id)
        await emulator.close()
        again = CloudTasks(TokenIssuer(), tmp_path / "tasks")
        again.queue(QUEUE)
        await recorder.wait_for(job_id, 1)
        await again.close()

    async def test_a_dead_service_is_an_error_within_seconds(self):
        queue = cloud_tasks_queue(closed_port(), "http://127.0.0.1:9")
        for attempt in (queue.ping, lambda: queue.enqueue(JobId("a"))):
            started = time.monotonic()
            with pytest.raises(QueueUnavailable):
                await attempt()
            assert time.monotonic() - started < 12

    async def test_a_service_that_fails_often_is_left_alone_for_a_moment(self, emulator):
        queue = cloud_tasks_queue(closed_port(), "http://127.0.0.1:9")
        for _ in range(5):
            with pytest.raises(QueueUnavailable):
                await queue.ping()
        started = time.monotonic()
        with pytest.raises(QueueUnavailable, match="left alone"):
            await queue.ping()
        assert time.monotonic() - started < 0.2
