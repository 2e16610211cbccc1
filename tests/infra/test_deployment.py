"""What one `terraform apply` makes of an empty project: what the services are told, may do, and are watched by."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from services.api.settings import ApiSettings
from services.ingest.settings import IngestSettings, OidcCallers
from services.worker.settings import WorkerSettings
from shared.foundation.settings import CloudRunLauncher, CloudTasksQueue, CommonSettings, GcsStore
from shared.wiring import adapters
from tests.infra.permissions import EXACT_PLACES, PLACES, ROLES, SERVICES
from tests.infra.terraform import ROOT, Applied, Workspace

PASSWORD = "not-to-be-seen"
GIVEN = {
    "project_id": "my-project",
    "mongo_url": f"mongodb+srv://yard:{PASSWORD}@cluster0.example.mongodb.net/?retryWrites=true",
    "alert_emails": ["on-call@example.com"],
}
EVERYTHING = {
    **GIVEN,
    "api_invokers": ["group:vision@example.com"],
    "budget": {"billing_account": "012345-ABCDEF-678901", "amount": 500},
    "kms_key": "projects/my-project/locations/europe-west1/keyRings/yard/cryptoKeys/objects",
    "bucket": {"cors_origins": ["https://yard.example.com"], "temp_days": 9},
    "source_buckets": ["open-images"],
    "deployers": ["group:release@example.com"],
    "images": {name: f"registry.example/{name}@sha256:{'a' * 64}" for name in ("api", "ingest", "worker")},
}
DEPLOYABLES: Mapping[str, type[CommonSettings]] = {
    "api": ApiSettings, "ingest": IngestSettings, "worker": WorkerSettings, "migrate": CommonSettings,
}  # fmt: skip
KINDS = {
    "google_storage_bucket_iam_member": ("bucket", "bucket"),
    "google_cloud_tasks_queue_iam_member": ("queue", "name"),
    "google_cloud_run_v2_job_iam_member": ("job", "name"),
    "google_cloud_run_v2_service_iam_member": ("service", "name"),
    "google_secret_manager_secret_iam_member": ("secret", "secret_id"),
    "google_service_account_iam_member": ("account", "service_account_id"),
    "google_artifact_registry_repository_iam_member": ("repository", "repository"),
    "google_project_iam_member": ("project", ""),
}
Grant = tuple[str, str, str]


@pytest.fixture(scope="module", params=["dev", "everything"])
def applied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Applied:
    """The smallest yard, and the production's with all there is to choose."""
    workspace = Workspace(tmp_path_factory.mktemp(request.param))
    return workspace.apply("dev", GIVEN) if request.param == "dev" else workspace.apply("prod", EVERYTHING)


def one(applied: Applied, kind: str, ending: str = "") -> Mapping[str, Any]:
    """The only resource of a kind whose address has such an ending."""
    (found,) = (values for address, values in applied.resources(kind).items() if address.endswith(ending))
    return found


# -- settings


def container(applied: Applied, deployable: str) -> Mapping[str, Any]:
    """The container of a service or job."""
    for kind in ("google_cloud_run_v2_service", "google_cloud_run_v2_job"):
        for values in applied.resources(kind).values():
            if values["name"] == f"datayard-{deployable}":
                template = values["template"][0]
                return (template if kind.endswith("service") else template["template"][0])["containers"][0]
    raise AssertionError(f"{deployable} is not deployed")


def environment(applied: Applied, deployable: str) -> dict[str, str]:
    """Its environment variables; what comes from Secret Manager is the database's address."""
    found = {}
    for variable in container(applied, deployable)["env"]:
        secret = [one["secret_key_ref"][0]["secret"] for one in variable["value_source"]]
        assert secret in ([], ["datayard-mongo-url"])
        found[variable["name"]] = GIVEN["mongo_url"] if secret else variable["value"]
    return found


