"""Findings, and what trainers see, as reports and checks say them in JSON."""

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from shared.formats.findings import Finding, Severity
from shared.formats.rules import RULES

_EXAMPLE_FINDING: dict[str, JsonValue] = {
    "rule": "ROW_CLASS_RANGE",
    "severity": "error",
    "file": "raccoon_yolo/labels/train/raccoon-1.txt",
    "line": 3,
    "column": 1,
    "message": "category 7 has no name; ids go from 0 to 0",
    "suggestion": "Add the name or correct the id.",
    "effect": {"ultralytics>=8.4.190": "drop_image", "ultralytics<8.4.190": "drop_image"},
}


class FindingView(BaseModel):
    """One thing found in the data: where, what, what to do, and what trainers make of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE_FINDING]})

    rule: str
    severity: Severity
    file: str
    line: int | None
    column: int | None
    message: str
    suggestion: str
    effect: dict[str, str] = Field(description="What a trainer does because of it, by `trainer>=version`.")


class TrainerView(BaseModel):
    """What one trainer would see of the dataset."""

    model_config = ConfigDict(from_attributes=True)

    images_kept: int = Field(description="Trained on with labels.")
    images_dropped: int = Field(description="Left out, because of the image or of its label file.")
    images_background: int = Field(description="Trained on without labels.")
    rows_kept: int = Field(description="Label rows trained on.")
    aborts: int = Field(description="Label files that end its import with an error; then it keeps nothing.")
    images_not_judged: int = Field(description="Their label files are larger than 1 MiB.")
    images_rewritten: int = Field(description="Files that it changes on disk: bytes come behind a JPEG's end.")
    refused: str | None = Field(description="Why it does not begin at all; the counts are of what it would see then.")


def finding_view(finding: Finding) -> FindingView:
    """The finding with what its rule says."""
    rule = RULES[finding.rule]
    return FindingView(
        rule=rule.id,
        severity=rule.severity,
        file=finding.file,
        line=finding.line,
        column=finding.column,
        message=finding.message,
        suggestion=rule.suggestion,
        effect=dict(rule.effect if finding.effect is None else finding.effect),
    )
