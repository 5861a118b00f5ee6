"""Where workers are, as the setting says it."""

from __future__ import annotations

import pytest

from boundary.addresses import UnusableAddressError
from streams.queries.addresses import WorkersUnknownError, WorkerTarget, parse_workers


def test_addresses_and_names() -> None:
    found = parse_workers("http://a:1/, https://[::1]:2 ,dns+http://workers:6066")
    assert found.fixed == ("http://a:1", "https://[::1]:2")
    assert found.names == ("http://workers:6066",)


@pytest.mark.parametrize(
    "text",
    [
        "worker:6066",
        "http://a:1/metrics",
        "dns+http://a",
        "http://u:p@a:1",
        "dns+a:1",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|needs a port"):
        parse_workers(text)


def test_a_secret_goes_to_no_other_machine_in_the_open() -> None:
    """Unless the network is declared private."""
    found = parse_workers("dns+http://workers:6066")
    with pytest.raises(UnusableAddressError, match="unencrypted"):
        found.check(secret=True, plain_http=False)
    found.check(secret=True, plain_http=True)
    found.check(secret=False, plain_http=False)


def test_a_name_is_resolved_to_all_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "streams.queries.addresses.getaddrinfo",
        lambda *_, **__: [
            (0, 0, 0, "", ("10.0.0.1", 6066)),
            (0, 0, 0, "", ("fd00::1", 6066, 0, 0)),
        ],
    )
    assert parse_workers("dns+https://workers:6066").targets() == {
        WorkerTarget("https://10.0.0.1:6066", "workers"),
        WorkerTarget("https://[fd00::1]:6066", "workers"),
    }


def test_a_name_that_can_be_none_is_named() -> None:
    with pytest.raises(WorkersUnknownError, match="no addresses"):
        parse_workers(f"dns+http://{'a' * 64}.example.org:6066").targets()
