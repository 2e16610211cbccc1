"""The prices behind the cost of an estimate, in one table: where each is from, and of which day they are."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Price:
    """What `unit` costs in US dollars, by the published list that `source` names."""

    usd: float
    unit: str
    source: str


NAME = "Google Cloud list prices of us-central1"
AS_OF = date(2022, 12, 30)
"""The day of the storage list that these were compared with; the one of Cloud Run that was has no date."""

_STORAGE, _RUN = "cloud.google.com/storage/pricing", "cloud.google.com/run/pricing"
THOUSAND_WRITES = Price(0.005, "1000 objects written (class A operations, Standard)", _STORAGE)
GB_MONTH = Price(0.020, "a GB kept for a month (Standard, one region)", _STORAGE)
CPU_SECOND = Price(0.000018, "a second of a CPU (jobs, tier 1)", _RUN)
GIB_SECOND = Price(0.000002, "a second of a GiB of memory (jobs, tier 1)", _RUN)

PRICES = (THOUSAND_WRITES, GB_MONTH, CPU_SECOND, GIB_SECOND)
