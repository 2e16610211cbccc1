"""What every JobLauncher promises."""

import time

import pytest

from shared.adapters.job_launcher.celery import CeleryJobLauncher
from shared.adapters.job_launcher.memory import MemoryJobLauncher
from shared.foundation.ids import JobId, new_id
from shared.ports.job_launcher import JobLauncher
from shared.ports.job_queue import QueueUnavailable
from tests.contract.conftest import Broker
from tests.contract.recorder import Recorder
from tests.contract.test_job_queue import closed_port


class JobLauncherContract:
    @pytest.fixture
    def recorder(self) -> Recorder:
        raise NotImplementedError

    @pytest.fixture
    def launcher(self, recorder) -> JobLauncher:
        raise NotImplementedError

    async def test_starts_as_many_claimers_as_asked(self, launcher, recorder):
        one, many = JobId(new_id()), JobId(new_id())
        await launcher.launch(many, tasks=5)
        await launcher.launch(one, tasks=1)
        await recorder.wait_for(many, 5)
        await recorder.wait_for(one, 1)
        assert (recorder.count(many), recorder.count(one)) == (5, 1)

    async def test_launching_again_starts_more(self, launcher, recorder):
        job_id = JobId(new_id())
        await launcher.launch(job_id, tasks=2)
        await launcher.launch(job_id, tasks=1)
        await recorder.wait_for(job_id, 3)


class TestMemoryJobLauncher(JobLauncherContract):
    @pytest.fixture
    def recorder(self):
        return Recorder()

    @pytest.fixture
    async def launcher(self, recorder):
        launcher = MemoryJobLauncher(recorder.deliver)
        yield launcher
        await launcher.drain()

    async def test_drain_shows_what_a_claimer_raised(self):
        async def broken(_job_id: JobId) -> None:
            raise ZeroDivisionError

        launcher = MemoryJobLauncher(broken)
        await launcher.launch(JobId("a"), tasks=1)
        with pytest.raises(ZeroDivisionError):
            await launcher.drain()


class TestCeleryJobLauncher(JobLauncherContract):
    @pytest.fixture
    def recorder(self, broker: Broker):
        return broker.recorder

    @pytest.fixture
    def launcher(self, broker: Broker):
        return CeleryJobLauncher(broker.url)

    async def test_a_dead_broker_is_an_error_within_seconds(self):
        started = time.monotonic()
        with pytest.raises(QueueUnavailable):
            await CeleryJobLauncher(f"redis://127.0.0.1:{closed_port()}/0").launch(JobId("a"), tasks=3)
        assert time.monotonic() - started < 7
