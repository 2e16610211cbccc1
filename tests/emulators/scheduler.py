"""Cloud Scheduler: `python -m tests.emulators.scheduler --url URL --audience A --email E --every SECONDS`.

One job: a POST with an OIDC token, every so many seconds. Lacks: everything else.
"""

import argparse
import asyncio
from datetime import UTC, datetime
from pathlib import Path

from tests.emulators.identity import TokenIssuer
from tests.emulators.posting import Poster


async def run(given: argparse.Namespace) -> None:
    """Call until killed."""
    poster = Poster(TokenIssuer(folder=given.keys), audience=given.audience, email=given.email)
    while True:
        headers = {
            "User-Agent": "Google-Cloud-Scheduler",
            "X-CloudScheduler-ScheduleTime": datetime.now(UTC).isoformat(),
        }
        await poster.post(given.url, headers=headers)
        await asyncio.sleep(given.every)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.emulators.scheduler", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--audience", required=True)
    parser.add_argument("--email", required=True)
    parser.add_argument("--every", type=float, default=2.0)
    parser.add_argument("--keys", type=Path, help="where the keys of tokens are kept")
    asyncio.run(run(parser.parse_args()))
