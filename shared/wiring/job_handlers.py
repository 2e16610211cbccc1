"""Job kinds to what runs them, for the services that do the work."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.features.exports.runner import ExportRunner
from shared.features.imports.contents.findings import ContentFindings
from shared.features.imports.likeness.findings import LikenessFindings
from shared.features.imports.planning.plan import Planner
from shared.features.imports.running.runner import ImportRunner, JobWork
from shared.features.imports.running.turns import Turns
from shared.features.imports.shards.tools import ShardTools
from shared.features.imports.steps.finish import Finisher
from shared.features.imports.steps.index import Indexer
from shared.features.imports.steps.transfer import Transfer
from shared.features.imports.verification.verify import Verifier, VerifyFinisher, VerifyPlanner
from shared.features.imports.versions.finish import VersionFinisher
from shared.features.imports.versions.planner import VersionPlanner
from shared.features.imports.versions.service import FixesAfterImport
from shared.features.imports.versions.shards import VersionWriter
from shared.foundation.ids import JobId
from shared.foundation.settings import EngineSettings, LimitSettings
from shared.foundation.telemetry import EngineMetrics
from shared.ports.image_decoder import ImageDecoder
from shared.wiring.container import Container


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
        kinds={
            "import": _import_work(container, tools, engine, metrics),
            "verify": _verify_work(container, tools),
            "version": _version_work(container, tools, engine),
        },
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
            ContentFindings(
                tools.sources, tools.store, tools.shards, tools.findings, tools.limits.max_findings_per_step
            ),
            LikenessFindings(tools.store, tools.shards, tools.findings, tools.limits.max_findings_per_step),
            FixesAfterImport(container.datasets, repositories.jobs, container.outside.queue, engine),
        ),
    )


def _verify_work(container: Container, tools: ShardTools) -> JobWork:
    repositories = container.repositories
    return JobWork(
        planner=VerifyPlanner(container.datasets, tools.store, tools.shards),
        transfer=Verifier(tools),
        finisher=VerifyFinisher(repositories.jobs, repositories.shards, container.transactions),
    )


def _version_work(container: Container, tools: ShardTools, engine: EngineSettings) -> JobWork:
    repositories = container.repositories
    return JobWork(
        planner=VersionPlanner(
            container.datasets, container.images, tools.store, repositories.jobs, tools.shards, engine
        ),
        transfer=VersionWriter(tools, container.datasets, container.drafts, container.transactions),
        finisher=VersionFinisher(container.datasets, repositories.jobs, repositories.shards, container.transactions),
    )


def make_export_runner(container: Container, *, engine: EngineSettings) -> ExportRunner:
    """What a claimer of exports needs."""
    repositories = container.repositories
    return ExportRunner(
        jobs=repositories.other_jobs,
        exports=repositories.exports,
        datasets=container.datasets,
        builder=container.export_builder,
        cleaner=container.export_cleaner,
        queue=container.outside.queue,
        transactions=container.transactions,
        engine=engine,
    )


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Runs claimers of jobs of every kind in this process."""

    imports: ImportRunner
    exports: ExportRunner

    async def run(self, job_id: JobId, *, stopping: Callable[[], bool]) -> None:
        """Share in the job, whatever its kind, until it has ended or `stopping` says so. Safe to repeat."""
        if not await self.exports.run(job_id, stopping=stopping):
            await self.imports.run(job_id, stopping=stopping)
