"""Requests to portals: in turn, with pauses, within their rules, and bounded."""

from __future__ import annotations

import codecs
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from boundary.http_client import NoAnswerError
from boundary.public_network import CheckedNetwork, PrivateAddressError
from sources.harvest.polite_client import (
    ForbiddenByRobotsError,
    PoliteClient,
    Politeness,
    PortalBusyError,
    PortalSilentError,
    RedirectError,
)
from tests.support.harvests import PRIVATE
from tests.support.portals import Answer, Portal, portal


@dataclass
class Time:
    """A clock that goes on while somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def served() -> Iterator[Portal]:
    with portal() as found:
        found.documents["/page"] = Answer(body=b"here")
        yield found


def client(passing: Time, **how: float) -> PoliteClient:
    given = {"pause": 1.0, "seconds": 5.0, "longest_wait": 100.0, **how}
    return PoliteClient(
        Politeness(
            "mailto:donnees@example.org",
            given["pause"],
            given["seconds"],
            given["longest_wait"],
            network=PRIVATE,
            most_bytes=100,
            clock=lambda: passing.now,
            sleep=passing.sleep,
        )
    )


def test_it_names_its_contact_and_pauses_between_requests(served: Portal) -> None:
    passing = Time()
    with client(passing) as polite:
        for _ in range(3):
            polite.get(f"{served.url}/page")
    assert passing.slept == [1.0, 1.0, 1.0]  # The first after robots.txt.
    agents = {one.headers["User-Agent"] for one in served.requests}
    assert agents == {"smart-region-harvest/1.0 (+mailto:donnees@example.org)"}

    served.documents["/robots.txt"] = Answer(body=b"User-agent: *\nCrawl-delay: 7\n")
    passing = Time()
    with client(passing) as polite:
        polite.get(f"{served.url}/page")
    assert passing.slept == [7.0]


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_robots_txt_is_obeyed(served: Portal, mark: bytes) -> None:
    """Editors on Windows write a byte order mark, which hid the first line."""
    rules = b"User-agent: smart-region-harvest\nDisallow: /*/exports/\n\nUser-agent: *\nAllow: /\n"
    served.documents["/robots.txt"] = Answer(body=mark + rules)
    with client(Time()) as polite:
        assert polite.get(f"{served.url}/page").answer.status == 200
        with pytest.raises(ForbiddenByRobotsError):
            polite.get(f"{served.url}/x/exports/csv")

    assert [one.path for one in served.requests] == ["/robots.txt", "/page"]


def test_a_site_that_cannot_say_its_rules_is_left_alone(served: Portal) -> None:
    """As RFC 9309 has it: a failed server allows nothing, one without rules all."""
    served.documents["/robots.txt"] = Answer(500)
    with client(Time()) as polite, pytest.raises(ForbiddenByRobotsError, match="status 500"):
        polite.get(f"{served.url}/page")


@pytest.mark.parametrize("host", ["127.0.0.1:1", "data.nulle-part.invalid"])
def test_a_host_that_is_not_there_has_no_rules_but_no_answer(host: str) -> None:
    passing = Time()
    with client(passing) as polite:
        for _ in range(2):
            with pytest.raises(NoAnswerError):
                polite.get(f"http://{host}/page")
        assert passing.slept == [1.0, 1.0]
        with pytest.raises(PortalSilentError, match=r"no answer \(.+\): check the address"):
            polite.get(f"http://{host}/page", insist=True)


def test_a_host_that_starts_late_is_asked(served: Portal) -> None:
    """A catalogue's host may fail for a moment, and its robots.txt with it."""
    with client(Time(), seconds=0.2) as polite:
        served.lie("/robots.txt", Answer(seconds=1.0), Answer(404))
        found = polite.get(f"{served.url}/page", insist=True)

    assert found.answer.body == b"here"


def test_retry_after_is_waited_for(served: Portal) -> None:
    served.lie("/page", Answer(429, headers={"Retry-After": "40"}), Answer(body=b"here"))
    passing = Time()
    with client(passing) as polite:
        assert polite.get(f"{served.url}/page").answer.body == b"here"

    assert 40 <= sum(passing.slept) <= 45


def test_a_host_that_asks_for_too_long_is_given_up(served: Portal) -> None:
    served.lie("/page", Answer(429, headers={"Retry-After": "86400"}))
    with client(Time()) as polite:
        for _ in range(3):
            with pytest.raises(PortalBusyError, match="--longest-wait"):
                polite.get(f"{served.url}/page")

    assert served.paths() == ["/page"]


@pytest.mark.parametrize("written", ["/le jeu.csv", "/le%20jeu.csv#page=2", "/le%20jeu.csv\n"])
def test_addresses_and_redirects_are_followed_as_in_a_browser(served: Portal, written: str) -> None:
    served.documents["/le%20jeu.csv"] = Answer(body=b"here")
    served.documents["/old"] = Answer(302, headers={"Location": written.strip()})
    with client(Time()) as polite:
        for path in (written, "/old"):
            found = polite.get(f"{served.url}{path}")
            assert (found.answer.body, "old" in found.url) == (b"here", False)


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://example.org/", "", "/again", "http://[::1", "http://[x]/"],
)
def test_a_redirect_leads_to_http_only_and_ends(served: Portal, location: str) -> None:
    """Neither to another scheme nor for ever."""
    served.documents["/old"] = Answer(302, headers={"Location": location})
    served.documents["/again"] = Answer(302, headers={"Location": "/old?x"})
    served.lie("/old?x", Answer(302, headers={"Location": "/again"}))
    with client(Time()) as polite, pytest.raises(RedirectError):
        polite.get(f"{served.url}/old")

    assert len(served.paths()) <= 6


def test_no_more_than_the_limit_is_read(served: Portal) -> None:
    served.documents["/page"] = Answer(body=b"x" * 1000)
    with client(Time()) as polite:
        cut = polite.get(f"{served.url}/page")

    assert (len(cut.answer.body), cut.is_cut) == (100, True)


def test_a_catalogue_is_asked_for_again(served: Portal) -> None:
    served.lie("/page", Answer(500), Answer(502), Answer(body=b"here"))
    with client(Time()) as polite:
        assert polite.get(f"{served.url}/page", insist=True).answer.body == b"here"
        served.lie("/page", Answer(500))
        with pytest.raises(PortalSilentError, match="status 500"):
            polite.get(f"{served.url}/page", insist=True)


def test_a_redirect_to_a_cloud_s_metadata_is_never_followed(served: Portal) -> None:
    """Nor with --private-addresses: no portal is link-local."""
    served.documents["/old"] = Answer(302, headers={"Location": "http://169.254.169.254/latest"})
    opened: list[str] = []

    def connect(address: tuple[str, int], seconds: float | None) -> socket.socket:
        opened.append(address[0])
        assert address[0] == "127.0.0.1"  # No test sends anything elsewhere.
        return socket.create_connection(address, seconds)

    network = CheckedNetwork(private=True, connect=connect)
    how = Politeness("x@example.org", pause=0, network=network)
    with PoliteClient(how) as polite, pytest.raises(PrivateAddressError, match="no option"):
        polite.get(f"{served.url}/old")

    assert served.paths() == ["/old"]
    assert set(opened) == {"127.0.0.1"}
