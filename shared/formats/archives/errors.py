"""What can be wrong with an archive as a whole, with one member, or with how much of it was handed over."""


class BrokenArchive(ValueError):
    """The archive cannot be read at all. `reason` says why in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BrokenMember(ValueError):
    """One member cannot be read; the others may be. `reason` says why in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WrongChecksum(BrokenMember):
    """The member's content does not match the CRC-32 of the archive's directory."""


class ArchiveTooLarge(ValueError):
    """The archive exceeds a limit as a whole. `reason` names the limit."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NeedMoreTail(Exception):
    """The answer lies before the tail given: read at least the last `at_least` bytes (never more than the file has)."""

    def __init__(self, at_least: int) -> None:
        super().__init__(f"the archive's last {at_least} bytes are needed")
        self.at_least = at_least