@pytest.fixture(params=DEPLOYABLES)
def deployable(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def settings(applied: Applied, deployable: str, monkeypatch: pytest.MonkeyPatch) -> CommonSettings:
    """What the deployable reads where it runs."""
    for name, value in environment(applied, deployable).items():
        monkeypatch.setenv(name, value)
    return DEPLOYABLES[deployable](_env_file=None)


def test_every_setting_is_one_that_the_service_reads(applied: Applied, deployable: str) -> None:
    rows = re.findall(r"^\| `(DATAYARD_\w+)` \|[^|]*\|([^|]*)\|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    reader = "worker" if deployable == "migrate" else deployable
    assert set(environment(applied, deployable)) <= {name for name, readers in rows if reader in readers}


def test_a_service_has_what_it_needs_and_runs_on_google_cloud(settings: CommonSettings, deployable: str) -> None:
    assert PASSWORD in settings.mongo.url.get_secret_value()
    if deployable == "migrate":
        return
    store, queue = adapters.object_store(settings.object_store), adapters.job_queue(settings.queue)
    launcher = adapters.job_launcher(settings.launcher, settings.queue)
    names = [type(adapter).__name__ for adapter in (store, queue, launcher)]
    assert names == ["GcsObjectStore", "CloudTasksJobQueue", "CloudRunWhenNeeded"]


def test_settings_name_what_is_there(settings: CommonSettings, deployable: str, applied: Applied) -> None:
    if deployable == "migrate":
        return
    assert isinstance(settings.object_store, GcsStore)
    assert isinstance(settings.queue, CloudTasksQueue)
    assert isinstance(settings.launcher, CloudRunLauncher)
    assert settings.object_store.bucket == one(applied, "google_storage_bucket")["name"]
    place = "projects/my-project/locations/europe-west1"
    assert settings.queue.queue == f"{place}/queues/{one(applied, 'google_cloud_tasks_queue')['name']}"
    worker = one(applied, "google_cloud_run_v2_job", "worker.google_cloud_run_v2_job.this")
    assert settings.launcher.job == f"{place}/jobs/{worker['name']}"
    assert settings.engine.turn_seconds == 0, "a worker of a job of its own makes room for nobody"
    own = applied.output("service_accounts")["api"]
    assert settings.object_store.signer == (own if deployable == "api" else "")


def test_the_function_admits_those_who_call_it(applied: Applied, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(applied, "ingest").items():
        monkeypatch.setenv(name, value)
    settings = IngestSettings(_env_file=None)
    accounts = applied.output("service_accounts")
    assert isinstance(settings.callers, OidcCallers)
    assert isinstance(settings.queue, CloudTasksQueue)
    assert set(settings.callers.service_accounts) == {accounts[name] for name in ("queue", "scheduler", "eventarc")}
    scheduled = one(applied, "google_cloud_scheduler_job")["http_target"][0]
    service = one(applied, "google_cloud_run_v2_service", "service.google_cloud_run_v2_service.this")
    audiences = settings.callers.audience.split()
    assert {settings.queue.audience, scheduled["oidc_token"][0]["audience"], service["uri"]} <= set(audiences)
    assert (settings.queue.target, settings.queue.service_account) == (audiences[0], accounts["queue"])
    assert scheduled["uri"] == f"{audiences[0]}/maintenance"
    assert scheduled["oidc_token"][0]["service_account_email"] == accounts["scheduler"]
    assert one(applied, "google_eventarc_trigger")["service_account"] == accounts["eventarc"]
    assert service["template"][0]["timeout"] == f"{settings.queue.deadline_seconds:.0f}s"
    assert service["ingress"] == "INGRESS_TRAFFIC_INTERNAL_ONLY"


def test_each_deployable_has_an_account_of_its_own(applied: Applied) -> None:
    services = [one["template"][0] for one in applied.resources("google_cloud_run_v2_service").values()]
    jobs = [one["template"][0]["template"][0] for one in applied.resources("google_cloud_run_v2_job").values()]
    used = [one["service_account"] for one in [*services, *jobs]]
    accounts = applied.output("service_accounts")
    assert sorted(used) == sorted(accounts[name] for name in DEPLOYABLES)


# -- permissions


def grants(applied: Applied) -> Iterator[Grant]:
    """Who has which role on what; who is not one of our accounts stays a member."""
    names = {f"serviceAccount:{email}": name for name, email in applied.output("service_accounts").items()}
    for kind, (what, field) in KINDS.items():
        for values in applied.resources(kind).values():
            place = values[field].rpartition("/")[2] if field else ""
            place = names.get(f"serviceAccount:{place}", place)
            yield names.get(values["member"], values["member"]), values["role"], f"{what} {place}".strip()


def own_roles(applied: Applied) -> dict[str, frozenset[str]]:
    """Permissions of the roles we define."""
    made = applied.resources("google_project_iam_custom_role").values()
    return {role["id"]: frozenset(role["permissions"]) for role in made}


def test_every_grant_is_looked_at(applied: Applied) -> None:
    kinds = {kind for kind in applied.kinds() if re.search(r"_iam_(member|binding|policy)$", kind)}
    assert kinds - {"google_kms_crypto_key_iam_member"} <= set(KINDS)
    assert not [kind for kind in kinds if not kind.endswith("_member")], "these take roles from others"


@pytest.mark.parametrize("account", SERVICES)
def test_a_service_may_do_what_its_adapters_do_and_nothing_else(applied: Applied, account: str) -> None:
    roles = own_roles(applied)
    found = {
        (permission, place)
        for member, role, place in grants(applied)
        if member == account and role in roles and place != "bucket open-images"
        for permission in roles[role]
    }
    assert found == {(permission, place_of(permission)) for permission in SERVICES[account]}


def place_of(permission: str) -> str:
    return EXACT_PLACES.get(permission) or PLACES[permission.rpartition(".")[0]]


@pytest.mark.parametrize("account", ROLES)
def test_roles_of_googles_are_the_listed_ones(applied: Applied, account: str) -> None:
    found = {
        (role, place) for member, role, place in grants(applied) if member == account and role.startswith("roles/")
    }
    assert found == ROLES[account]


def test_no_other_member_has_a_role(applied: Applied) -> None:
    strangers = {grant for grant in grants(applied) if grant[0] not in ROLES}
    known = {("serviceAccount:storage@google", "roles/pubsub.publisher", "project")}
    chosen = {
        ("group:vision@example.com", "roles/run.invoker", "service datayard-api"),
        ("group:release@example.com", "roles/iam.serviceAccountUser", "account deploy"),
    }
    assert strangers in (known, known | chosen)


def test_a_bucket_of_others_is_only_read(applied: Applied) -> None:
    roles = own_roles(applied)
    found = {(who, *sorted(roles[role])) for who, role, place in grants(applied) if place == "bucket open-images"}
    reading = ("storage.objects.get", "storage.objects.list")
    assert found in (set(), {("api", *reading), ("worker", *reading)})


# -- data


def test_one_apply_is_enough(applied: Applied) -> None:
    assert applied.again.code == 0, applied.again.out + applied.again.errors
    assert "No changes" in applied.again.out


def test_the_databases_address_is_in_no_state(applied: Applied) -> None:
    assert PASSWORD not in applied.state
    assert PASSWORD not in json.dumps(applied.values)


def test_the_bucket_is_private_and_forgets_slowly(applied: Applied) -> None:
    bucket = one(applied, "google_storage_bucket")
    assert bucket["uniform_bucket_level_access"] is True
    assert bucket["public_access_prevention"] == "enforced"
    assert bucket["soft_delete_policy"][0]["retention_duration_seconds"] >= 7 * 86400
    rules = [(rule["action"][0]["type"], rule["condition"][0]) for rule in bucket["lifecycle_rule"]]
    deleting = [condition for action, condition in rules if action == "Delete"]
    living = [condition for condition in deleting if condition["with_state"] == "LIVE"]
    assert [condition["matches_prefix"] for condition in living] == [["temp/"]], "only temp/ is emptied by age"
    leftovers = float(environment(applied, "worker")["DATAYARD_ENGINE__LEFTOVER_DAYS"])
    assert living[0]["age"] >= leftovers + 4, "the rule must not take what a dead job is promised"


def test_the_worker_has_a_day(applied: Applied) -> None:
    task = one(applied, "google_cloud_run_v2_job", "worker.google_cloud_run_v2_job.this")["template"][0]["template"][0]
    assert (task["timeout"], task["max_retries"] >= 1) == ("86400s", True)


def test_probes_ask_what_the_services_answer(applied: Applied) -> None:
    probes = {name: container(applied, name) for name in ("api", "ingest")}
    paths = {
        name: (found["startup_probe"][0]["http_get"][0]["path"], found["liveness_probe"][0]["http_get"][0]["path"])
        for name, found in probes.items()
    }
    assert paths == {"api": ("/health/ready", "/health/live"), "ingest": ("/health/live", "/health/live")}


def test_all_go_out_by_fixed_addresses_or_none_does(applied: Applied) -> None:
    addresses = applied.resources("google_compute_address")
    services = [one["template"][0] for one in applied.resources("google_cloud_run_v2_service").values()]
    jobs = [one["template"][0]["template"][0] for one in applied.resources("google_cloud_run_v2_job").values()]
    ways = [[access["egress"] for access in one["vpc_access"]] for one in [*services, *jobs]]
    assert ways == [["ALL_TRAFFIC"] if addresses else []] * 4
    assert len(applied.output("egress_addresses")) == len(addresses)
    assert [len(nat["nat_ips"]) for nat in applied.resources("google_compute_router_nat").values()] in ([], [2])


# -- alerts


def alerts(applied: Applied) -> dict[str, str]:
    """Title → section of the runbook."""
    found = {}
    for policy in applied.resources("google_monitoring_alert_policy").values():
        title = policy["display_name"].removeprefix("datayard: ")
        section = re.search(r"docs/runbook\.md#([\w-]+)", policy["documentation"][0]["content"])
        assert section, f"{title} does not say what to do"
        assert policy["notification_channels"], f"nobody is told that {title}"
        found[title] = section[1]
    return found


def test_alerts_and_the_runbook_name_each_other(applied: Applied) -> None:
    runbook = (ROOT / "docs/runbook.md").read_text()
    listed = runbook.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| ([^|]+?) \|.*\[[^]]+\]\(#([\w-]+)\) \|$", listed, re.MULTILINE))
    assert alerts(applied) == rows
    anchors = {
        re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
        for line in re.findall("^## (.*)$", runbook, re.MULTILINE)
    }
    assert set(rows.values()) <= anchors


def test_what_is_counted_in_logs_is_what_the_code_says(applied: Applied) -> None:
    code = "\n".join(path.read_text() for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py"))
    for metric in applied.resources("google_logging_metric").values():
        (event,) = re.findall(r'jsonPayload\.event="([^"]+)"', metric["filter"])
        calls = re.findall(rf'(?:_log\.\w+|attempt)\([^\n]*"{event}"[^\n]*', code)
        assert calls, f"nothing says {event!r}"
        read = re.findall(r"jsonPayload\.(\w+)", metric["filter"] + (metric["value_extractor"] or ""))
        assert all(f"{field}=" in calls[0] for field in set(read) - {"event"}), f"{event!r} does not say all of {read}"


def test_a_log_entry_says_what_happened_where_the_filters_look() -> None:
    script = "from shared.foundation.logging import *; from shared.foundation.settings import LogSettings as L\n"
    script += "configure_logging(L(), service='ingest'); get_logger('a').info('job ended', state='dead')"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    entry = json.loads(done.stderr)
    assert (entry["event"], entry["state"]) == ("job ended", "dead")


def test_filters_of_the_same_metric_agree(applied: Applied) -> None:
    names = {metric["name"] for metric in applied.resources("google_logging_metric").values()}
    conditions = json.dumps(
        [policy["conditions"] for policy in applied.resources("google_monitoring_alert_policy").values()]
    )
    assert set(re.findall(r"logging\.googleapis\.com/user/(datayard/\w+)", conditions)) == names


# -- documents


def test_outputs_that_documents_use_are_there(applied: Applied) -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    used = {name for page in pages for name in re.findall(r"terraform output (?:-\w+ )*(\w+)", Path(page).read_text())}
    assert used
    assert used <= set(applied.values["outputs"])


def test_variables_that_documents_name_are_there() -> None:
    table = (ROOT / "docs/cloud.md").read_text().partition("| Variable | Meaning |")[2].partition("\n\n")[0]
    named = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    declared = set(re.findall(r'^variable "(\w+)"', (ROOT / "infra/terraform/variables.tf").read_text(), re.MULTILINE))
    assert named
    assert named <= declared
