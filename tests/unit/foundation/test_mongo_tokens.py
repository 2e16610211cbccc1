"""The time in a resume token."""

import pytest

from shared.foundation.mongo import ResumePointLost, time_of

TOKEN = "826B015883000000012B022C0100296E5A10041B78CEED0B4548F4ACB0E3E457F8ACB6463C5F6964003C78000004"


def test_the_time_of_a_token() -> None:
    """A token of MongoDB 6.0.5, whose change had the cluster time Timestamp(1795250307, 1)."""
    time = time_of(TOKEN[:2] + "65015883" + TOKEN[10:])
    assert (time.time, time.inc) == (0x65015883, 1)


@pytest.mark.parametrize(
    "token", ["", "zz", "82", "8265015883000000", "0065015883000000012B", "82ffffffff00000001", "é"]
)
def test_what_is_no_token_or_of_a_time_to_come_leads_nowhere(token: str) -> None:
    with pytest.raises(ResumePointLost):
        time_of(token)
