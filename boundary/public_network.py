"""Keeps requests to the addresses of third parties off this machine's own networks.

A portal's metadata may name any address. A name is resolved once, each of its addresses is checked,
and the connection goes to one of those addresses, so nothing reaches a refused one.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from boundary.errors import SmartRegionError

_NAT64: Final = IPv6Network("64:ff9b::/96")
_ASSIGNED: Final = IPv6Network("2000::/3")
"""The range of Internet addresses. Python's `is_global` also includes local NAT64
(64:ff9b:1::/48), site-local addresses and some forms of IPv4."""
_UNIQUE_LOCAL: Final = IPv6Network("fc00::/7")
_METADATA: Final = tuple(
    ip_network(address)
    for address in (
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure; formally a public address
        "192.0.0.192",  # Oracle Cloud
        "fd00:42::42",  # Scaleway
        "fd00:c1::a9fe:a9fe",  # Oracle Cloud
        "fd00:ec2::/32",  # AWS
        "fd20:ce::254",  # Google Cloud
    )
)
"""Where clouds provide their machines' credentials, besides the link-local 169.254.169.254."""


class PrivateAddressError(SmartRegionError):
    """An address leads to a private network, to this machine, or to its cloud's metadata."""

    def __init__(self, host: str, address: str, *, is_private: bool) -> None:
        place, remedy = (
            ("on a private network", "give --private-addresses where it is a portal of yours")
            if is_private
            else ("link-local or its cloud's own", "name another: no option allows this one")
        )
        super().__init__(f"address: {host} is {place}, value {address!r}: {remedy}")


def is_public(address: str) -> bool:
    """Return whether an IP address is on the public Internet, also if wrapped in another form."""
    ip = _unwrapped(address)
    if isinstance(ip, IPv6Address) and ip not in _ASSIGNED:
        return False
    return ip.is_global and not ip.is_multicast and not _is_metadata(ip)


def is_private(address: str) -> bool:
    """Return whether an IP address may be a portal's on a private network, or this machine's.

    False for public addresses, link-local ones and those of a cloud's metadata.
    """
    ip = _unwrapped(address)
    if is_public(address) or ip.is_link_local or _is_metadata(ip):
        return False
    return isinstance(ip, IPv4Address) or ip.is_loopback or ip in _UNIQUE_LOCAL


def _unwrapped(address: str) -> IPv4Address | IPv6Address:
    """Return an IP address, or the IPv4 address embedded in it."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip in _NAT64:
            return IPv4Address(ip.packed[-4:])
        return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or ip
    return ip


def _is_metadata(ip: IPv4Address | IPv6Address) -> bool:
    return any(ip in network for network in _METADATA)


def _addresses_of(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@dataclass(frozen=True, slots=True)
class CheckedNetwork:
    """Connects to checked addresses. Tests replace the last two fields."""

    private: bool = False
    """True to allow private addresses too."""
    resolve: Callable[[str, int], Sequence[str]] = _addresses_of
    """Returns the IP addresses of a host."""
    connect: Callable[[tuple[str, int], float | None], socket.socket] = socket.create_connection
    """Opens a connection to an IP address and a port, within a number of seconds."""

    def open(self, host: str, port: int, seconds: float | None) -> socket.socket:
        """Return a connection to a host.

        Raises PrivateAddressError before any connection if one address of the host is not allowed,
        and OSError if none answers.
        """
        addresses = self.resolve(host, port)
        for address in addresses:
            if not is_public(address) and not (self.private and is_private(address)):
                raise PrivateAddressError(host, address, is_private=is_private(address))
        failed = OSError("the name has no address")
        for address in addresses:
            try:
                return self.connect((address, port), seconds)
            except OSError as error:
                failed = error
        raise failed

    def guard(self, session: requests.Session) -> None:
        """Make a session connect only through `open`."""
        pools: Any = {
            "http": partial(_HttpPool, network=self),
            "https": partial(_HttpsPool, network=self),
        }
        for adapter in session.adapters.values():
            assert isinstance(adapter, HTTPAdapter)  # noqa: S101 - requests' own kind
            adapter.poolmanager.pool_classes_by_scheme = pools


class _HttpConnection(HTTPConnection):
    def __init__(self, *arguments: Any, network: CheckedNetwork, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._network = network

    def _new_conn(self) -> socket.socket:
        return self._network.open(self.host, self.port, self.timeout)


class _HttpsConnection(_HttpConnection, HTTPSConnection):
    """As in any HTTPS connection, the certificate must have the host's name."""


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection
