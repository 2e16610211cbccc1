"""What endpoints are given: the services, the actor, the page that was asked for, the dataset of the path."""

from typing import Annotated

from fastapi import Depends, Header, Path, Query
from starlette.requests import HTTPConnection

from services.api.checks import CheckDesk
from shared.features.auth.models import LOCAL_OWNER, Actor
from shared.features.datasets.models import Dataset
from shared.foundation.paging import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET, PageRequest
from shared.wiring.container import Container


def container_of(connection: HTTPConnection) -> Container:
    """The services built in `create_app`."""
    container: Container = connection.app.state.container
    return container


def checks_of(connection: HTTPConnection) -> CheckDesk:
    """What checks sources, built in `create_app`."""
    checks: CheckDesk = connection.app.state.checks
    return checks


def actor_of() -> Actor:
    """Who asks: on a laptop always the one implicit owner."""
    return LOCAL_OWNER


Services = Annotated[Container, Depends(container_of)]
Checks = Annotated[CheckDesk, Depends(checks_of)]
Asker = Annotated[Actor, Depends(actor_of)]


def page_of(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items of a page.")] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None, Query(max_length=4096, pattern="^[A-Za-z0-9_-]+$", description="`next_cursor` of the page before.")
    ] = None,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET, description="Items to jump over; not with `cursor`.")] = 0,
) -> PageRequest:
    """The page asked for."""
    return PageRequest(limit=limit, cursor=cursor, offset=0 if cursor else offset)


Paging = Annotated[PageRequest, Depends(page_of)]
Reference = Annotated[str, Path(min_length=1, max_length=200, description="Id or slug of the dataset.")]
JobReference = Annotated[str, Path(min_length=1, max_length=64, description="Id of the job.")]
ImageReference = Annotated[str, Path(min_length=1, max_length=64, description="Id of the image.")]


async def dataset_of(dataset: Reference, services: Services, asker: Asker) -> Dataset:
    """The dataset of the path, if the asker may read it."""
    return await services.datasets.get(dataset, asker)


ReadDataset = Annotated[Dataset, Depends(dataset_of)]


async def dataset_to_change(dataset: Reference, services: Services, asker: Asker) -> Dataset:
    """The dataset of the path, if the asker may change it."""
    return await services.datasets.editable(dataset, asker)


EditDataset = Annotated[Dataset, Depends(dataset_to_change)]


async def dataset_at(
    dataset: ReadDataset,
    services: Services,
    version: Annotated[
        int | None, Query(ge=1, description="A published version; left out: the newest of them.")
    ] = None,
) -> Dataset:
    """The dataset of the path as the version that was asked for has it."""
    return await services.datasets.at_version(dataset, version)


DatasetAtVersion = Annotated[Dataset, Depends(dataset_at)]
IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=200, description="The same key never makes two jobs."),
]
