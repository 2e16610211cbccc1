"""Fixes and versions on the command line: what is sent, and what is printed."""

import sys
import uuid
from collections.abc import Mapping

from services.cli.client import Client, Refused, path_of
from services.cli.documents import JobStatus, JsonObject, Page, Preview, Version, VersionCounts
from services.cli.failures import CliError, Exit
from services.cli.following import wait_for_import
from services.cli.formatting import Column, command, counted, moment, number, output_width, plain, table
from services.cli.listings import print_json
from services.cli.progress import progress_view

_COLUMNS = (
    Column("VERSION", right=True),
    Column("KIND"),
    Column("OF", right=True),
    Column("CREATED"),
    Column("IMAGES", right=True),
    Column("WHAT", shrinks=True),
)


def run_fixes(client: Client, dataset: str, body: JsonObject, *, wait: bool, as_json: bool) -> Exit:
    """Let a version with fixes be made; the exit code of the command."""
    return _make(client, dataset, _post(client, path_of("datasets", dataset, "versions"), body), wait, as_json)


def run_undo(client: Client, dataset: str, to: int | None, *, note: str, wait: bool, as_json: bool) -> Exit:
    """Let an older version be brought back; the exit code of the command."""
    if to is None:
        newest = Page.model_validate(client.get(path_of("datasets", dataset, "versions"), {"limit": 1})).items
        to = Version.model_validate(newest[0]).parent if newest else None
        if to is None:
            raise CliError(f"There is nothing to undo: {dataset!r} is as it was imported.")
    body: JsonObject = {"version": to} | ({"note": note} if note else {})
    return _make(client, dataset, _post(client, path_of("datasets", dataset, "rollback"), body), wait, as_json)


def _post(client: Client, path: str, body: JsonObject) -> JsonObject:
    """What is wrong with the options is said of them."""
    try:
        return client.post(path, body, idempotency_key=uuid.uuid4().hex)
    except Refused as refused:
        if refused.problem.errors:
            said = "\n".join(f"  {error.get('detail')}" for error in refused.problem.errors)
            raise CliError(f"This cannot be done:\n{said}", exit_code=Exit.USAGE) from refused
        raise


def _make(client: Client, dataset: str, started: JsonObject, wait: bool, as_json: bool) -> Exit:  # noqa: FBT001
    job_id = str(started["job_id"])
    if not wait:
        if as_json:
            print_json(started)
        else:
            print(f"The job {job_id} makes a version of {dataset!r}.")
            print(f"  follow it: {command()} --url {client.url} status --follow {job_id}")
        return Exit.OK
    with progress_view(f"version of {dataset}", notes=False) as view:
        final = wait_for_import(client, job_id, view=view)
    job = JobStatus.model_validate(final)
    if job.state != "succeeded":
        reason = job.error.text() if job.error else f"the job is {job.state}"
        print(f"datayard: no version was made ({job.state}). {plain(reason)}", file=sys.stderr)
        return Exit.FAILED
    document = _newest(client, dataset, job_id)
    if as_json:
        print_json(document)
    else:
        print("\n".join(_lines(Version.model_validate(document), dataset)))
    return Exit.OK


def _newest(client: Client, dataset: str, job_id: str) -> JsonObject:
    """The version that the job made."""
    found = Page.model_validate(client.get(path_of("datasets", dataset, "versions"), {"limit": 10})).items
    return next((one for one in found if one.get("job_id") == job_id), found[0])


def _lines(version: Version, dataset: str) -> list[str]:
    return [
        f"{dataset} is at version {version.version}: {_what(version)}.",
        *_count_lines(version.counts, version.fixes),
    ]


def show_preview(client: Client, dataset: str, body: JsonObject, *, as_json: bool) -> None:
    """Print what fixes would change."""
    document = _post(client, f"{path_of('datasets', dataset, 'versions')}?dry_run=true", body)
    if as_json:
        print_json(document)
        return
    preview = Preview.model_validate(document)
    looked_at = counted(preview.images_looked_at, "image")
    of_all = "" if preview.complete else f", the first of {number(preview.images)}"
    print(f"Of {looked_at}{of_all}, {number(preview.counts.images_changed)} would change:")
    print("\n".join(_count_lines(preview.counts, preview.fixes)) or "  nothing")


def _count_lines(counts: VersionCounts, fixes: Mapping[str, str]) -> list[str]:
    """How much of each rule is mended, by which fix, and how much of it is left."""
    rules = list(dict.fromkeys([*counts.mended, *counts.remaining]))
    named = {rule: f"{rule}={fixes[rule]}" if rule in fixes else rule for rule in rules}
    wide = max(map(len, named.values()), default=0)
    return [f"  {named[rule]:<{wide}}  {_mended(counts, rule)}" for rule in rules]


def _mended(counts: VersionCounts, rule: str) -> str:
    told = ((counts.mended.get(rule, 0), "mended"), (counts.remaining.get(rule, 0), "left"))
    return ", ".join(f"{number(count)} {what}" for count, what in told if count)


def show_versions(client: Client, dataset: str, *, limit: int, cursor: str | None, as_json: bool) -> None:
    """Print a page of a dataset's history."""
    document = client.get(path_of("datasets", dataset, "versions"), {"limit": limit, "cursor": cursor})
    if as_json:
        print_json(document)
        return
    page = Page.model_validate(document)
    found = [Version.model_validate(item) for item in page.items]
    print(table(_COLUMNS, [_row(one) for one in found], width=output_width()))
    if page.next_cursor:
        print(f"\ngo on with --cursor {page.next_cursor}")


def _row(version: Version) -> list[str]:
    parent = "-" if version.parent is None else str(version.parent)
    changed = number(version.counts.images_changed) if version.parent else "-"
    return [str(version.version), version.kind, parent, moment(version.created_at), changed, _what(version)]


def _what(version: Version) -> str:
    """What made the version, in a line."""
    if version.kind == "import":
        return version.note or "as it was imported"
    if version.restored is not None:
        said = f"version {version.restored} again"
    else:
        counts = version.counts
        said = ", ".join(f"{rule}={fix}" for rule, fix in version.fixes.items())
        changed, dropped, added = counts.annotations_changed, counts.annotations_dropped, counts.annotations_added
        parts = (("changed", changed), ("dropped", dropped), ("added", added))
        said += "".join(f", {number(count)} {what}" for what, count in parts if count)
    return f"{said} ({version.note})" if version.note else said
