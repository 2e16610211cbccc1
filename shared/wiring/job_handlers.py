"""Job kinds to what runs them, for the services that do the work."""

from collections.abc import Awaitable, Callable, Mapping

from shared.features.imports.finish import Finisher
from shared.features.imports.plan import Planner
from shared.features.imports.runner import ImportRunner
from shared.features.imports.transfer import Transfer
from shared.features.jobs.models import JobKind
from shared.foundation.ids import JobId
from shared.foundation.settings import EngineSettings, LimitSettings
from shared.foundation.telemetry import EngineMetrics
from shared.wiring.container import Container

Handler = Callable[[JobId, Callable[[], bool]], Awaitable[None]]


def make_import_runner(
    container: Container, *, limits: LimitSettings, engine: EngineSettings, metrics: EngineMetrics
) -> ImportRunner:
    """What a claimer of imports needs."""
    outside, repositories = container.outside, container.repositories
    return ImportRunner(
        jobs=repositories.jobs,
        shards=repositories.shards,
        planner=Planner(
            sources=outside.sources,
            store=outside.store,
            datasets=container.datasets,
            shards=repositories.shards,
            findings=repositories.findings,
            limits=limits,
            engine=engine,
        ),
        transfer=Transfer(
            sources=outside.sources,
            store=outside.store,
            images=container.images,
            shards=repositories.shards,
            findings=repositories.findings,
            limits=limits,
            metrics=metrics,
        ),
        finisher=Finisher(container.datasets, repositories.jobs, repositories.shards, container.transactions),
        ending=container.ending,
        cleaner=container.cleaner,
        engine=engine,
        metrics=metrics,
    )


def job_handlers(runner: ImportRunner) -> Mapping[JobKind, Handler]:
    """Every kind of job there is."""
    return {"import": lambda job_id, stopping: runner.run(job_id, stopping=stopping)}
