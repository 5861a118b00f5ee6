"""Addresses of Kafka brokers: HOST:PORT, several separated by commas."""

from __future__ import annotations

from boundary.addresses import is_host_and_port, shown_address


def addresses_of(bootstrap: str) -> list[str]:
    """Return the addresses in a comma-separated list. Raises ValueError for the first bad one."""
    addresses = [address.strip() for address in bootstrap.split(",")]
    for address in addresses:
        if not is_host_and_port(address):
            message = (
                "write HOST:PORT, several separated by commas;"
                f" {shown_address(address)!r} is not one"
            )
            raise ValueError(message)
    return addresses
