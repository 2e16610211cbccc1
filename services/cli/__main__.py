"""The console script, and `python -m services.cli`: what is stopped while it loads ends as what is stopped later."""

import sys

_INTERRUPTED = 130  # failures.Exit.INTERRUPTED, which is not loaded yet


def main() -> None:
    """Load the commands and run one; Ctrl-C before any of them listens for it is no stack trace either."""
    try:
        from services.cli.main import main as run  # noqa: PLC0415 - loading takes most of the time

        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
