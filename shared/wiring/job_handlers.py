"""Job kinds to what runs them, for the services that do the work."""

from collections.abc import Awaitable, Callable, Mapping

from shared.features.imports.content_findings import ContentFindings
from shared.features.imports.finish import Finisher
from shared.features.imports.index import Indexer
from shared.features.imports.plan import Planner
from shared.features.imports.runner import ImportRunner, JobWork
from shared.features.imports.shard_tools import ShardTools
from shared.features.imports.transfer import Transfer
from shared.features.imports.turns import Turns
from shared.features.imports.verify import Verifier, VerifyFinisher, VerifyPlanner
from shared.features.jobs.models import JobKind
from shared.foundation.ids import JobId
from shared.foundation.settings import EngineSettings, LimitSettings
from shared.foundation.telemetry import EngineMetrics
from shared.ports.image_decoder import ImageDecoder
from shared.wiring.container import Container

Handler = Callable[[JobId, Callable[[], bool]], Awaitable[None]]


def make_import_runner(
    container: Container,
    *,
    limits: LimitSettings,
    engine: EngineSettings,
    metrics: EngineMetrics,
    decoder: ImageDecoder,
) -> ImportRunner:
    """What a claimer of imports needs."""
    outside, repositories = container.outside, container.repositories
    tools = ShardTools(
        sources=outside.sources,
        store=outside.store,
        images=container.images,
        shards=repositories.shards,
        findings=repositories.findings,
        limits=limits,
        decoder=decoder,
    )
    return ImportRunner(
        jobs=repositories.jobs,
        shards=repositories.shards,
        kinds={"import": _import_work(container, tools, engine, metrics), "verify": _verify_work(container, tools)},
        ending=container.ending,
        turns=Turns(repositories.jobs, outside.launcher, engine),
        cleaner=container.cleaner,
        engine=engine,
        metrics=metrics,
    )


def _import_work(container: Container, tools: ShardTools, engine: EngineSettings, metrics: EngineMetrics) -> JobWork:
    repositories = container.repositories
    return JobWork(
        planner=Planner(
            sources=tools.sources,
            store=tools.store,
            datasets=container.datasets,
            shards=tools.shards,
            findings=tools.findings,
            limits=tools.limits,
            engine=engine,
        ),
        indexer=Indexer(tools),
        transfer=Transfer(tools, metrics),
        finisher=Finisher(
            container.datasets,
            repositories.jobs,
            repositories.shards,
            tools.findings,
            container.transactions,
            ContentFindings(container.images, tools.findings, tools.limits.max_findings_per_step),
        ),
    )


def _verify_work(container: Container, tools: ShardTools) -> JobWork:
    repositories = container.repositories
    return JobWork(
        planner=VerifyPlanner(container.datasets, tools.store, tools.shards),
        transfer=Verifier(tools),
        finisher=VerifyFinisher(repositories.jobs, repositories.shards, container.transactions),
    )


def job_handlers(runner: ImportRunner) -> Mapping[JobKind, Handler]:
    """Every kind of job there is."""
    return dict.fromkeys(runner.kinds, lambda job_id, stopping: runner.run(job_id, stopping=stopping))
