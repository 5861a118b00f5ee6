"""What is shown of an address, and where a secret may go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.addresses import (
    UnusableAddressError,
    names_loopback,
    shown_address,
    usable_address,
)

SECRET = "hunter2"  # noqa: S105 - not one


@given(st.text("abc:/?#@[]% \x1b\n"), st.sampled_from(["http://", "https:", "ftp://", ""]))
def test_no_password_is_shown(around: str, scheme: str) -> None:
    assert SECRET not in shown_address(f"{scheme}user:{around}{SECRET}{around}@host/path")


@given(st.text(), st.text())
def test_no_query_is_shown(before: str, after: str) -> None:
    for sign in "?#":
        assert SECRET not in shown_address(f"http://host/{before}{sign}{SECRET}{after}")


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:1", "http://localhost", "https://far"],
)
def test_a_secret_goes_over_tls_or_stays_here(url: str) -> None:
    assert usable_address(url, secret=True).geturl() == url


@pytest.mark.parametrize(
    "url", ["http://far", "http://10.0.0.1", "http://localhost.evil", "http://127.0.0.1.evil"]
)
def test_a_secret_goes_nowhere_else(url: str) -> None:
    with pytest.raises(UnusableAddressError, match=r"would send a secret .*--plain-http"):
        usable_address(url, secret=True)
    usable_address(url, secret=True, plain_http=True)
    usable_address(url)


@pytest.mark.parametrize(
    "url",
    ["", "far", "ftp://far", "file:///etc/passwd", "http://", "http://[", "http://h:port", "h\n"],
)
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(UnusableAddressError, match="is not an http or https address"):
        usable_address(url)


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@h",
        f"http://{SECRET}@h",
        f"http://h/?t={SECRET}",
        f"http://h#{SECRET}",
    ],
)
def test_an_address_that_may_hold_a_secret_is_refused_unseen(url: str) -> None:
    """It would be in the shell's history, and in a log."""
    with pytest.raises(UnusableAddressError, match="has a user, a query or a fragment") as refused:
        usable_address(url)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("header", "is_named"),
    [
        *((host, True) for host in ("localhost", "LOCALHOST:6066", "127.0.0.1:1", "[::1]:6066")),
        *((host, False) for host in ("", "attacker.example:6066", "127.0.0.1.attacker.example")),
        *((host, False) for host in ("10.0.0.1", "localhost@attacker.example", "[::1", "[::2]:1")),
    ],
)
def test_a_host_header_names_the_loopback_or_another(header: str, *, is_named: bool) -> None:
    """A name that resolves to this machine is not a name of it."""
    assert names_loopback(header) is is_named
