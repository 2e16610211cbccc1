"""What is asked of the database again after its connection was lost."""

import pytest
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError, ServerSelectionTimeoutError

from shared.foundation.mongo import persistently
from shared.foundation.retry import Backoff


class Answers:
    """Work that fails as told, then answers."""

    def __init__(self, *failures: PyMongoError) -> None:
        self.failures = list(failures)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "answer"


def patience(attempts: int) -> Backoff:
    return Backoff(attempts, first_seconds=0.001)


async def test_lost_connections_are_made_up_for() -> None:
    work = Answers(AutoReconnect("cut"), ServerSelectionTimeoutError("nobody there"))
    assert await persistently(work, patience(2)) == "answer"
    assert work.calls == 3


async def test_patience_runs_out() -> None:
    work = Answers(*[AutoReconnect("cut")] * 3)
    with pytest.raises(AutoReconnect):
        await persistently(work, patience(2))
    assert work.calls == 3


async def test_patience_is_shared_by_what_is_asked_one_after_the_other() -> None:
    shared = patience(2)
    for _ in range(2):
        await persistently(Answers(AutoReconnect("cut")), shared)
    with pytest.raises(AutoReconnect):
        await persistently(Answers(AutoReconnect("cut")), shared)


async def test_an_answer_that_is_a_failure_is_not_asked_for_again() -> None:
    work = Answers(OperationFailure("no such command"))
    with pytest.raises(OperationFailure):
        await persistently(work, patience(2))
    assert work.calls == 1
