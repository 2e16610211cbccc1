"""What `datayard check` prints: text, CSV and SARIF, made from one report."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from services.cli.check_sarif import sarif_document
from services.cli.check_text import report_lines
from services.cli.checking import CheckRequest, verdict_of
from services.cli.effects import effect_text
from services.cli.failures import CliError, Exit, Verdict
from shared.features.imports.checks.report import CategoryCount, CheckReport
from shared.features.imports.checks.summary import findings_of
from shared.features.imports.findings.csv_rows import CSV_COLUMNS, csv_row
from shared.features.imports.findings.views import TrainerView
from shared.features.imports.models import ImportRequest
from shared.formats.findings import WHOLE_DATASET, Finding

EXAMPLE: dict[str, Any] = CheckReport.model_json_schema()["examples"][0]
ARCHIVE = ImportRequest(source="https://name:secret@host/a.zip?token=1")
FINDINGS = (
    Finding("ROW_CLASS_RANGE", "labels/ä b.txt", "category 7 has no name", 3, 1),
    Finding("ROW_CLASS_RANGE", "labels/c.txt", "category\x1b[31m 9 has no name", 1, 1),
    Finding("PAIR_ORPHAN_LABEL", "=labels/d.txt", "no image of the dataset goes with this label"),
    Finding("PAIR_MISSING_LABEL", "images/e.jpg", "no label at labels/e.txt"),
)


def report(*findings: Finding, **changes: object) -> CheckReport:
    """The report of the API's example, with these findings."""
    counts: dict[str, int] = {}
    shown: dict[str, list[Finding]] = {}
    for finding in findings:
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
        shown.setdefault(finding.rule, []).append(finding)
    base = CheckReport.model_validate(EXAMPLE)
    return base.model_copy(update={"findings": findings_of(counts, shown), **changes})


def text(of: CheckReport) -> str:
    return "\n".join(line.text for line in report_lines(of, width=200))


# -- the verdict


@pytest.mark.parametrize(
    ("findings", "complete", "verdict"),
    [
        ((), True, Verdict.CLEAN),
        (FINDINGS[3:], True, Verdict.CLEAN),
        (FINDINGS[2:], True, Verdict.WARNINGS),
        (FINDINGS, True, Verdict.ERRORS),
        ((), False, Verdict.WARNINGS),
        (FINDINGS, False, Verdict.ERRORS),
    ],
)
def test_the_exit_code_is_the_worst_finding(findings: tuple[Finding, ...], complete: bool, verdict: Verdict) -> None:
    assert verdict_of(report(*findings, complete=complete)) is verdict
    assert [int(one) for one in Verdict] == [0, 1, 2]
    assert not {int(one) for one in Verdict} & {Exit.UNREACHABLE, Exit.NOT_CHECKED, Exit.INTERRUPTED}


def test_only_one_shape_at_a_time() -> None:
    with pytest.raises(CliError) as caught:
        CheckRequest(source="https://host/a.zip", shown_as=["json", "csv"]).body()
    assert caught.value.exit_code == Exit.NOT_CHECKED


# -- text


def test_findings_are_grouped_worst_first_with_what_to_do() -> None:
    shown = text(report(*reversed(FINDINGS)))
    heads = ["ERROR ROW_CLASS_RANGE x 2", "WARNING PAIR_ORPHAN_LABEL x 1", "INFO PAIR_MISSING_LABEL x 1"]
    assert [shown.index(head) for head in heads] == sorted(shown.index(head) for head in heads)
    assert "  fix: Add the name or correct the id.\n" in shown
    assert "  effect: drop_image (ultralytics from 8.4.190)\n" in shown
    assert "  labels/ä b.txt:3:1  category 7 has no name\n" in shown
    assert shown.endswith("\n2 errors, 1 warning, 1 info.")


def test_nothing_a_stranger_writes_moves_the_cursor() -> None:
    assert "\x1b" not in text(report(*FINDINGS))


def test_three_examples_of_a_rule_are_shown() -> None:
    shown = text(report(*(Finding("ROW_NAN", f"labels/{n}.txt", "nan", 1) for n in range(10))))
    assert shown.count("  labels/") == 3
    assert "  … and 7 more" in shown


def test_releases_that_see_the_same_are_one_row() -> None:
    same, other = (TrainerView(**{**EXAMPLE["trainers"]["ultralytics@8.4.190"], "rows_kept": n}) for n in (5, 6))
    names = ["8.0.0", "8.1.0", "8.2.0", "8.3.0"]
    trainers = {f"ultralytics@{name}": view for name, view in zip(names, (same, same, other, same), strict=True)}
    shown = text(report(trainers=trainers))
    rows = [line.split("  ")[0] for line in shown.splitlines() if line.startswith("ultralytics ")]
    assert rows == ["ultralytics 8.0.0 to 8.1.0", "ultralytics 8.2.0", "ultralytics 8.3.0"]


