"""The pure parts of the supervisor."""

import os
from pathlib import Path

import pytest

from services.cli import state
from services.cli.failures import CliError
from services.cli.up.child import RestartPolicy, describe_end, log_tail
from services.cli.up.demo import count_lines
from services.cli.up.folder import end_leftovers, hold
from services.cli.up.health import not_ready
from services.cli.up.options import UpOptions, check_host
from services.cli.up.plan import make_plan


def test_a_child_that_keeps_dying_is_started_ever_more_slowly() -> None:
    policy = RestartPolicy()
    assert [policy.delay_after(0.1) for _ in range(7)] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
    assert policy.failures == 7


def test_a_child_that_lived_long_is_started_at_once_again() -> None:
    policy = RestartPolicy()
    for _ in range(5):
        policy.delay_after(0.1)
    assert policy.delay_after(31.0) == pytest.approx(0.2)
    assert policy.failures == 1


def test_a_very_long_crash_loop_does_not_overflow() -> None:
    policy = RestartPolicy()
    assert [policy.delay_after(0.0) for _ in range(3000)][-1] == 5.0


def test_ends_are_described() -> None:
    assert describe_end(-9) == "by signal 9"
    assert describe_end(3) == "with exit code 3"


def test_the_end_of_a_log_is_shown_whatever_its_size(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {i}\n" for i in range(100_000)) + "broken \udcff".encode("utf-8", "replace").decode())
    assert log_tail(log, 2).splitlines() == ["    line 99999", "    broken ?"]
    assert log_tail(tmp_path / "none.log") == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_is_allowed(host: str) -> None:
    check_host(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])
def test_other_hosts_are_refused_with_the_reason(host: str) -> None:
    with pytest.raises(CliError, match="without sign-in"):
        check_host(host)


def test_a_folder_has_one_yard_and_the_other_is_named(tmp_path: Path) -> None:
    yard = state.YardState(url="http://127.0.0.1:8000", supervisor=state.own_record())
    lock = hold(tmp_path / "yard")
    yard.save(tmp_path / "yard")
    with pytest.raises(
        CliError, match=rf"in use by another `datayard up` \(pid {os.getpid()}, http://127.0.0.1:8000\)"
    ):
        hold(tmp_path / "yard")
    lock.release()
    hold(tmp_path / "yard").release()


def test_a_process_that_only_shares_the_number_is_left_alone(tmp_path: Path) -> None:
    me = state.own_record()
    stranger = state.ProcessRecord(pid=me.pid, created=me.created - 3600)
    state.YardState(url="http://x", supervisor=stranger, processes={"mongod": stranger}).save(tmp_path)
    assert state.running_url(tmp_path) is None
    assert end_leftovers(tmp_path) == []
    assert state.load(tmp_path) is None


def test_a_running_yard_tells_its_address(tmp_path: Path) -> None:
    assert state.running_url(tmp_path) is None
    state.YardState(url="http://127.0.0.1:8123", supervisor=state.own_record()).save(tmp_path)
    assert state.running_url(tmp_path) == "http://127.0.0.1:8123"
    (tmp_path / "run.json").write_text("{")
    assert state.running_url(tmp_path) is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"status": "x", "dependencies": {"mongo": "ok", "queue": "no answer"}}', "queue: no answer"),
        (b'{"dependencies": {"mongo": {"status": "down"}, "queue": {"status": "ok"}}}', "mongo: down"),
        (b'{"dependencies": {"mongo": "ok"}}', ""),
        (b"<html>", ""),
        (b"[]", ""),
    ],
)
def test_dependencies_that_are_not_ready_are_named(body: bytes, text: str) -> None:
    assert not_ready(body) == text


def test_counts_of_the_demo_are_tables() -> None:
    lines = count_lines({"splits": [{"split": "train", "images": 200, "annotations": 600}], "categories": "?"})
    assert lines == ["", "SPLIT  IMAGES  ANNOTATIONS\ntrain     200          600", ""]
    assert count_lines({}) == []


CLOUD = {"DATAYARD_MONGO__URL": "mongodb://theirs", "DATAYARD_QUEUE__BACKEND": "cloud_tasks"}
CLOUD |= {"DATAYARD_LAUNCHER__BACKEND": "cloud_run", "DATAYARD_CALLERS__BACKEND": "oidc"}


def test_a_yard_on_the_cloud_has_its_doors_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in CLOUD.items():
        monkeypatch.setenv(name, value)
    options = UpOptions(host="127.0.0.1", port=0, data=tmp_path, workers=2, demo=False, allow_private_sources=False)
    plan = make_plan(options)
    assert [program.name for program in plan.doors] == ["api", "ingest"]
    assert (plan.mongod, plan.valkey, plan.callbacks, plan.workers, plan.metrics) == (None, None, None, (), {})
    assert not plan.maintained
    assert "DATAYARD_QUEUE__BROKER_URL" not in plan.settings
