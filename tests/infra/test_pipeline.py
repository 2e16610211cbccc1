"""Files that other systems read: Cloud Build's, GitHub's and Compose's, against what those take."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from google.cloud.devtools.cloudbuild_v1 import Build
from google.protobuf import json_format

ROOT = Path(__file__).parents[2]
DOCKERFILES = sorted(ROOT.glob("services/*/Dockerfile"))
IMAGES = ("api", "ingest", "worker")


def loaded(name: str) -> dict:
    return yaml.safe_load((ROOT / name).read_text())


def built(text: dict) -> Build:
    return json_format.ParseDict(text, Build.pb(Build()))


def test_cloud_build_takes_the_pipeline() -> None:
    steps = [step.id for step in built(loaded("cloudbuild.yaml")).steps]
    order = ("check", "push", "migrate", "deploy-behind", "canary", "smoke", "promote-or-roll-back")
    assert [step for step in steps if step in order] == list(order)


def test_a_misspelt_key_of_the_pipeline_would_be_seen() -> None:
    wrong = loaded("cloudbuild.yaml")
    wrong["steps"][0]["nam"] = wrong["steps"][0].pop("name")
    with pytest.raises(json_format.ParseError, match="nam"):
        built(wrong)


def test_every_step_waits_for_steps_there_are() -> None:
    steps = loaded("cloudbuild.yaml")["steps"]
    ids = [step["id"] for step in steps]
    for number, step in enumerate(steps):
        assert set(step.get("waitFor", [])) <= {"-", *ids[:number]}, step["id"]


def test_scripts_of_the_pipeline_are_bash() -> None:
    for step in loaded("cloudbuild.yaml")["steps"]:
        if step.get("entrypoint") == "bash" and step["args"][0].startswith("-c"):
            script = step["args"][1].replace("$$", "$")
            found = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
            assert found.returncode == 0, f"{step['id']}: {found.stderr}"


def test_every_service_has_an_image_and_every_image_is_built_and_deployed() -> None:
    assert [path.parent.name for path in DOCKERFILES] == list(IMAGES)
    pipeline = (ROOT / "cloudbuild.yaml").read_text()
    for service in IMAGES:
        assert f"services/{service}/Dockerfile" in pipeline
        assert f'--image "${{_REPOSITORY}}/{service}:${{SHORT_SHA}}"' in pipeline


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_hadolint_has_nothing_to_say(path: Path) -> None:
    linter = Path(sys.executable).parent / "hadolint"
    found = subprocess.run([linter, "--no-color", path], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_an_image_runs_as_nobody_with_its_own_service_alone(path: Path) -> None:
    text = path.read_text()
    assert "USER 10001:10001" in text
    assert "HEALTHCHECK" in text
    assert "/usr/bin/tini" in text
    copied = {line.split()[-2] for line in text.splitlines() if line.startswith("COPY services/")}
    own = f"services/{path.parent.name}"
    assert all(one == "services/__init__.py" or one.startswith(own) for one in copied)


def test_compose_runs_every_part() -> None:
    services = loaded("compose.yaml")["services"]
    assert {"mongo", "valkey", "fake-gcs", "api", "ingest", "worker"} <= set(services)
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            assert other in services, name
        for mount in service.get("volumes", []):
            assert mount.split(":")[0] in loaded("compose.yaml")["volumes"], name
        assert ("image" in service) != ("build" in service), name
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()
            assert service["read_only"] is True


def test_compose_publishes_to_the_loopback_only() -> None:
    for service in loaded("compose.yaml")["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_githubs_workflow_runs_what_ci_runs() -> None:
    jobs = loaded(".github/workflows/ci.yml")["jobs"]
    assert any(step.get("run") == "bash .ci/run" for step in jobs["check"]["steps"])
    assert jobs["deploy"]["needs"] == "check"
