"""What people do with datasets as such."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta

from shared.features.auth.models import Actor
from shared.features.datasets.models import (
    Dataset,
    DatasetBusy,
    DatasetDescription,
    DatasetNotFound,
    DatasetState,
    Draft,
    Rollup,
    Task,
    Version,
    VersionBusy,
    VersionNotFound,
)
from shared.features.datasets.repository import DatasetRepository, VersionRepository
from shared.features.sharing.access import Visibility
from shared.foundation.clock import utc_now
from shared.foundation.ids import DatasetId, JobId, new_id
from shared.foundation.mongo import Session
from shared.foundation.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class DatasetChange:
    """What a caller wants changed; None leaves a field as it is."""

    name: str | None = None
    description: str | None = None
    tags: tuple[str, ...] | None = None
    visibility: Visibility | None = None

    def fields(self) -> dict[str, object]:
        """The document fields to set."""
        changes: dict[str, object] = {}
        if self.name is not None:
            changes["name"] = self.name
        if self.description is not None:
            changes["description"] = self.description
        if self.tags is not None:
            changes["tags"] = list(self.tags)
        if self.visibility is not None:
            changes["access.visibility"] = self.visibility
        return changes


class DatasetService:
    """Reads, changes and trashes datasets, for an actor."""

    def __init__(self, datasets: DatasetRepository, versions: VersionRepository, *, trash_days: int) -> None:
        self._datasets = datasets
        self._versions = versions
        self._trash = timedelta(days=trash_days)

    async def get(self, reference: str, actor: Actor) -> Dataset:
        """The dataset with this id or slug. Raises DatasetNotFound, also for what is not the actor's to read."""
        dataset = await self._datasets.get(reference, actor)
        if dataset is None:
            raise DatasetNotFound(reference)
        return dataset

    async def editable(self, reference: str, actor: Actor) -> Dataset:
        """The same, if the actor may change it. Raises DatasetNotFound, also for what is not the actor's to change."""
        dataset = await self.get(reference, actor)
        if not await self._datasets.may_edit(dataset.id, actor):
            raise DatasetNotFound(reference)
        return dataset

    async def page(self, actor: Actor, request: PageRequest, *, text: str | None, task: Task | None) -> Page[Dataset]:
        """The datasets the actor may read, newest first."""
        return await self._datasets.page(actor, request, text=text, task=task)

    async def change(self, reference: str, actor: Actor, change: DatasetChange) -> Dataset:
        """The dataset after the change. Raises DatasetNotFound."""
        dataset = await self.get(reference, actor)
        if not (fields := change.fields()):
            return dataset
        changed = await self._datasets.change(dataset.id, actor, fields)
        if changed is None:
            raise DatasetNotFound(reference)
        return changed

    async def trash(self, reference: str, actor: Actor) -> None:
        """Move the dataset to the trash. Raises DatasetNotFound, and DatasetBusy while it is being imported."""
        dataset = await self.get(reference, actor)
        if dataset.state is DatasetState.IMPORTING:
            raise DatasetBusy(f"Cancel the import job {dataset.import_job_id} first.", job_id=dataset.import_job_id)
        if not await self._datasets.trash(dataset.id, actor, purge_at=utc_now() + self._trash):
            raise DatasetNotFound(reference)

    # -- versions

    async def at_version(self, dataset: Dataset, number: int | None) -> Dataset:
        """The dataset as that version has it; None for the published one. Raises VersionNotFound."""
        if number is None or number == dataset.version:
            return dataset
        version = await self.version(dataset, number)
        older = {"version": number, "task": version.task, "categories": version.categories, "rollup": version.rollup}
        return dataset.model_copy(update=older)

    async def version(self, dataset: Dataset, number: int) -> Version:
        """One published version. Raises VersionNotFound."""
        version = await self._versions.get(dataset.id, number)
        if version is None:
            raise VersionNotFound(number, dataset.version)
        return version

    async def versions(self, dataset: Dataset, request: PageRequest) -> Page[Version]:
        """The published versions, newest first, without their counters."""
        return await self._versions.page(dataset.id, request)

    async def begin_draft(self, dataset_id: DatasetId, job_id: JobId, session: Session) -> Draft:
        """Give a job the right to make the next version; one that has it keeps it. Raises VersionBusy."""
        draft = await self._datasets.begin_draft(dataset_id, job_id, session)
        if draft is None:
            busy = (await self.load(dataset_id)).draft
            raise VersionBusy(busy.job_id if busy else "that changes the dataset")
        return draft

    async def end_draft(self, dataset_id: DatasetId, job_id: JobId) -> None:
        """Take the right to make a version from a job. Idempotent."""
        await self._datasets.end_draft(dataset_id, job_id)

    async def publish_version(self, version: Version, session: Session) -> bool:
        """A version becomes what readers see; False when its job lost the right to make it."""
        published = await self._datasets.publish_version(version, session)
        if published:
            await self._versions.add(version, session)
        return published

    # -- for imports

    async def load(self, dataset_id: DatasetId) -> Dataset:
        """The dataset in whatever state. Raises DatasetNotFound."""
        dataset = await self._datasets.load(dataset_id)
        if dataset is None:
            raise DatasetNotFound(dataset_id)
        return dataset

    async def add(self, dataset: Dataset, session: Session) -> None:
        """Write a new dataset. Raises AlreadyThere when its slug is taken."""
        await self._datasets.add(dataset, session)

    async def describe(self, dataset_id: DatasetId, described: DatasetDescription) -> None:
        """Keep what planning found out. Idempotent."""
        await self._datasets.describe(dataset_id, described)

    async def publish(self, dataset: Dataset, *, rollup: Rollup, task: Task | None, session: Session) -> None:
        """The import is complete: version 1 and its statistics are what readers see, and where the history begins."""
        await self._datasets.publish(dataset.id, rollup=rollup, task=task, version=1, session=session)
        await self._versions.add(first_version(dataset, rollup, task), session)

    async def discard(self, dataset_id: DatasetId, session: Session) -> None:
        """Hide a dataset whose import ended badly; its slug is free again."""
        await self._datasets.discard(dataset_id, session)

    async def reopen(self, dataset_id: DatasetId, slug: str, session: Session) -> None:
        """The import is tried again. Raises AlreadyThere when the slug is taken meanwhile."""
        await self._datasets.reopen(dataset_id, slug, session)

    async def due_for_purge(self) -> list[DatasetId]:
        """Trashed datasets whose time is over."""
        return await self._datasets.due_for_purge()

    async def remove(self, dataset_id: DatasetId) -> None:
        """Forget a dataset whose images and objects are gone, and its history."""
        await self._versions.remove_all(dataset_id)
        await self._datasets.remove(dataset_id)

    async def free_slug(self, name: str, *, crowded: bool = False) -> str:
        """A slug for `name` that no visible dataset has at this moment: `raccoons`, else `raccoons-2`, …

        Others may take it first. With `crowded`, when that has happened, it ends in random letters.
        """
        base = slugify(name)
        for number in range(1, 1 if crowded else 50):
            slug = base if number == 1 else f"{base}-{number}"
            if await self._datasets.slug_is_free(slug):
                return slug
        return f"{base}-{new_id()[-8:]}"


def first_version(dataset: Dataset, rollup: Rollup, task: Task | None) -> Version:
    """What an import has made, as the history has it."""
    return Version(
        dataset_id=dataset.id,
        number=1,
        kind="import",
        parent=None,
        created_at=utc_now(),
        job_id=dataset.import_job_id,
        task=task,
        categories=dataset.categories,
        rollup=rollup,
    )


def slugify(name: str) -> str:
    """Lower-case ASCII letters, digits and single hyphens, at most 80 characters; `dataset` when nothing is left."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:80].strip("-") or "dataset"
