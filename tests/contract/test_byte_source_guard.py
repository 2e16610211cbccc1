"""Whom an import may reach, and who learns its credentials: redirects and private addresses."""

import pytest

from shared.adapters.byte_source.guard import HostGuard, is_public, literal_address
from shared.adapters.byte_source.http import HttpByteSource
from shared.foundation.settings import SourceSettings
from shared.ports.byte_source import RefusedSource, SourceUnavailable, UnsupportedSource
from tests.contract.test_byte_source_http import DATA, SETTINGS
from tests.factories.http_servers import SourceServer, source_server
from tests.factories.source_reads import content


@pytest.fixture
def server():
    with source_server(DATA) as running:
        yield running


@pytest.fixture
async def source(server: SourceServer):
    source = HttpByteSource(server.url, SETTINGS)
    yield source
    await source.close()


def guard_of(*, allowed: str = "127.0.0.1", **names: str) -> HostGuard:
    """Only one address counts as public; names resolve as told."""

    async def look_up(host, port, family):
        return [(2, address) for address in names[host.partition(".")[0]].split()]

    return HostGuard(allows=lambda address: address == allowed, look_up=look_up)


async def refusal(url: str, guard: HostGuard) -> Exception:
    source = HttpByteSource(url, SETTINGS, guard=guard)
    try:
        with pytest.raises((RefusedSource, UnsupportedSource, SourceUnavailable)) as caught:
            await source.describe()
        with pytest.raises(type(caught.value)):
            await content(source)
    finally:
        await source.close()
    return caught.value


async def test_follows_redirects(server, source):
    server.redirects = {"/data.zip": "/b", "/b": f"http://127.0.0.1:{server.port}/c?signed=%2F1#part"}
    assert await content(source) == DATA
    assert [request.path for request in server.requests] == ["/data.zip", "/b", "/c?signed=%2F1"]


@pytest.mark.parametrize("target", ["http://127.0.0.2:{port}/b", "http://inside.test:{port}/b", "//0x7f.2:{port}/b"])
async def test_a_redirect_to_a_private_address_is_refused(server, target):
    server.redirects = {"/data.zip": target.format(port=server.port)}
    assert isinstance(await refusal(server.url, guard_of(inside="10.0.0.1 127.0.0.2")), RefusedSource)
    assert {request.path for request in server.requests} == {"/data.zip"}


async def test_a_name_with_private_addresses_is_refused(server):
    url = f"http://inside.test:{server.port}/a"
    assert isinstance(await refusal(url, guard_of(inside="10.0.0.1 127.0.0.2")), RefusedSource)
    assert server.requests == []


async def test_of_a_names_addresses_only_public_ones_are_used(server):
    source = HttpByteSource(f"http://mixed.test:{server.port}/a", SETTINGS, guard=guard_of(mixed="10.0.0.1 127.0.0.1"))
    assert await content(source) == DATA
    await source.close()


async def test_the_default_policy_refuses_the_loopback(server):
    strict = SourceSettings(attempts=0)
    for host in ("127.0.0.1", "localhost"):
        source = HttpByteSource(f"http://{host}:{server.port}/a", strict)
        with pytest.raises(RefusedSource):
            await source.describe()
        await source.close()
    assert server.requests == []


@pytest.mark.parametrize("target", ["/data.zip", "", "file:///etc/passwd", "ftp://127.0.0.1/a", "http://[::1/"])
async def test_redirects_that_lead_nowhere(server, source, target):
    server.redirects = {"/data.zip": target}
    with pytest.raises(UnsupportedSource):
        await source.describe()


async def test_a_loop_of_redirects_ends(server, source):
    server.redirects = {"/data.zip": "/b", "/b": "/data.zip"}
    with pytest.raises(UnsupportedSource, match="more than 3 times"):
        await source.describe()
    assert len(server.requests) == 4


async def test_credentials_go_to_their_own_host_only(server):
    with source_server(DATA) as other:
        server.redirects = {"/data.zip": "/b", "/b": f"http://eve:x@127.0.0.1:{other.port}/c"}
        other.redirects = {"/c": f"http://127.0.0.1:{server.port}/d"}
        source = HttpByteSource(f"http://me:p%40ss@127.0.0.1:{server.port}/data.zip", SETTINGS)
        assert await content(source, 0, 3) == DATA[:3]
        await source.close()
    sent = [request.headers.get("authorization") for request in server.requests]
    assert sent == ["Basic bWU6cEBzcw=="] * 3
    assert [request.headers.get("authorization") for request in other.requests] == [None]
    assert "cookie" not in other.requests[0].headers


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("93.184.216.34", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("100.127.255.255", False),
        ("100.128.0.1", True),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("172.32.0.1", True),
        ("192.0.0.192", False),
        ("192.0.2.1", False),
        ("192.88.99.1", False),
        ("192.168.1.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("2606:4700:4700::1111", True),
        ("::", False),
        ("::1", False),
        ("::127.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("2002:a9fe:a9fe::1", False),
        ("2002:808:808::", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::808:808", True),
        ("64:ff9b:1::808:808", False),
        ("2001::1", False),
        ("2001:db8::1", False),
        ("fc00::1", False),
        ("fd00:ec2::254", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("ff02::1", False),
    ],
)
def test_public_addresses(address, public):
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("example.com", None),
        ("1.2.3.4.5", None),
        ("ü.example", None),
        ("", None),
    ],
)
def test_addresses_in_any_form(host, address):
    assert literal_address(host) == address
