"""What ends a command early: a sentence for the person, and the exit code for the script."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; scripts depend on them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_CHECKED = 4
    INTERRUPTED = 130


class Verdict(IntEnum):
    """Exit codes of `datayard check` for a source that could be checked. What else it says is an Exit above these."""

    CLEAN = 0
    WARNINGS = 1
    ERRORS = 2


class CliError(Exception):
    """A failure that needs no stack trace: its text is printed as it is, and `exit_code` is the command's."""

    def __init__(self, message: str, *, exit_code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
