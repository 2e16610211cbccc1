"""Whether findings end an import."""

import pytest

from shared.features.imports.findings.verdict import refuse_errors
from shared.features.imports.models import FindingRefused, ImportRequest
from shared.formats.findings import Finding, FindingLog

ERROR = Finding("ROW_CLASS_RANGE", "labels/a.txt", "Category 9 has no name.", line=3)
LATER = Finding("IMG_UNREADABLE", "images/b.jpg", "It was left out.")
WARNING = Finding("YAML_NC_MISMATCH", "data.yaml", "nc is 4, there are 3 names.")
INFO = Finding("PAIR_MISSING_LABEL", "images/a.jpg", "It has no label file.")


def log_of(*findings: Finding) -> FindingLog:
    log = FindingLog(limit=10)
    for finding in findings:
        log.add(finding)
    return log


@pytest.mark.parametrize("findings", [(), (WARNING,), (INFO, WARNING)])
def test_what_is_no_error_ends_nothing(findings: tuple[Finding, ...]) -> None:
    refuse_errors(ImportRequest(source="x", on_finding="fail"), log_of(*findings))


def test_errors_are_left_out_and_the_rest_goes_on_unless_asked_otherwise() -> None:
    refuse_errors(ImportRequest(source="x"), log_of(ERROR))


def test_the_first_error_ends_the_import_and_is_named() -> None:
    with pytest.raises(FindingRefused) as caught:
        refuse_errors(ImportRequest(source="x", on_finding="fail"), log_of(INFO, WARNING, ERROR, LATER))
    problem = caught.value.to_problem()
    assert problem["detail"] == "labels/a.txt, line 3: Category 9 has no name."
    assert (problem["rule"], problem["file"], problem["line"]) == ("ROW_CLASS_RANGE", "labels/a.txt", 3)


def test_a_file_as_a_whole_has_no_line() -> None:
    with pytest.raises(FindingRefused, match=r"^images/b.jpg: It was left out.$"):
        refuse_errors(ImportRequest(source="x", on_finding="fail"), log_of(LATER))


def test_the_log_counts_what_it_does_not_keep() -> None:
    log = FindingLog(limit=1)
    for finding in (INFO, ERROR, ERROR):
        log.add(finding)
    assert list(log) == [INFO, ERROR]  # the first of each rule
    assert log.counts == {"PAIR_MISSING_LABEL": 1, "ROW_CLASS_RANGE": 2}
