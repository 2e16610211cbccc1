"""The API is what docs/openapi.json says, whatever it is sent: schemathesis against a running yard."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories.archives import yolo_zip
from tests.factories.running_yard import running_yard

DESCRIPTION = Path(__file__).parents[2] / "docs" / "openapi.json"
FEWEST_CASES = 1000
# `allow_header_conformance`: the framework names one route's methods in a 405.
# `positive_data_acceptance`: a well-formed source or cursor may still lead nowhere, which is a 422 by contract.
UNFIT_CHECKS = "allow_header_conformance,positive_data_acceptance"

# strings without `/` are hard to come by for a generator on a busy machine; that is no fault of the API
PATIENT = ("--suppress-health-check", "filter_too_much")

# what fuzzed imports ask for is not there: they end at once, and with them their streams of events
HASTY = {
    "DATAYARD_ENGINE__MAX_ATTEMPTS": "1",
    "DATAYARD_SOURCES__ATTEMPTS": "1",
    "DATAYARD_SOURCES__CONNECT_SECONDS": "1",
}


# a dry run answers for its source: one that does not answer is a 503, by contract; as is an upload without room for it
PLANS = """
[[operations]]
include-path = "/datasets/import/plan"
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", 503]

[[operations]]
include-path = "/uploads/archive"
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", 503]
"""


def test_no_server_error_and_no_schema_violation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in HASTY.items():
        monkeypatch.setenv(name, value)
    yolo_zip(tmp_path / "fuzzed.zip", images=20)
    (tmp_path / "schemathesis.toml").write_text(PLANS)
    with running_yard(tmp_path / "yard") as yard:
        yard.run("import", str(tmp_path / "fuzzed.zip"), "--wait")
        command = ["run", str(DESCRIPTION), "--url", yard.url, "--max-examples", "15", "--workers", "2", *PATIENT]
        schemathesis = [str(Path(sys.executable).with_name("schemathesis")), *command, "--exclude-checks", UNFIT_CHECKS]
        ran = subprocess.run([*schemathesis, "--seed", "1"], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert ran.returncode == 0, ran.stdout[-8000:]
    cases = re.search(r"(\d+) generated", ran.stdout)
    assert cases is not None
    assert int(cases[1]) >= FEWEST_CASES
