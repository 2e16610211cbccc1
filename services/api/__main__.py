"""`python -m services.api`."""

import uvicorn

from services.api.main import create_app
from services.api.settings import ApiSettings
from shared.foundation.logging import configure_logging


def main() -> None:
    """Serve until told to stop."""
    settings = ApiSettings()
    configure_logging(settings.log, service="api")
    uvicorn.run(create_app(settings), host=settings.api.host, port=settings.api.port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
