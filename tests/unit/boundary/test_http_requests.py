"""Requests that go straight to their address, on real servers and a real proxy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from boundary.addresses import UnusableAddressError
from boundary.http_requests import NoAnswerError, ask, confine
from operations.programs.addresses import free_address
from tests.support.overheard import Overheard, overhearing

TOKEN = "open-sesame"  # noqa: S105 - not one


@pytest.fixture
def stranger() -> Iterator[Overheard]:
    """Give a server that is to be told nothing."""
    with overhearing(body=b"what was looked for") as stranger:
        yield stranger


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Overheard]:
    """Give a proxy that the environment names for everything."""
    with overhearing(status=502) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        yield proxy


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer(status: int, stranger: Overheard) -> None:
    """Whoever answers does not choose who is asked next, nor who is told the token."""
    with overhearing(status=status, headers={"Location": stranger.url}) as worker:
        assert ask(worker.url, token=TOKEN, seconds=5).status == status
    assert worker.secrets == [f"Bearer {TOKEN}"]
    assert stranger.lines == []


def test_no_proxy_is_asked(proxy: Overheard, stranger: Overheard) -> None:
    """What is on this machine is asked by this machine."""
    assert ask(stranger.url, token=TOKEN, seconds=5).body == b"what was looked for"
    assert proxy.lines == []


def test_no_more_is_read_than_is_wanted(stranger: Overheard) -> None:
    """An answer may have no end."""
    assert ask(stranger.url, seconds=5, most_bytes=8).body == b"what was"


def test_who_does_not_answer_is_told_in_one_line() -> None:
    """With the system's reason."""
    with pytest.raises(NoAnswerError, match=r"^.*Connection refused$"):
        ask(f"http://{free_address()}", seconds=5)


def test_a_token_is_not_sent_in_the_clear() -> None:
    """Nothing is sent at all."""
    with pytest.raises(UnusableAddressError, match="would show a secret"):
        ask("http://worker.invalid", token=TOKEN, seconds=5)


def test_a_session_follows_no_redirect(stranger: Overheard) -> None:
    """A library's session, too."""
    with (
        requests.Session() as session,
        overhearing(status=302, headers={"Location": stranger.url}) as server,
    ):
        confine(session, server.url)
        answer = session.get(server.url, headers={"Authorization": TOKEN})
    assert answer.status_code == 302
    assert stranger.lines == []


def test_a_session_asks_no_proxy_of_this_machine(proxy: Overheard, stranger: Overheard) -> None:
    """Nor, over http, of another: the proxy would read the secret."""
    with requests.Session() as session:
        confine(session, stranger.url)
        assert session.get(stranger.url).status_code == 200
        confine(session, "http://far.invalid", plain_http=True)
        with pytest.raises(requests.exceptions.ConnectionError):
            session.get("http://far.invalid")
    assert proxy.lines == []


def test_a_proxy_may_hand_on_what_it_cannot_read(proxy: Overheard) -> None:
    """To another machine over TLS, the environment's holds: it is told the host alone."""
    with requests.Session() as session:
        confine(session, "https://far.invalid")
        with pytest.raises(requests.exceptions.ProxyError):
            session.get("https://far.invalid/path", headers={"Authorization": TOKEN})
    assert [line.rpartition(" ")[0] for line in proxy.lines] == ["CONNECT far.invalid:443"]
    assert proxy.secrets == []
