"""`python -m services.ingest`."""

import uvicorn

from services.ingest.main import create_app
from services.ingest.settings import IngestSettings
from shared.foundation.logging import configure_logging


def main() -> None:
    """Serve until told to stop."""
    settings = IngestSettings()
    configure_logging(settings.log, service="ingest")
    uvicorn.run(
        create_app(settings), host=settings.ingest.host, port=settings.ingest.port, log_config=None, access_log=False
    )


if __name__ == "__main__":
    main()
