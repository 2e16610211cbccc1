"""Ports are kept while they are free."""

import socket
from pathlib import Path

import pytest

from services.cli.failures import CliError
from services.cli.up.ports import PortBook, check_free, choose, is_free


def test_the_remembered_port_is_kept_while_it_is_free() -> None:
    assert choose(25_000, taken=set(), free=lambda port: port == 25_000) == 25_000


def test_another_port_is_chosen_when_it_is_taken() -> None:
    port = choose(25_000, taken={25_000}, free=lambda _port: True)
    assert port != 25_000
    assert 20_000 <= port <= 32_000


def test_no_port_is_given_twice() -> None:
    seen: list[int] = []

    def free(port: int) -> bool:
        seen.append(port)
        return len(seen) > 1

    assert choose(None, taken=set(), free=free) == seen[1]


def test_no_free_port_at_all_is_said() -> None:
    with pytest.raises(CliError, match="No free port"):
        choose(25_000, taken=set(), free=lambda _port: False)


def test_a_book_remembers_and_keeps_the_place_of_what_did_not_run(tmp_path: Path) -> None:
    first = PortBook(tmp_path)
    mongod, valkey = first.take("mongod"), first.take("valkey")
    first.close()
    assert mongod != valkey
    second = PortBook(tmp_path)
    assert second.take("mongod") == mongod
    second.close()
    assert PortBook(tmp_path).take("valkey") == valkey


@pytest.mark.parametrize("text", ["", "[]", "{", '{"mongod": "x"}'])
def test_a_book_that_cannot_be_read_is_begun_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)
    assert PortBook(tmp_path).take("mongod") > 0


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(CliError, match=rf"Port {port} on 127\.0\.0\.1 is in use.*--port {port + 1}"):
            check_free("127.0.0.1", port)
    assert is_free(port)
