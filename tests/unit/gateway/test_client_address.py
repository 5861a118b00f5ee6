"""From which address a request comes."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client_address import ClientAddresses

PROXIES = ClientAddresses([ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48")])
NOBODY = ClientAddresses()


def address(peer: str | None, forwarded: str, addresses: ClientAddresses = PROXIES) -> str:
    return addresses.of(peer, {b"x-forwarded-for": forwarded.encode("latin-1")})


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7, 10.2.0.1", "203.0.113.7"),
        ("10.0.0.1", "10.3.0.1, 10.2.0.1", "10.3.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7, nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7, nonsense, 10.2.0.1", "10.2.0.1"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("2001:db8:1::5", "2001:db8:2:3:4:5:6:7", "2001:db8:2:3::/64"),
        ("10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7:51234", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7, 10.2.0.1:443", "203.0.113.7"),
        ("10.0.0.1", "[2001:db8:2:3::7]:51234", "2001:db8:2:3::/64"),
        ("10.0.0.1", "[2001:db8:2:3::7]", "2001:db8:2:3::/64"),
        ("10.0.0.1", "203.0.113.7:", "10.0.0.1"),
        ("10.0.0.1", "[203.0.113.7:1", "10.0.0.1"),
        ("fe80::1%eth0", "", "fe80::/64"),
        (None, "203.0.113.7", "unknown"),
    ],
)
def test_the_last_address_that_is_no_proxy_s_is_the_sender_s(
    peer: str | None, forwarded: str, expected: str
) -> None:
    assert address(peer, forwarded) == expected


@given(forwarded=st.text(st.characters(max_codepoint=255), max_size=60))
def test_a_client_that_is_no_proxy_cannot_choose_its_address(forwarded: str) -> None:
    assert address("203.0.113.9", forwarded) == "203.0.113.9"
    assert address("10.0.0.1", forwarded, NOBODY) == "10.0.0.1"


@given(forwarded=st.text(st.characters(max_codepoint=255), max_size=60))
def test_any_header_has_an_answer(forwarded: str) -> None:
    assert address("10.0.0.1", f"{forwarded}, 203.0.113.7") == "203.0.113.7"
    assert address("10.0.0.1", forwarded)
