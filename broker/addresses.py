"""Addresses of Kafka brokers: HOST:PORT, several separated by commas."""

from __future__ import annotations

import re
from typing import Final

from boundary.addresses import shown_address

__all__ = ["addresses_of"]

_ADDRESS: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")


def addresses_of(bootstrap: str) -> list[str]:
    """Return the addresses in a list with commas. Raises ValueError naming the first wrong one."""
    addresses = [address.strip() for address in bootstrap.split(",")]
    for address in addresses:
        if not _ADDRESS.fullmatch(address):
            message = (
                "write HOST:PORT, several separated by commas;"
                f" {shown_address(address)!r} is not one"
            )
            raise ValueError(message)
    return addresses
