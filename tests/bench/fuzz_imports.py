"""The fuzzer's whole imports: an archive is damaged, imported, and what came of it must be in order."""

import gzip
from pathlib import Path
from random import Random

from tests.bench.damage import damaged
from tests.bench.fuzz_corpus import repaired, tars, zips
from tests.factories.hostile import Case
from tests.factories.hostile_trial import DOCUMENTED, attempt, names_its_cause
from tests.factories.yard import Yard

OPTIONS = {"storage": "objects"}


async def import_one(yard: Yard, path: Path, dice: Random) -> str:
    """Damage an archive, import it, and say how that ended. AssertionError if it ended as no import may."""
    ending, data = _archive(dice)
    archive = path.with_name(f"{path.name}.{ending}")
    archive.write_bytes(data)
    trial = await attempt(yard, archive, Case(lambda _: None, ending, good={}), OPTIONS)
    archive.unlink()
    assert trial.left_over == [], trial.left_over
    assert trial.misplaced == [], trial.misplaced
    if trial.state == "succeeded":
        return "succeeded"
    assert trial.state == "failed", trial.status
    slug = str(trial.status["error"]["type"]).removeprefix("/problems/")
    assert slug in DOCUMENTED, trial.status["error"]
    assert names_its_cause(trial), trial.status["error"]
    return slug


def _archive(dice: Random) -> tuple[str, bytes]:
    """A damaged zip, tar or tar.gz; the last is hurt inside, outside or both."""
    ending = dice.choice(("zip", "zip", "tar", "tar.gz"))
    if ending == "zip":
        return ending, damaged(dice.choice(zips()), dice, zips())
    data = damaged(dice.choice(tars()), dice, tars())
    data = repaired(data, dice) if dice.random() < 0.8 else data
    if ending == "tar":
        return ending, data
    packed = gzip.compress(data, mtime=0)
    return ending, packed if dice.random() < 0.6 else damaged(packed, dice)
