"""Addresses of private networks, which a portal's metadata may name."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from boundary.http_client import HttpClient, NoAnswerError
from boundary.public_network import CheckedNetwork, PrivateAddressError, is_private, is_public
from tests.support.gateway_stub import gateway_stub
from tests.support.portals import portal


def never(address: tuple[str, int], _: float | None) -> socket.socket:
    raise AssertionError(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.1.2.3"),
        *("100.64.0.1", "224.0.0.1", "::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1"),
        *("64:ff9b::7f00:1", "2002:7f00:1::", "::", "64:ff9b:1::a00:1", "fec0::1"),
        *("::a00:1", "::ffff:0:a00:1", "168.63.129.16", "::ffff:168.63.129.16"),
    ],
)
def test_what_is_not_of_the_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808"])
def test_what_is_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "100.64.0.1", "fd00::1"])
def test_a_private_network_is_allowed_where_its_owner_says_so(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "169.254.170.2", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"),
        *("2002:a9fe:a9fe::", "::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "fe80::a9fe:a9fe%eth0"),
        *("168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"),
    ],
)
def test_a_cloud_s_metadata_is_neither_public_nor_private(address: str) -> None:
    """So it is refused in all cases: it hands out this machine's credentials."""
    assert not is_public(address)
    assert not is_private(address)


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f000001", "2130706433"])
def test_a_name_of_this_machine_is_refused(host: str) -> None:
    with pytest.raises(PrivateAddressError, match="--private-addresses"):
        CheckedNetwork(connect=never).open(host, 80, 1)


def test_a_host_with_one_private_address_gets_no_connection() -> None:
    """Nor for its public address: the next attempt could take the other one."""
    network = CheckedNetwork(resolve=lambda *_: ["93.184.215.14", "10.0.0.1"], connect=never)
    with pytest.raises(PrivateAddressError, match=r"10\.0\.0\.1"):
        network.open("data.example.org", 443, 1)


def test_a_connection_goes_to_the_address_that_was_checked() -> None:
    """And to no other that the name has the next moment; what is checked is tried in turn."""
    answers = iter([["2606:2800::1", "93.184.215.14"], ["10.0.0.1"]])
    tried: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], _: float | None) -> socket.socket:
        tried.append(address)
        if len(tried) == 1:
            raise OSError(101, "Network is unreachable")
        return socket.socket()

    network = CheckedNetwork(resolve=lambda *_: next(answers), connect=connect)
    network.open("data.example.org", 443, 1).close()

    assert tried == [("2606:2800::1", 443), ("93.184.215.14", 443)]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_session_connects_through_the_check_alone(scheme: str) -> None:
    with portal() as served, HttpClient(served.url, seconds=5) as client:
        CheckedNetwork(connect=never).guard(client)
        with pytest.raises(PrivateAddressError):
            client.exchange("GET", f"{served.url}/secret".replace("http:", f"{scheme}:"))
        assert served.requests == []


def test_the_certificate_is_that_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, bundle = trustme.CA(), tmp_path / "authorities.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("data.example.org").configure_cert(context)
    network = CheckedNetwork(private=True, resolve=lambda *_: ["127.0.0.1"])
    with gateway_stub(context) as stub, HttpClient(stub.url, seconds=5) as client:
        port = urlsplit(stub.url).port
        network.guard(client)
        client.exchange("POST", f"https://data.example.org:{port}/events", body=b"{}")
        assert stub.requests[0][0]["Host"] == f"data.example.org:{port}"

        with pytest.raises(NoAnswerError, match="certificate") as caught:
            client.exchange("POST", f"https://other.example.org:{port}/events", body=b"{}")
        assert caught.value.is_tls
