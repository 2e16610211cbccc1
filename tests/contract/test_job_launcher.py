"""What every JobLauncher promises."""

import asyncio
import sys
import time
from datetime import timedelta

import pytest
from google.cloud import run_v2

from shared.adapters.job_launcher.celery import CeleryJobLauncher
from shared.adapters.job_launcher.cloud_run import CloudRunJobLauncher
from shared.adapters.job_launcher.memory import MemoryJobLauncher
from shared.foundation.ids import JobId, new_id
from shared.foundation.settings import CloudRunLauncher
from shared.ports.job_launcher import JobLauncher
from shared.ports.job_queue import QueueUnavailable
from tests.contract.conftest import Broker
from tests.contract.recorder import Recorder, serving
from tests.contract.test_job_queue import closed_port
from tests.emulators import run_jobs
from tests.emulators.run_jobs import RunJobs


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

    async def test_cancelling_what_has_ended_is_no_error(self, launcher, recorder):
        job_id = JobId(new_id())
        launched = await launcher.launch(job_id, tasks=1)
        await recorder.wait_for(job_id, 1)
        await launcher.cancel(launched)
        await launcher.cancel(launched)

    async def test_cancelling_one_launch_leaves_others_alone(self, launcher, recorder):
        job_id, other = JobId(new_id()), JobId(new_id())
        launched = await launcher.launch(job_id, tasks=1)
        await launcher.launch(other, tasks=1)
        await launcher.cancel(launched)
        await recorder.wait_for(other, 1)


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


JOB = "projects/p/locations/l/jobs/worker"
REPORT = """
import os, sys, time, urllib.request
job_id, index = sys.argv[1], os.environ["CLOUD_RUN_TASK_INDEX"]
urllib.request.urlopen(urllib.request.Request(os.environ["RECORDER"] + "/runs/" + job_id, method="POST"), timeout=5)
if job_id.startswith("sleepy"):
    time.sleep(60)
"""


def worker_job(recorder_url: str, *, retries: int = 0) -> run_v2.Job:
    container = run_v2.Container(
        command=[sys.executable, "-c", REPORT], env=[run_v2.EnvVar(name="RECORDER", value=recorder_url)]
    )
    template = run_v2.TaskTemplate(containers=[container], max_retries=retries, timeout=timedelta(minutes=1))
    return run_v2.Job(template=run_v2.ExecutionTemplate(template=template))


class TestCloudRunJobLauncher(JobLauncherContract):
    @pytest.fixture
    def recorder(self):
        return Recorder()

    @pytest.fixture
    def emulator(self):
        return RunJobs()

    @pytest.fixture
    async def launcher(self, emulator, recorder):
        with serving(recorder) as url:
            emulator.create(JOB, worker_job(url, retries=2))
            async with run_jobs.serving(emulator) as port:
                yield CloudRunJobLauncher(CloudRunLauncher(job=JOB, endpoint=f"127.0.0.1:{port}"))

    async def test_overrides_the_arguments_and_the_number_of_tasks_alone(self, emulator, launcher):
        await launcher.launch(JobId("a"), tasks=3)
        (asked,) = emulator.asked
        assert run_v2.RunJobRequest.to_dict(asked, always_print_fields_with_no_presence=False) == {
            "name": JOB,
            "overrides": {"container_overrides": [{"args": ["a"]}], "task_count": 3},
        }

    async def test_a_claimer_that_fails_is_started_again(self, launcher, recorder):
        job_id = JobId(new_id())
        recorder.fail_next(job_id, 2)  # the process ends with an error
        await launcher.launch(job_id, tasks=1)
        await recorder.wait_for(job_id, 3)

    async def test_cancelling_ends_the_processes(self, emulator, launcher, recorder):
        job_id = JobId(f"sleepy-{new_id()}")
        launched = await launcher.launch(job_id, tasks=2)
        await recorder.wait_for(job_id, 2)
        await launcher.cancel(launched)
        execution = emulator.executions[launched]
        async with asyncio.timeout(20):
            while not execution.message.completion_time:  # noqa: ASYNC110 - processes end outside of this loop
                await asyncio.sleep(0.02)
        assert (execution.message.cancelled_count, execution.message.retried_count) == (2, 0)
        assert recorder.count(job_id) == 2

    async def test_a_job_that_is_not_there_is_an_error_that_may_pass(self, emulator, launcher):
        emulator.jobs.clear()
        with pytest.raises(QueueUnavailable, match="NotFound"):
            await launcher.launch(JobId("a"), tasks=1)

    async def test_a_dead_service_is_an_error_within_seconds(self):
        launcher = CloudRunJobLauncher(CloudRunLauncher(job=JOB, endpoint=f"127.0.0.1:{closed_port()}"))
        started = time.monotonic()
        with pytest.raises(QueueUnavailable):
            await launcher.launch(JobId("a"), tasks=3)
        assert time.monotonic() - started < 7
