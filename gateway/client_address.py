"""The client address of a request behind trusted proxies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

FORWARDED: Final = b"x-forwarded-for"
_UNKNOWN: Final = "unknown"
#: As some proxies write addresses: with the port that they saw, and IPv6 in brackets.
_WITH_PORT: Final = re.compile(r"\[([^\]]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")
#: Of an IPv6 address: one machine has every address of its /64.
_NETWORK_BYTES: Final = 8


class ClientAddresses:
    """Determines a request's address; `X-Forwarded-For` counts where a `trusted` peer sends it."""

    def __init__(self, trusted: Iterable[Network] = ()) -> None:
        self._trusted = tuple(trusted)

    def of(self, peer: str | None, headers: Mapping[bytes, bytes]) -> str:
        """Return the client's network: an IPv4 address, or the /64 of an IPv6 address.

        It is that of the first address from the right that is no trusted proxy's: addresses to the
        left of it were written by the client, and may be anything. A trusted proxy whose header
        cannot be read is itself the client.
        """
        address = _read(peer or "")
        if self._trusted and address is not None:
            for text in reversed(headers.get(FORWARDED, b"").decode("latin-1").split(",")):
                if not self._is_trusted(address):
                    break
                before = _read(text.strip())
                if before is None:
                    break
                address = before
        return _UNKNOWN if address is None else network_of(address)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def network_of(address: Address) -> str:
    """Return the network that an address counts as."""
    if isinstance(address, IPv4Address):
        return str(address)
    return f"{IPv6Address(address.packed[:_NETWORK_BYTES] + bytes(_NETWORK_BYTES))}/64"


def _read(text: str) -> Address | None:
    with_port = _WITH_PORT.fullmatch(text)
    if with_port is not None:
        text = with_port[1] or with_port[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
