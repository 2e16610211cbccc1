"""`datayard migrate`: indexes, validators and migrations of a database that `up` does not run."""


def migrate() -> None:
    """Bring a database up to this version.

    The one of DATAYARD_MONGO__URL: indexes, validators, migrations. Doing it twice is harmless; `up` does it itself.
    """
    import asyncio  # noqa: PLC0415 - keeps --help quick

    from shared.foundation.logging import configure_logging  # noqa: PLC0415
    from shared.foundation.settings import CommonSettings  # noqa: PLC0415
    from shared.wiring.migrations import migrate as bring_up_to_date  # noqa: PLC0415

    settings = CommonSettings()
    configure_logging(settings.log, service="migrate")
    asyncio.run(bring_up_to_date(settings.mongo))
    print(f"The database {settings.mongo.database!r} is up to date.")
