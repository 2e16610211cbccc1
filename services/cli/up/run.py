"""The steps of `datayard up`: check, lock, plan, supervise."""

import sys

from services.cli.failures import Exit
from services.cli.up.folder import end_leftovers, hold
from services.cli.up.options import UpOptions, check_host, check_space
from services.cli.up.plan import make_plan
from services.cli.up.supervisor import run_supervisor, warn


def run_yard(options: UpOptions) -> Exit:
    """Run a yard until it is told to stop. Raises CliError, with a text that says what to do, when it cannot start."""
    check_host(options.host)
    lock = hold(options.data)
    try:
        check_space(options.data)
        left = end_leftovers(options.data)
        if left:
            warn(f"ended what an earlier `datayard up` had left running: {', '.join(left)}")
        plan = make_plan(options)
        print(f"Starting Datayard in {options.data} …", file=sys.stderr, flush=True)
        return run_supervisor(options, plan)
    finally:
        lock.release()
