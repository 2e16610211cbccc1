"""Fixes as options name them: RULE=FIX, and ID=ID for what has no name."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.cli.failures import CliError, Exit

if TYPE_CHECKING:
    from services.cli.documents import JsonObject

_ID_PAIR = re.compile(r"(-?[0-9]+)=([0-9]+)")
_SUGGESTED = "suggested"


def fixes_of(fixes: Sequence[str], category_map: Sequence[str], *, suggested: bool) -> "JsonObject":
    """The fixes of a request. Raises CliError for what is no fix, and unless there is one.

    `suggested` may stand among the fixes too, alone.
    """
    if list(fixes) == [_SUGGESTED] and not suggested:
        fixes, suggested = [], True
    if suggested == bool(fixes):
        raise CliError("Name fixes with --fix RULE=FIX, or ask for --suggested.", exit_code=Exit.USAGE)
    pairs = [_ID_PAIR.fullmatch(one) for one in category_map]
    if None in pairs:
        raise CliError("--map is ID=ID, such as 7=2.", exit_code=Exit.USAGE)
    found = dict(_rule_and_fix(one) for one in fixes)
    body: JsonObject = {"fixes": _SUGGESTED if suggested else {**found}}
    if pairs:
        body["category_map"] = {pair[1]: int(pair[2]) for pair in pairs if pair is not None}
    return body


def _rule_and_fix(given: str) -> tuple[str, str]:
    rule, is_pair, fix = given.partition("=")
    if not is_pair:
        raise CliError(f"--fix is RULE=FIX, such as ROW_CORNER_OUTSIDE=clip, not {given!r}.", exit_code=Exit.USAGE)
    return rule.strip().upper(), fix.strip().lower().replace("-", "_")
