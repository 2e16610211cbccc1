"""Which hosts an import may reach: addresses are checked after resolving, and the checked one is connected to.

Ranges are those of the IANA special-purpose registries (RFC 6890 and its updates), with what translates to them.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

from shared.ports.byte_source import RefusedSource

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup: TypeAlias = Callable[[str, int, socket.AddressFamily], Awaitable[list[tuple[socket.AddressFamily, str]]]]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# What `ipaddress` takes for global, or knows only in later releases than ours.
_REFUSED_V4 = tuple(
    ipaddress.IPv4Network(network) for network in ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24")
)
_REFUSED_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in ("64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10")
)


def is_public(address: str) -> bool:
    """Whether the IP address belongs to the public internet, as does any IPv4 address embedded in it.

    >>> is_public("8.8.8.8"), is_public("::ffff:127.0.0.1"), is_public("169.254.169.254")
    (True, False, False)
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv4Address):
        return _is_global(ip) and not any(ip in network for network in _REFUSED_V4)
    embedded = _embedded(ip)
    if embedded is not None:
        return is_public(str(embedded))
    return _is_global(ip) and not any(ip in network for network in _REFUSED_V6)


def _is_global(ip: IpAddress) -> bool:
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to `ip` end at: mapped, 6to4 or NAT64."""
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour


def literal_address(host: str) -> str | None:
    """The IP address that `host` writes out, in whatever form the system reads (`0x7f.1`); None for a name."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


async def look_up(host: str, port: int, family: socket.AddressFamily) -> list[tuple[socket.AddressFamily, str]]:
    """The system's addresses of a host. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
    return [(kind, str(address[0])) for kind, _, _, _, address in found]


@dataclass(frozen=True, slots=True)
class HostGuard:
    """The policy: which addresses are allowed, and how a name becomes addresses."""

    allows: Callable[[str], bool] = is_public
    look_up: Lookup = look_up

    def check_literal(self, host: str) -> None:
        """Raise RefusedSource if `host` is written as an address that is not allowed. Looks nothing up."""
        address = literal_address(host)
        if address is not None and not self.allows(address):
            raise refused(host)


def anywhere(_address: str) -> bool:
    """Allow every address; for a laptop."""
    return True


def refused(host: str) -> RefusedSource:
    """The error for a host that is not allowed; it does not say which address the name has."""
    return RefusedSource(
        f"Imports may not reach {host[:255]}: it is not on the public internet."
        " Where that is wanted, `datayard up --allow-private-sources` (DATAYARD_SOURCES__ALLOW_PRIVATE) allows it."
    )


class GuardedResolver(AbstractResolver):
    """Resolves to allowed addresses only; as aiohttp connects to what is returned, a name cannot be rebound."""

    def __init__(self, guard: HostGuard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The host's allowed addresses. Raises RefusedSource if it has others only, OSError if it has none."""
        found = await self._guard.look_up(host, port, family)
        allowed = [(kind, address) for kind, address in found if self._guard.allows(address)]
        if found and not allowed:
            raise refused(host)
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in allowed
        ]

    async def close(self) -> None:
        """Nothing is held."""
