"""What every JobQueue promises."""

import socket
import time

import pytest

from shared.adapters.job_queue.celery import CeleryJobQueue
from shared.adapters.job_queue.memory import MemoryJobQueue
from shared.foundation.ids import JobId, new_id
from shared.ports.job_queue import JobQueue, QueueUnavailable
from tests.contract.conftest import Broker
from tests.contract.recorder import Recorder


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
