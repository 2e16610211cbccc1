"""`python -m services.worker.migrate`: brings the database up to this version; a job of Cloud Run before a release."""

import asyncio

from shared.foundation.logging import configure_logging, get_logger
from shared.foundation.settings import CommonSettings
from shared.wiring.migrations import migrate


def main() -> None:
    """Indexes, validators and migrations; doing it twice, and from several places at once, is harmless."""
    settings = CommonSettings()
    configure_logging(settings.log, service="migrate")
    asyncio.run(migrate(settings.mongo))
    get_logger(__name__).info("the database is up to date", database=settings.mongo.database)


if __name__ == "__main__":
    main()