def test_a_trainer_that_refuses_the_dataset_is_said_to() -> None:
    view = TrainerView(**{**EXAMPLE["trainers"]["ultralytics@8.4.190"], "refused": "`val` is missing"})
    shown = text(report(trainers={"ultralytics@8.4.190": view}))
    assert shown.count("  refuses it: `val` is missing\n") == 1


def test_what_is_said_of_the_whole_dataset_names_no_file() -> None:
    shown = text(report(Finding("SET_NO_VAL", WHOLE_DATASET, "there is no split `val`")))
    assert "\n  there is no split `val`\n" in shown


def test_of_many_categories_those_without_annotations_are_only_counted() -> None:
    used = [CategoryCount(id=n, name=f"c{n}", images=1, annotations=1) for n in range(5)]
    idle = [CategoryCount(id=n, name=f"c{n}", images=0, annotations=0) for n in range(5, 80)]
    shown = text(report(categories=[*used, *idle]))
    assert (" c4 " in shown, " c5 " in shown) == (True, False)
    assert "… and 75 categories without any annotation" in shown


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        ({"ultralytics>=8.3.0,<8.4.0": "keep", "ultralytics<8.3.0": "keep", "ultralytics>=8.4.0": "drop_image"},
         "keep (ultralytics before 8.4.0); drop_image (ultralytics from 8.4.0)"),
        ({"ultralytics>=8.4.190": "keep", "ultralytics<8.3.200": "drop_image"},
         "drop_image (ultralytics before 8.3.200); keep (ultralytics from 8.4.190)"),
        ({"ultralytics>=8.10.0": "keep", "ultralytics>=8.9.0,<8.10.0": "keep", "fiftyone<1.0": "keep"},
         "keep (fiftyone before 1.0, ultralytics from 8.9.0)"),
        ({"ultralytics>=8.1.0,<8.2.0": "keep"}, "keep (ultralytics from 8.1.0, before 8.2.0)"),
    ],
)  # fmt: skip
def test_neighbouring_releases_with_one_effect_are_one_run(effect: dict[str, str], said: str) -> None:
    assert effect_text(effect) == said


def test_a_clean_dataset_and_one_that_was_not_read_to_its_end() -> None:
    assert text(report()).endswith("\nClean.")
    assert text(report(FINDINGS[3])).endswith("\nClean: 1 info.")
    cut_off = text(report(*FINDINGS, complete=False, images_read=7))
    assert cut_off.endswith("\nTime was up after 7 of 200 images: 2 errors, 1 warning, 1 info so far.")


# -- CSV


def test_the_rows_of_csv_are_those_of_a_report() -> None:
    rows = [[getattr(one, column) for column in CSV_COLUMNS] for one in report(*FINDINGS).findings.items]
    read = list(csv.reader(io.StringIO("".join(map(csv_row, rows)), newline="")))
    assert read[0][:5] == ["ROW_CLASS_RANGE", "error", "labels/ä b.txt", "3", "1"]
    assert read[2][2] == "'=labels/d.txt"


# -- SARIF 2.1.0


def test_what_sarif_requires_is_there() -> None:
    document: dict[str, Any] = json.loads(json.dumps(sarif_document(report(*FINDINGS), ARCHIVE)))
    assert (document["version"], set(document)) == ("2.1.0", {"$schema", "version", "runs"})
    (run,) = document["runs"]
    assert run["tool"]["driver"]["name"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["ROW_CLASS_RANGE", "PAIR_ORPHAN_LABEL", "PAIR_MISSING_LABEL"]
    assert [rule["defaultConfiguration"]["level"] for rule in rules] == ["error", "warning", "note"]
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert len(run["results"]) == len(FINDINGS)
    for result in run["results"]:
        assert result["message"]["text"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        assert place["region"].get("startColumn", 1) >= 1
        assert not set(place["artifactLocation"]["uri"]) & set(' "<>\\^`{|}ä')
        assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]


def test_sarif_tells_no_secret_of_the_address() -> None:
    shown = json.dumps(sarif_document(report(*FINDINGS), ARCHIVE))
    assert "secret" not in shown
    assert "token" not in shown


def test_a_finding_has_the_same_fingerprint_tomorrow() -> None:
    def prints(of: CheckReport) -> list[str]:
        runs: Any = sarif_document(of, ARCHIVE)["runs"]
        return [one["partialFingerprints"]["datayard/v1"] for one in runs[0]["results"]]

    assert prints(report(*FINDINGS)) == prints(report(*FINDINGS, seconds=9.0))
    assert len(set(prints(report(*FINDINGS)))) == len(FINDINGS)


def test_files_of_a_folder_in_a_repository_are_named_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "shapes").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    runs: Any = sarif_document(report(*FINDINGS), ImportRequest(source=str(tmp_path / "data" / "shapes")))["runs"]
    places = [one["locations"][0]["physicalLocation"]["artifactLocation"] for one in runs[0]["results"]]
    assert places[1] == {"uri": "data/shapes/labels/c.txt"}
    assert "originalUriBaseIds" not in runs[0]
