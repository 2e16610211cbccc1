"""Whether the findings so far let an import go on."""

from shared.features.imports.models import FindingRefused, ImportRequest
from shared.formats.findings import FindingLog, Severity
from shared.formats.rules import RULES


def refuse_errors(request: ImportRequest, log: FindingLog) -> None:
    """Raise FindingRefused for an error in the log (it keeps some of every rule) when the import must fail on any."""
    if request.on_finding == "skip":
        return
    for finding in log:
        if RULES[finding.rule].severity is Severity.ERROR:
            place = f"{finding.file}, line {finding.line}" if finding.line else finding.file
            raise FindingRefused(f"{place}: {finding.message}", rule=finding.rule, file=finding.file, line=finding.line)
