"""Mistakes in the configuration that the checks find, and values that it refuses."""

import pytest

from tests.infra.terraform import SOURCE, Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("mistakes"))


# File, what is right, what is wrong, and what Terraform says. It names every mistake of one sort before the next.
SHAPES = {
    "an argument that is not there": ("modules/bucket/main.tf", "force_destroy ", "force_destory ", '"force_destory"'),
    "a block that is not there": ("modules/task_queue/main.tf", "rate_limits {", "rate_limit {", '"rate_limit"'),
    "an argument left out": ("modules/secrets/main.tf", "  secret_id = var.name\n", "", '"secret_id" is required'),
    "a block given twice": (
        "modules/task_queue/main.tf",
        "  retry_config {",
        "  retry_config {}\n  retry_config {",
        '"retry_config"',
    ),
    "a resource that is not there": ("budget.tf", '"google_billing_budget"', '"google_budget"', '"google_budget"'),
}
VALUES = {
    "a value of another type": ("modules/run_service/main.tf", "= 24", '= "often"', '"failure_threshold"'),
}
LISTED = {
    "none of the values listed": (
        "modules/run_service/main.tf",
        "EXECUTION_ENVIRONMENT_GEN2",
        "GEN2",
        "cannot be GEN2",
    ),
    "one of another list": ("main.tf", 'action = "DELETE"', 'action = "PURGE"', "action cannot be PURGE"),
}
REFERENCES = {
    "a value that is not there": ("modules/run_service/outputs.tf", "this.uri", "this.url", '"url"'),
}


@pytest.mark.parametrize(
    "mistakes", [SHAPES, VALUES, LISTED, REFERENCES], ids=["shapes", "values", "lists", "references"]
)
def test_mistakes_are_found(workspace: Workspace, mistakes: dict[str, tuple[str, str, str, str]]) -> None:
    for name, right, wrong, _ in mistakes.values():
        path = workspace.folder / name
        assert right in path.read_text()
        path.write_text(path.read_text().replace(right, wrong))
    outcome = workspace.run("validate", "-no-color")
    for name, *_ in mistakes.values():
        (workspace.folder / name).write_bytes((SOURCE / name).read_bytes())
    assert outcome.code == 1
    said = outcome.out + outcome.errors
    assert not [mistake for mistake, (*_, word) in mistakes.items() if word not in said], said


REFUSED = {
    "api_invokers": ('["allUsers"]', "no sign-in of its own"),
    "images": ('{api = "registry.example/api:latest"}', "named by its digest"),
    "mongo_url": ("cluster0.example.net", "begins with mongodb://"),
    "log_level": ("ERROR", "INFO or DEBUG"),
    "bucket": ("{temp_days = 1}", "three attempts"),
    "ingest": ("{timeout_seconds = 5}", "15 to 1800 seconds"),
    "worker": ("{tasks = 5000}", "1 to 1000 workers"),
    "name": ("Yard", "lower case letters"),
    "environment": ("Production!", "lower case letters"),
}


def test_values_are_refused(workspace: Workspace) -> None:
    given = [word for name, (value, _) in REFUSED.items() for word in ("-var", f"{name}={value}")]
    outcome = workspace.run("plan", "-input=false", "-no-color", "-var", "project_id=my-project", *given)
    assert outcome.code == 1
    said = " ".join((outcome.out + outcome.errors).split())
    assert not [name for name, (_, why) in REFUSED.items() if why not in said], said


def test_the_format_is_terraforms(workspace: Workspace) -> None:
    assert workspace.run("fmt", "-recursive", "-check").code == 0
