"""The time, as the database keeps it."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now in UTC, to the millisecond: what MongoDB stores and gives back."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
