"""Keeps requests to the addresses of third parties off this machine's own networks.

A portal's metadata may name any address. A name is looked up before the request; the connection's
own peer is looked at too, because a name may lead elsewhere the next moment.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from boundary.errors import SmartRegionError

__all__ = ["PrivateAddressError", "is_public", "refuse_private_host", "stay_public"]

_NAT64: Final = IPv6Network("64:ff9b::/96")
_ASSIGNED: Final = IPv6Network("2000::/3")
"""Where addresses of the Internet are; Python also calls a NAT64 of one's own (64:ff9b:1::/48),
site-local addresses and some forms of IPv4 global."""


class PrivateAddressError(SmartRegionError):
    """An address leads into a private network, or to this machine."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(
            f"address: {host} is on a private network, value {address!r}:"
            " give --private-addresses where it is a portal of yours"
        )


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public Internet, whatever it is wrapped in."""
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = IPv4Address(ip.packed[-4:])
        if inner is None and ip not in _ASSIGNED:
            return False
        ip = inner or ip
    return ip.is_global and not ip.is_multicast


def refuse_private_host(host: str, port: int) -> None:
    """Raise PrivateAddressError where a name has a private address; a name without any passes."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return  # The request says so better.
    for *_, address in found:
        if not is_public(str(address[0])):
            raise PrivateAddressError(host, str(address[0]))


def stay_public(session: requests.Session) -> None:
    """Let a session send nothing over a connection whose other end is private."""
    for adapter in session.adapters.values():
        assert isinstance(adapter, HTTPAdapter)  # noqa: S101 - requests' own kind
        adapter.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


def _check_peer(connection: HTTPConnection) -> None:
    peer: Any = connection.sock.getpeername() if connection.sock is not None else None
    if peer is not None and not is_public(str(peer[0])):
        connection.close()
        raise PrivateAddressError(connection.host, str(peer[0]))


class _HttpConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _check_peer(self)


class _HttpsConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _check_peer(self)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection
