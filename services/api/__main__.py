"""`python -m services.api`."""

import gc

import uvicorn

from services.api.main import create_app
from services.api.server import serve
from services.api.settings import ApiSettings
from shared.foundation.logging import configure_logging


def main() -> None:
    """Serve until told to stop."""
    settings = ApiSettings()
    configure_logging(settings.log, service="api")
    app = create_app(settings)
    gc.collect()
    gc.freeze()  # what is there now stays: looking through it again takes 50 ms, each dozen large pages
    config = uvicorn.Config(app, host=settings.api.host, port=settings.api.port, log_config=None, access_log=False)
    serve(config, before_shutdown=app.state.container.events.close)


if __name__ == "__main__":
    main()
