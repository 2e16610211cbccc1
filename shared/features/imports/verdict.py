"""Whether the findings so far let an import go on."""

from shared.features.imports.models import FindingRefused, ImportRequest
from shared.formats.findings import FindingLog, Severity
from shared.formats.rules import RULES


def refuse_errors(request: ImportRequest, log: FindingLog) -> None:
    """Raise FindingRefused for an error in the log when the import was asked to fail on any."""
    if request.on_finding == "skip":
        return
    for finding in log:
        if _is_error(finding.rule):
            place = f"{finding.file}, line {finding.line}" if finding.line else finding.file
            raise FindingRefused(f"{place}: {finding.message}", rule=finding.rule, file=finding.file, line=finding.line)
    for rule in filter(_is_error, log.counts):  # counted, but there were too many findings to keep each in full
        raise FindingRefused(f"{log.counts[rule]} findings of the rule {rule}.", rule=rule)


def _is_error(rule: str) -> bool:
    return RULES[rule].severity is Severity.ERROR
