"""Addresses of private networks, which a portal's metadata may name."""

from __future__ import annotations

import pytest

from boundary.http_client import HttpClient
from boundary.public_network import (
    PrivateAddressError,
    is_public,
    refuse_private_host,
    stay_public,
)
from tests.support.portals import portal


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.1.2.3"),
        *("100.64.0.1", "224.0.0.1", "::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1"),
        *("64:ff9b::7f00:1", "2002:7f00:1::", "::", "64:ff9b:1::a00:1", "fec0::1"),
        *("::a00:1", "::ffff:0:a00:1"),
    ],
)
def test_what_is_not_of_the_internet_is_not_public(address: str) -> None:
    """Also where it is wrapped in another address."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808"])
def test_what_is_of_the_internet_is_public(address: str) -> None:
    """Both families, and a public address behind a NAT64."""
    assert is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f000001", "2130706433"])
def test_a_name_of_this_machine_is_refused(host: str) -> None:
    """However it is written."""
    with pytest.raises(PrivateAddressError, match="--private-addresses"):
        refuse_private_host(host, 80)


def test_a_connection_that_leads_to_a_private_network_carries_nothing() -> None:
    """A name may have led elsewhere when it was looked up: the connection's own end counts."""
    with portal() as served, HttpClient(served.url, seconds=5) as client:
        stay_public(client)
        with pytest.raises(PrivateAddressError):
            client.exchange("GET", f"{served.url}/secret")
        assert served.requests == []
