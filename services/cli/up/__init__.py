"""`datayard up`: one supervisor runs MongoDB, Valkey, the workers, the callbacks, ingest and the API on a laptop."""

from services.cli.up.options import UpOptions
from services.cli.up.run import run_yard

__all__ = ["UpOptions", "run_yard"]
