"""One claimer of one job: builds what it needs, works until the job ends or the process must go."""

from collections.abc import Callable

from services.worker.settings import WorkerSettings
from shared.foundation.collector import settle_collector
from shared.foundation.ids import JobId
from shared.foundation.telemetry import EngineMetrics
from shared.wiring.container import Container, make_container, open_outside
from shared.wiring.decoders import image_decoder
from shared.wiring.job_handlers import JobRunner, make_export_runner, make_import_runner


async def run_job(
    job_id: JobId, settings: WorkerSettings, metrics: EngineMetrics, *, stopping: Callable[[], bool]
) -> bool:
    """Share in the job. Returns when it has ended, or soon after `stopping` turns true: whether it still runs."""
    settle_collector()
    container = make_container(open_outside(settings), settings.engine)
    decoder = image_decoder(settings.decoder)
    imports = make_import_runner(
        container, limits=settings.limits, engine=settings.engine, metrics=metrics, decoder=decoder
    )
    runner = JobRunner(imports, make_export_runner(container, engine=settings.engine))
    try:
        await runner.run(job_id, stopping=stopping)
        return await _still_runs(container, job_id)
    finally:
        await decoder.close()
        await container.close()


async def _still_runs(container: Container, job_id: JobId) -> bool:
    repositories = container.repositories
    job = await repositories.jobs.load(job_id) or await repositories.other_jobs.load(job_id)
    return job is not None and not job.ended
