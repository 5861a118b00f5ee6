"""From which address a request comes, past the proxies that are trusted to tell it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

__all__ = ["ClientAddresses", "Network", "network_of"]

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

FORWARDED: Final = b"x-forwarded-for"
_UNKNOWN: Final = "unknown"
#: Of an IPv6 address: a machine has all addresses of its /64.
_NETWORK_BYTES: Final = 8


class ClientAddresses:
    """Tells a request's address; `X-Forwarded-For` is believed where a `trusted` peer says it."""

    def __init__(self, trusted: Iterable[Network] = ()) -> None:
        self._trusted = tuple(trusted)

    def of(self, peer: str | None, headers: Mapping[bytes, bytes]) -> str:
        """Return what the sender counts as: an IPv4 address, or the /64 of an IPv6 address.

        Read from the right, the first address that is no trusted proxy's: what stands left of it
        was written by whoever sent the request, and may be anything. Where a proxy says nothing
        that can be read, it is the sender.
        """
        address = _read(peer or "")
        if self._trusted and address is not None:
            for told in reversed(headers.get(FORWARDED, b"").decode("latin-1").split(",")):
                if not self._is_trusted(address):
                    break
                before = _read(told.strip())
                if before is None:
                    break
                address = before
        return _UNKNOWN if address is None else network_of(address)

    def trusts(self, peer: str) -> bool:
        """Tell whether a peer is a proxy that is trusted."""
        address = _read(peer)
        return address is not None and self._is_trusted(address)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def network_of(address: Address) -> str:
    """Return what an address counts as."""
    if isinstance(address, IPv4Address):
        return str(address)
    return f"{IPv6Address(address.packed[:_NETWORK_BYTES] + bytes(_NETWORK_BYTES))}/64"


def _read(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
