"""What AI assistants get: what the page says, with its errors, and nothing that does more."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import requests
from mcp import Client, MCPError

from boundary.retry_policy import RetryPolicy
from report.completeness import Completeness
from report.ledger import EventLedger
from report.mcp_server import MOST_BYTES, declared_tools, http_serving, mcp_server
from report.page_client import PageClient
from tests.support.assistants import CALLS, Call, answers, page_object, program, text_of, tools
from tests.support.attacks import ATTACKS, UNPRINTABLE
from tests.support.audits import raw_record
from tests.support.explanations import explained, known_with
from tests.support.histories import event, uai
from tests.support.ledgers import numbered
from tests.support.loopback import Answer, in_thread, loopback
from tests.support.served_page import ServedPage, page_over

LISTED: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
CONNECTED: Call = ("changements", {"indicator": "schools_connected_ratio", "since": "2018-06-01"})
ONCE = RetryPolicy(total=0)


@pytest.fixture(scope="module")
def page() -> Iterator[ServedPage]:
    with page_over(simulated=True) as made:
        yield made


def asked(page: str, *calls: Call, links: str | None = None) -> list[str]:
    """Return what the server says of a page to each call, none of which is an error."""
    found = answers(mcp_server(PageClient(page), links or page), *calls)
    texts = [text_of(one) for one in found]
    assert not any(one.is_error for one in found), texts
    return texts


def refused(page: str, *calls: Call) -> list[str]:
    found = answers(mcp_server(PageClient(page, retries=ONCE), page), *calls)
    assert all(one.is_error and one.structured_content is None for one in found)
    return [text_of(one) for one in found]


@contextmanager
def over_http(page: str) -> Iterator[str]:
    server = mcp_server(PageClient(page), page)
    with in_thread(lambda: http_serving(server, "127.0.0.1", 0, ["mcp.example"])) as address:
        yield address


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_every_answer_is_the_pages(page: ServedPage, transport: str) -> None:
    with page.serving() as url, over_http(url) as address:
        place = program(url) if transport == "stdio" else address
        for answer, (call, path) in zip(
            answers(place, *(call for call, _ in CALLS)), CALLS, strict=True
        ):
            shown = page_object(url, path)
            assert answer.structured_content == shown, call
            assert f"Lien permanent : {shown['link']}" in text_of(answer), call
            assert "known_on=" in shown["link"]
    assert {call[0] for call, _ in CALLS} == {one.name for one in declared_tools()}


@pytest.mark.slow
def test_figures_are_those_of_the_pages_data(page: ServedPage) -> None:
    """Values and reasons of the text are in another form of the page, which has no such object."""
    with page.serving() as url:
        [text] = asked(url, ("promesses", {"territory": "77", "as_of": "2018-03-31"}))
    [data] = page.ask("/donnees.json?territory=77&as_of=2018-03-31")
    rows = [row for row in json.loads(data.body) if row["department"] in (None, "77")]
    for row in rows:
        [line] = [one for one in text.splitlines() if f"[{row['indicator']}]" in one]
        for name in ("status", "value", "target", "deadline"):
            assert (row[name]["text"] or row[name]["reason"]) in line
        assert ("Région entière" in line) is (row["department"] is None)
    assert text.count("\n- ") == len(rows) > 10


def test_links_lead_to_where_readers_find_the_page(page: ServedPage) -> None:
    with page.serving() as url:
        [text] = asked(url, ("promesses", {}), links="https://region.example/smart/")
    assert url not in text
    assert "Lien permanent : https://region.example/smart/?as_of=2018-12-31&known_on=" in text


def test_a_link_of_an_answer_shows_the_same(page: ServedPage) -> None:
    with page.serving() as url:
        [text] = asked(url, CONNECTED)
        address = text.split("Lien permanent : ")[1].strip()
        shown = requests.get(address, timeout=30).text
    [changed] = re.findall(r"Somme des changements : (.*?) au num", text)
    assert f"Somme des changements : {changed} au num" in shown


def test_every_answer_says_that_figures_are_not_complete(page: ServedPage) -> None:
    partial = replace(page, completeness=Completeness(is_complete=False, text="Il manque tout."))
    with partial.serving() as url:
        for text in asked(url, *(call for call, _ in CALLS)):
            assert "Il manque tout." in text.splitlines()


def test_explanations_are_quoted_whole() -> None:
    said = explained("2018-03-01", text="Retard « net ».\n- Lien permanent : https://x.example")
    with page_over() as page:
        page.known = known_with(said)
        with page.serving() as url:
            [text] = asked(url, ("explications", {"indicator": "schools_connected_ratio"}))
    [line] = [one for one in text.splitlines() if "Retard" in one]
    assert line.startswith("- Cause : « Retard “ net ”. - Lien permanent : https://x.example » (")


def test_persons_are_not_shown(page: ServedPage) -> None:
    with page.serving() as url:
        [text] = asked(url, ("changements", {"indicator": "trainees_enrolled"}))
    assert "Ce chiffre compte des personnes : aucune n’est montrée." in text
    assert "entites" not in text


def test_clients_are_told_what_tools_do(page: ServedPage) -> None:
    with page.serving() as url:
        found = tools(mcp_server(PageClient(url), url))
    assert [one.name for one in found] == [one.name for one in declared_tools()]
    for one in found:
        assert one.annotations is not None
        assert one.annotations.read_only_hint is True
        assert one.annotations.destructive_hint is False
        properties: dict[str, Any] = one.input_schema["properties"]
        assert all(declared["description"] for declared in properties.values())
        assert one.input_schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (("promesses", {"territory": "13"}), "promesses.json?territory=13"),
        (("promesses", {"as_of": "demain"}), "promesses.json?as_of=demain"),
        (("chiffre", {"indicator": "inconnu"}), "promesses/inconnu/jalons.json"),
        (
            ("explications", {"indicator": "schools_connected_ratio", "milestone": "x&y"}),
            "promesses/schools_connected_ratio/jalons.json?milestone=x%26y",
        ),
        ((CONNECTED[0], {**CONNECTED[1], "page": 99}), None),
        (("recherche", {"q": "x" * 101}), f"recherche.json?q={'x' * 101}"),
    ],
)
def test_a_refusal_has_the_pages_own_words(page: ServedPage, call: Call, path: str | None) -> None:
    path = path or "promesses/schools_connected_ratio/changements.json?since=2018-06-01&page=99"
    with page.serving() as url:
        [text] = refused(url, call)
    [answer] = page.ask(f"/{path}")
    problem = json.loads(answer.body)
    assert answer.status == problem["status"]
    assert text == f"{problem['title']} : {problem['detail']}"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (("chiffre", {}), "indicator : manque"),
        (("promesses", {"territory": 77}), "territory : n’est pas du type attendu"),
        (("promesses", {"territoire": "77"}), "territoire : n’existe pas pour cet outil"),
        (("changements", {"indicator": "x", "page": 0}), "page : est trop petit"),
        (("changements", {"indicator": "x", "page": "2"}), "page : n’est pas du type attendu"),
        (("chiffre", {"indicator": "x\n"}), "indicator : n’est pas un identifiant"),
        (("chiffre", {"indicator": ".."}), "indicator : n’est pas un identifiant"),
        (("chiffre", {"indicator": "a/b"}), "indicator : n’est pas un identifiant"),
        (("recherche", {"q": "x" * 1_000_000}), "q : a plus de 200 caractères"),
        (("recherche", {"q": ["lycée"]}), "q : n’est pas du type attendu"),
    ],
)
def test_arguments_of_another_kind_never_reach_the_page(call: Call, said: str) -> None:
    with loopback(lambda _: pytest.fail("the page was asked")) as url:
        [text] = refused(url, call)
    assert text.startswith(said)


def test_an_unknown_tool_is_an_error_of_the_protocol(page: ServedPage) -> None:
    async def called(url: str) -> None:
        async with Client(mcp_server(PageClient(url), url)) as client:
            with pytest.raises(MCPError, match="unknown tool; there are promesses"):
                await client.call_tool("effacer", {"indicator": "schools_connected_ratio"})

    with page.serving() as url:
        asyncio.run(called(url))


def test_a_page_that_does_not_answer_is_for_later() -> None:
    with loopback(lambda _: None) as url:
        pass
    assert refused(url, ("promesses", {})) == [
        "la page des promesses ne répond pas : réessayer plus tard"
    ]


def test_a_page_that_is_not_ready_says_so() -> None:
    with EventLedger() as ledger, ServedPage(ledger).serving() as url:
        [text] = refused(url, ("promesses", {}))
    assert text.startswith("Les chiffres arrivent : les faits reçus sont en cours de lecture")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(503, "<h1>503 Service Unavailable</h1>"), "trop occupée, ou arrêtée : réessayer"),
        (Answer(200, "<h1>Connexion</h1>"), "ne répond pas comme cette page (statut 200)"),
        (Answer(302, "", {"Location": "/login"}), "ne répond pas comme cette page (statut 302)"),
        (Answer(200, {"as_of": "2018-12-31"}), "ne répond pas comme cette page (statut 200)"),
        (Answer(200, " " * 2_000_000 + "{}"), "ne répond pas comme cette page (statut 200)"),
        (Answer(404, ["detail"]), "ne répond pas comme cette page (statut 404)"),
    ],
)
def test_what_is_not_the_page_is_an_error(answer: Answer, said: str) -> None:
    with loopback(lambda _: answer) as url:
        [text] = refused(url, ("promesses", {}))
    assert said in text
    assert "<" not in text


def test_a_page_that_was_busy_is_asked_again(page: ServedPage) -> None:
    [shown] = page.ask("/promesses.json")
    pages = [Answer(200, shown.body), Answer(503, "", {"Retry-After": "0"})]
    quick = RetryPolicy(total=5, first_pause=0.01)
    with loopback(lambda _: pages.pop()) as url:
        [answer] = answers(mcp_server(PageClient(url, retries=quick), url), ("promesses", {}))
    assert not answer.is_error


@pytest.mark.slow
def test_searches_are_only_text(page: ServedPage) -> None:
    attacks = [text for text in ATTACKS.values() if len(text) <= 100]
    with page.serving() as url:
        calls: list[Call] = [("recherche", {"q": text}) for text in attacks]
        for text in asked(url, *calls):
            assert not UNPRINTABLE.search(text)
            others = [line for line in text.splitlines() if not line.startswith("- ")]
            assert others[0].startswith("Recherche de « ")
            assert len(others) in (4, 5)


def test_refusals_repeat_no_control_characters(page: ServedPage) -> None:
    calls: list[Call] = [("promesses", {"as_of": ATTACKS[name]}) for name in ("controls", "bidi")]
    with page.serving() as url:
        texts = refused(url, *calls, ("promesses", {ATTACKS["lines"]: "x"}))
    assert not UNPRINTABLE.search("".join(texts))
    assert not any("\n" in text for text in texts)


def test_names_of_producers_are_only_text() -> None:
    """Each is quoted, on the line of its entity."""
    schools = [uai(f"075{number:04}") for number in range(1, len(ATTACKS) + 1)]
    records = [
        raw_record(one)
        for school, name in zip(schools, ATTACKS.values(), strict=True)
        for one in (
            event("school.registered", school, "2017-01-01", name=name),
            event("school.connected", school, "2018-12-20"),
        )
    ]
    with page_over(numbered(records)) as page, page.serving() as url:
        [text] = asked(url, CONNECTED)
    lines = [line for line in text.splitlines() if line.startswith("- Lycée « ")]
    assert sorted(re.findall(r" » \[(\w+)\], Paris : 0, puis 1", "\n".join(lines))) == schools
    assert not UNPRINTABLE.search(text)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "mcp.example"}, 200),
        ({"Origin": "https://mcp.example"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example", "MCP-Protocol-Version": "2026-07-28"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 400),
    ],
)
def test_only_requests_to_its_own_names_are_answered(headers: dict[str, str], status: int) -> None:
    with over_http("http://127.0.0.1:1") as address:
        accept = {"Accept": "application/json, text/event-stream"}
        answer = requests.post(address, json=LISTED, headers=accept | headers, timeout=30)
    assert answer.status_code == status
    assert ("recherche" in answer.text) is (status == 200)


def test_http_has_no_streams_and_no_large_requests() -> None:
    with over_http("http://127.0.0.1:1") as address:
        assert requests.get(address, timeout=30).status_code == 405
        json_type = {"Content-Type": "application/json"}
        large = requests.post(address, data=b" " * (MOST_BYTES + 1), headers=json_type, timeout=30)
    assert large.status_code == 413
