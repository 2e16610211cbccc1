"""Findings as SARIF 2.1.0 (OASIS), which code scanning takes.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import hashlib
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from services.cli.documents import JsonObject
from shared.features.imports.checks.report import CheckReport, RuleCount
from shared.features.imports.findings.views import FindingView
from shared.features.imports.models import ImportRequest
from shared.formats.findings import Severity
from shared.formats.rules import RULES

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_BASE = "SOURCE"


def sarif_document(report: CheckReport, body: ImportRequest) -> JsonObject:
    """One run with a result for each finding that is shown. Files of a folder below this one are named from here."""
    lead = _lead(body)
    rules = list(report.findings.by_rule)
    driver: JsonObject = {
        "name": "datayard",
        "semanticVersion": version("datayard"),
        "rules": [_rule(name, report.findings.by_rule[name]) for name in rules],
    }
    run: JsonObject = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True}],
        "results": [_result(finding, rules.index(finding.rule), lead) for finding in report.findings.items],
        "properties": {
            "complete": report.complete,
            "counts": {name: one.count for name, one in report.findings.by_rule.items()},
        },
    }
    if lead is None:
        run["originalUriBaseIds"] = {_BASE: {"description": {"text": f"What {body.shown_source} holds."}}}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str, found: RuleCount) -> JsonObject:
    effects = "".join(f" {trainer}: {effect}." for trainer, effect in RULES[name].effect.items())
    return {
        "id": name,
        "shortDescription": {"text": found.meaning},
        "fullDescription": {"text": found.meaning + effects},
        "help": {"text": f"{found.meaning} {found.suggestion}{effects}"},
        "defaultConfiguration": {"level": _LEVELS[found.severity]},
    }


def _result(finding: FindingView, rule_index: int, lead: str | None) -> JsonObject:
    file: JsonObject = {"uri": quote(f"{lead or ''}{finding.file}")}
    if lead is None:
        file["uriBaseId"] = _BASE
    region: JsonObject = {"startLine": finding.line or 1}  # code scanning wants a line of every result
    if finding.column:
        region["startColumn"] = finding.column
    told = "\0".join((finding.rule, finding.file, str(finding.line), finding.message))
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.message} {finding.suggestion}"},
        "locations": [{"physicalLocation": {"artifactLocation": file, "region": region}}],
        "partialFingerprints": {"datayard/v1": hashlib.sha256(told.encode(errors="replace")).hexdigest()[:32]},
    }


def _lead(body: ImportRequest) -> str | None:
    """What leads from here to the files of a folder: they are files of a repository then. None for any other source."""
    address = body.addresses.get("archive", "")
    if not address.startswith("file:"):
        return None
    folder, here = Path(unquote(urlsplit(address).path)), Path.cwd().resolve()
    if not folder.is_dir() or not folder.is_relative_to(here):
        return None
    return "".join(f"{part}/" for part in folder.relative_to(here).parts)
