"""The page's answers: status, headers, and what a reader may ask for."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from html import unescape
from itertools import islice
from time import monotonic
from typing import Any
from urllib.parse import urljoin, urlsplit

import icalendar
import pytest
from aiohttp import ClientSession

from broker.stored_record import RawRecord
from catalogue.formatting import day_text
from events.record_rules import RULES, RecordRules
from report.completeness import Completeness
from report.errors import PageError
from report.ledger import EventLedger
from report.note.content import NoteRequest, note_of
from report.note.month import Month
from report.page_request import Known
from report.past import knowledge_on
from report.server import (
    KEEP_ALIVE_SECONDS,
    MOST_PAST,
    RETRY_SECONDS,
    BoundedPool,
    PageServer,
)
from report.site import PageSite
from tests.support.async_tests import played
from tests.support.atom import faults_of
from tests.support.audits import raw
from tests.support.histories import uai
from tests.support.knowledge import LAST_DAY, knowledge, shipped
from tests.support.served_page import ServedPage, page_over

PARIS = uai("0750001")


@pytest.fixture
def page() -> Iterator[ServedPage]:
    with page_over() as made:
        yield made


@pytest.fixture(scope="module")
def full() -> Iterator[ServedPage]:
    with page_over(simulated=True) as made:
        yield made


PAGES = (
    "/",
    "/methode",
    "/comparaison?since=2017-01-01",
    "/promesses/schools_connected_ratio",
    "/promesses/schools_connected_ratio?territory=77&as_of=2018-01-31",
    "/promesses/schools_connected_ratio/preuves",
    "/promesses/trainees_enrolled/preuves",
    "/promesses/schools_connected_ratio/changements?since=2018-01-01",
    "/note/2018-06",
    "/promesses/premises_connectable_ratio/carte?territory=95",
    "/promesses/schools_connected_ratio/carte",
    "/promesses/schools_equipped_ratio/carte?territory=77&as_of=2018-01-31",
    "/recherche?q=lyc%C3%A9e",
    "/communes/77288",
)


@pytest.mark.slow
def test_a_page_that_has_not_changed_is_not_sent_again(page: ServedPage) -> None:
    [first] = page.ask("/")
    [second] = page.ask("/", **{"If-None-Match": first.headers["ETag"]})
    assert (second.status, second.body) == (304, "")
    assert {one.headers["Vary"] for one in (first, second)} == {"Accept-Encoding"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nulle-part", 404),
        ("/promesses/inconnue", 404),
        ("/promesses/inconnue.csv", 404),
        ("/promesses/inconnue/preuves", 404),
        ("/entites/schools/0000000X", 404),
        ("/entites/personnes/x", 404),
        ("/promesses/a%2Fb", 404),
        ("/entites/schools/a%2Fb", 404),
        ("/entites/trainings/x", 404),
        ("/static/%2e%2e%2fpage.css", 404),
        ("/?as_of=demain", 400),
        ("/?territory=13", 400),
        ("/promesses/schools_connected_ratio/preuves?page=0", 400),
        ("/promesses/schools_connected_ratio/preuves?page=9999999999999", 400),
        ("/promesses/schools_connected_ratio/preuves?part=secret", 400),
        ("/promesses/schools_connected_ratio/preuves?page=99", 404),
        ("/promesses/schools_connected_ratio/changements?page=99", 404),
        ("/promesses/trainees_enrolled/preuves?page=2", 404),
        ("/promesses/grants_committed_euros/carte", 404),
        ("/communes/99999", 404),
        ("/changements.atom?programme=x", 404),
        ("/calendrier.ics?programme=x", 404),
        ("/calendrier.ics?producer=x", 404),
        ("/calendrier.ics?territory=13", 400),
        ("/comparaison?since=2018-06-02&as_of=2018-06-01", 400),
        ("/communes/75101", 404),
        ("/communes/75101/changements.atom", 404),
        ("/entites/schools/0000000X/changements.atom", 404),
        ("/entites/trainings/x/changements.atom", 404),
        (f"/recherche?q={'x' * 101}", 400),
        ("/note/juin", 400),
        ("/note/2018-12", 400),
        ("/note/2018-06?known_on=2018-06-29", 400),
        ("/note/2018-06?programme=x", 404),
    ],
)
def test_a_wrong_address_is_a_page_with_a_way_back(
    page: ServedPage, path: str, status: int
) -> None:
    [answer] = page.ask(path)
    assert answer.status == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert 'lang="fr"' in answer.body
    back = answer.body.split('<p><a href="')[1].split('"')[0]
    assert urlsplit(urljoin("http://proxy/below" + path, back)).path == "/below/"


def test_a_path_of_slashes_does_not_multiply_them(page: ServedPage) -> None:
    [answer] = page.ask("/" * 15_900)
    assert answer.status == 404
    assert len(answer.body) < 16_384


def test_only_its_own_version_of_a_file_is_kept_for_long(page: ServedPage) -> None:
    [start] = page.ask("/")
    own = re.search(r"static/page\.js\?v=\w+", start.body)
    assert own is not None
    answers = page.ask(f"/{own[0]}", "/static/page.js?v=anything", "/static/page.js")
    kept = [answer.headers["Cache-Control"] for answer in answers]
    assert "immutable" in kept[0]
    assert kept[1:] == ["no-cache"] * 2


def test_the_calendar_is_linked_and_links_to_where_readers_find_the_page(page: ServedPage) -> None:
    page.site = PageSite(root="https://proxy.example.org/below/")
    [first] = page.ask("/promesses/schools_connected_ratio?territory=77&as_of=2018-01-31")
    assert 'href="../calendrier.ics?territory=77"' in first.body
    [answer] = page.ask("/calendrier.ics?territory=77", Host="evil.example.org")
    [again] = page.ask("/calendrier.ics?territory=77", **{"If-None-Match": answer.headers["ETag"]})

    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert again.status == 304
    events = icalendar.Calendar.from_ical(answer.body).walk("VEVENT")
    assert {str(one["url"]) for one in events} >= {
        "https://proxy.example.org/below/promesses/schools_connected_ratio?territory=77"
    }
    assert "evil" not in answer.body


@pytest.mark.parametrize("path", [path for path in PAGES if path != "/methode"])
def test_every_page_says_where_its_figures_are_not_complete(page: ServedPage, path: str) -> None:
    """Who follows a link from a note or an alert never sees the first page."""
    page.completeness = Completeness(is_complete=False, text="Chiffres incomplets : un essai.")
    [answer] = page.ask(path)
    assert answer.body.count("Chiffres incomplets : un essai.") == 1


@pytest.mark.parametrize("path", ["/donnees", "/promesses/schools_connected_ratio"])
@pytest.mark.parametrize("is_complete", [True, False])
def test_data_say_whether_they_are_complete(
    page: ServedPage, path: str, *, is_complete: bool
) -> None:
    page.completeness = Completeness(is_complete=is_complete, text="Un essai.")
    csv_answer, json_answer = page.ask(f"{path}.csv", f"{path}.json")
    told = {row["complete"] for row in csv.DictReader(io.StringIO(csv_answer.body))}
    assert told == {str(is_complete).lower()}
    assert {row["complete"] for row in json.loads(json_answer.body)} == {is_complete}


def test_other_methods_are_refused(page: ServedPage) -> None:
    [answer] = page.ask("/", method="POST")
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]


def test_only_the_stream_of_changes_has_no_head(page: ServedPage) -> None:
    """It would send a body, which a proxy takes for the next answer, and never end."""
    [page_head, stream_head] = page.ask("/", "/changements", method="HEAD")
    assert (page_head.status, page_head.body) == (200, "")
    assert stream_head.status == 405


def test_before_anything_is_known_it_says_so() -> None:
    with EventLedger() as ledger:
        [answer] = ServedPage(ledger).ask("/")
    assert answer.status == 503
    assert "Retry-After" in answer.headers
    assert "Les chiffres arrivent" in answer.body


def test_the_links_of_an_entity_follow_its_path_as_it_is_written() -> None:
    """To a browser `%2F` is no slash: one folder up too many leads out of a proxy's path."""
    with page_over([raw("indicator.observed", "IND-001", "2018-01-01")]) as page:
        for path in ("/entites/observations/IND-001/D77", "/entites/observations/IND-001%2FD77"):
            [answer] = page.ask(path)
            assert answer.status == 200
            first = answer.body.split('<p class="brand"><a href="')[1].split('"')[0]
            assert urlsplit(urljoin(f"http://proxy/below{path}", first)).path == "/below/"


@pytest.mark.slow
def test_an_event_does_not_count_before_its_day(full: ServedPage) -> None:
    query = "as_of=2018-06-30"
    [evidence] = full.ask(f"/promesses/schools_connected_ratio/preuves?part=missing&{query}")
    links = re.findall(r'href="../../entites/schools/(\w+)', evidence.body)
    then = "".join(one.body for one in full.ask(*(f"/entites/schools/{x}?{query}" for x in links)))
    now = "".join(one.body for one in full.ask(*(f"/entites/schools/{x}" for x in links)))
    later = "<td>ne compte pas encore au 30/06/2018</td>"
    assert then.count(later) > 5
    assert "pas encore au" not in now
    assert now.count("<td>compte</td>") == then.count("<td>compte</td>") + then.count(later)


def test_changes_whose_events_are_still_read_are_not_called_none(page: ServedPage) -> None:
    """The figures come from the workers, and the events some minutes later."""
    [answer] = page.ask("/promesses/schools_connected_ratio/changements?since=2018-11-30")
    assert "donnent un autre changement que ces deux valeurs" in answer.body
    assert "Rien n’a changé" not in answer.body


def test_an_entity_whose_events_are_still_read_is_not_called_unknown(page: ServedPage) -> None:
    page.events_read = False
    [answer] = page.ask("/entites/schools/0750655E")
    assert answer.status == 503
    assert "réessayer dans un instant" in answer.body


@pytest.mark.parametrize("path", [path for path in PAGES if not path.startswith("/note/")])
def test_a_permanent_link_shows_the_same_page(full: ServedPage, path: str) -> None:
    [answer] = full.ask(path)
    link = answer.body.split('<p><a href="')[-1].split('"')[0]
    assert "known_on=" in link
    [again] = full.ask(
        urlsplit(urljoin("http://page" + path, unescape(link)))
        ._replace(scheme="", netloc="")
        .geturl()
    )
    heading = answer.body.split("<h1>")[1].split("</h1>")[0]
    assert f"<h1>{heading}</h1>" in again.body


def test_a_bound_of_the_communes_legend_is_of_one_class(page: ServedPage) -> None:
    [answer] = page.ask("/promesses/premises_connectable_ratio/carte?territory=95")

    assert re.findall(r"de (\d+) à (moins de )?(\d+)\xa0%", answer.body) == [
        ("0", "moins de ", "20"),
        ("20", "moins de ", "40"),
        ("40", "moins de ", "60"),
        ("60", "moins de ", "80"),
        ("80", "", "100"),
    ]


LIVE = RecordRules(live_since=date(2018, 6, 1), lateness=timedelta(days=2))


@pytest.mark.parametrize(
    ("rules", "known_on", "expected"),
    [
        (RULES, "2018-07-01", "(UTC), sauf import ultérieur de faits plus anciens."),
        (LIVE, "2018-07-01", "(UTC)."),
        (LIVE, str(LAST_DAY), "(UTC), et définitifs à partir du 03/01/2019."),
    ],
)
def test_a_permanent_link_says_from_when_it_is_permanent(
    full: ServedPage, rules: RecordRules, known_on: str, expected: str
) -> None:
    """Today's figures still change; those of a day whose events may be imported always may."""
    [answer] = replace(full, site=PageSite(rules=rules)).ask(f"/?known_on={known_on}")
    text = re.sub(r"\s+", " ", re.sub("<[^>]*>", "", answer.body))
    day = day_text(date.fromisoformat(known_on))
    assert f"vers ces chiffres, tels que connus à la fin du {day} {expected}" in text


@pytest.mark.slow
def test_events_that_are_sent_late_leave_past_pages_as_they_were() -> None:
    day, before = date(2018, 6, 20), "as_of=2018-06-15&known_on=2018-06-20"
    paths = [
        f"/?{before}",
        f"/donnees.json?{before}",
        f"/comparaison?since=2017-01-01&{before}",
        f"/promesses/schools_connected_ratio?{before}",
        f"/promesses/schools_connected_ratio.csv?{before}",
        f"/promesses/schools_connected_ratio/preuves?{before}",
        f"/promesses/schools_connected_ratio/changements?since=2017-01-01&{before}",
        f"/entites/schools/{PARIS}?{before}",
    ]

    def sent(on: date, *names: str) -> list[RawRecord]:
        noon = round(datetime(on.year, on.month, on.day, 12, tzinfo=UTC).timestamp() * 1000)
        records = [raw(name, PARIS, "2016-01-01", at="2016-01-02T00:00:00") for name in names]
        return [one._replace(timestamp=noon, partition=on.month) for one in records]

    shown = []
    with page_over() as page:
        page.site = PageSite(rules=LIVE)
        for records in (
            sent(date(2018, 6, 2), "school.registered"),
            sent(date(2018, 6, 30), "school.connected"),
        ):
            page.ledger.append(records, LIVE)
            page.known = knowledge_on(page.ledger, [], shipped(), day, LIVE)
            shown.append([(one.status, one.body) for one in page.ask(*paths)])
        [now] = page.ask(f"/entites/schools/{PARIS}")
    assert shown[1] == shown[0]
    assert {status for status, _ in shown[0]} == {200}
    assert now.body.count("<tr>") > shown[0][-1][1].count("<tr>")


@pytest.mark.slow
@played
async def test_readers_are_told_of_changes(page: ServedPage) -> None:
    async with (
        page.serve() as address,
        ClientSession() as session,
        session.get(f"{address}/changements") as stream,
    ):
        assert stream.headers["X-Accel-Buffering"] == "no"
        first = await asyncio.wait_for(stream.content.readuntil(b"\n\n"), 10)
        page.version += 1
        second = await asyncio.wait_for(stream.content.readuntil(b"\n\n"), 10)
    assert first.startswith(b"data: ")
    assert first != second


@played
async def test_a_page_names_the_figures_that_it_shows(page: ServedPage) -> None:
    """As its stream does: one that comes later than a change is told of another."""
    async with page.serve() as address, ClientSession() as session:
        async with session.get(f"{address}/") as answer:
            body = await answer.text()
        async with session.get(f"{address}/changements") as stream:
            first = await asyncio.wait_for(stream.content.readuntil(b"\n\n"), 10)
    shown = first.decode().removeprefix("data: ").strip()
    assert f'data-shown="{shown}"' in body


@pytest.mark.slow
@played
async def test_an_open_page_does_not_keep_the_server_from_ending(page: ServedPage) -> None:
    async with ClientSession() as session, AsyncExitStack() as stack:
        address = await stack.enter_async_context(page.serve())
        stream = await session.get(f"{address}/changements")
        await asyncio.wait_for(stream.content.readuntil(b"\n\n"), 10)
        await asyncio.wait_for(stack.aclose(), 10)
        assert await stream.content.read() == b""


DEADLINE = 30.0


async def status(session: ClientSession, url: str) -> int:
    async with session.get(url) as answer:
        return answer.status


PAST = (
    "/?as_of=2018-06-30",
    "/?known_on=2018-06-30",
    "/note/2018-06",
    "/changements.atom?as_of=2018-06-30",
)
SOUGHT = (
    "/comparaison?since=2018-06-30",
    "/promesses/schools_connected_ratio/preuves",
    "/promesses/schools_connected_ratio/changements",
    "/recherche?q=melun",
    "/communes/77288",
    "/entites/schools/0750655E",
)


@pytest.mark.parametrize(
    ("path", "others"),
    [*((path, ("/", SOUGHT[-3])) for path in PAST), *((path, ("/", PAST[0])) for path in SOUGHT)],
)
@played
async def test_readers_of_one_kind_take_no_place_of_another(
    full: ServedPage, monkeypatch: pytest.MonkeyPatch, path: str, others: tuple[str, ...]
) -> None:
    proceed, make = threading.Event(), PageServer._made

    def held(server: PageServer, *given: Any) -> tuple[str, str]:
        if str(given[1].url).endswith(path):
            assert proceed.wait(DEADLINE)
        return make(server, *given)

    monkeypatch.setattr(PageServer, "_made", held)
    for bound in ("MOST_SEARCHES", "MOST_PAST"):
        monkeypatch.setattr(f"report.server.{bound}", 1)
    crowd = 3

    async with full.serve() as address, ClientSession() as session:
        asked = [asyncio.create_task(status(session, address + path)) for _ in range(crowd)]
        try:
            # One is refused: all places that there are for it are taken.
            await asyncio.wait(asked, timeout=DEADLINE / 3, return_when=asyncio.FIRST_COMPLETED)
            async with asyncio.timeout(DEADLINE / 3):
                found = [await status(session, address + one) for one in others]
        finally:
            proceed.set()
        crowded = set(await asyncio.gather(*asked))
    assert found == [200, 200]
    assert crowded <= {200, 404, 503}
    assert 503 in crowded


@played
async def test_a_stream_whose_reader_left_gives_its_place_back(
    page: ServedPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("report.server.MOST_STREAMS", 1)
    began = monotonic()
    async with page.serve() as address, ClientSession() as session:
        url = f"{address}/changements"
        async with session.get(url) as stream:
            await asyncio.wait_for(stream.content.readuntil(b"\n\n"), 10)
            assert await status(session, url) == 503
            stream.close()
        found = 503
        async with asyncio.timeout(DEADLINE):
            while found != 200:
                async with session.get(url) as again:
                    found = again.status
                    again.close()
    assert monotonic() - began < KEEP_ALIVE_SECONDS / 2


@played
async def test_past_days_of_an_address_beyond_two_are_refused(
    full: ServedPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    proceed, crowd = threading.Event(), 40

    def slow(page: ServedPage, _: date) -> Known | None:
        assert proceed.wait(DEADLINE)
        return page.now()

    monkeypatch.setattr(ServedPage, "known_on", slow)

    async with full.serve() as address, ClientSession() as session:
        url = f"{address}/methode?known_on=2018-06-30"
        asked = [asyncio.create_task(session.get(url)) for _ in range(crowd)]
        first = islice(asyncio.as_completed(asked), crowd - MOST_PAST)
        refused = [await answer for answer in first]
        other = asyncio.create_task(session.get(url, headers={"X-Forwarded-For": "192.0.2.1"}))
        proceed.set()
        assert (await other).status == 200
        statuses = [(await one).status for one in asked]
        text = await refused[0].text()
    assert sorted(statuses) == [200] * MOST_PAST + [503] * (crowd - MOST_PAST)
    assert refused[0].headers.get("Retry-After") == str(RETRY_SECONDS)
    assert "trop de jours passés sont demandés" in text


@pytest.mark.slow
def test_a_note_of_the_page_is_that_of_the_command(full: ServedPage) -> None:
    """The command's has its style within, and no root to refer to the page by."""
    [answer] = full.ask("/note/2018-06?known_on=2018-09-30")
    request = NoteRequest(Month(2018, 6), date(2018, 9, 30))
    note = note_of(knowledge(), full.ledger, request)
    digest = re.search("<code>([0-9a-f]{64})</code>", answer.body)

    assert answer.status == 200
    assert digest is not None
    assert digest[1] == note.digest


@played
async def test_a_reader_waits_for_a_bounded_time_and_gives_the_place_back() -> None:
    proceed, found = threading.Event(), 0
    slots = BoundedPool(at_once=1, waiting=0, seconds=0.01)
    with pytest.raises(PageError):
        await slots.run("", proceed.wait)
    proceed.set()
    async with asyncio.timeout(10):
        while not found:
            with suppress(PageError):  # a busy machine may need more than the 0.01 s
                found = await slots.run("", lambda: 1)


@played
async def test_addresses_take_turns() -> None:
    have_asked, done = threading.Event(), list[str]()

    def work(address: str) -> None:
        have_asked.wait()
        done.append(address)

    slots = BoundedPool(at_once=1, waiting=40)
    asked = [slots.run(one, partial(work, one)) for one in (*"a" * 20, "b")]
    await asyncio.gather(*asked, asyncio.to_thread(have_asked.set))

    assert "b" in done[:2]


@played
async def test_work_that_fails_gives_its_place_back() -> None:
    slots = BoundedPool(at_once=1, waiting=0)
    with pytest.raises(ZeroDivisionError):
        await slots.run("", lambda: 1 // 0)

    assert await slots.run("", lambda: 1) == 1


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/communes/77288", f"/entites/schools/{PARIS}"])
def test_a_page_leads_to_its_feed_which_is_valid_and_leads_back(path: str) -> None:
    links = [
        raw("school.registered", PARIS, "2018-05-01"),
        raw("school.connected", PARIS, "2018-06-01"),
    ]
    links.append(raw("broadband.coverage_reported", "77288", "2018-09-30"))
    with page_over(links) as page:
        [shown] = page.ask(path)
        address = re.findall(r'type="application/atom\+xml"[^>]* href="([^"]+)"', shown.body)[-1]
        assert shown.body.count(f'href="{address}"') == 2
        feed_address = urljoin(f"http://page{path}", address)
        [feed] = page.ask(urlsplit(feed_address).path)
        assert (feed.status, faults_of(feed.body)) == (200, [])
        assert feed.headers["Content-Type"].startswith("application/atom+xml")
        entries = re.findall(r"<entry>.*?</entry>", feed.body, re.DOTALL)
        assert entries
        for entry in entries[:2]:
            back = urljoin(feed_address, unescape(str(re.findall('href="([^"]+)"', entry)[0])))
            assert page.ask(back.removeprefix("http://page"))[0].status == 200


def test_no_feed_is_made_of_some_of_the_events(page: ServedPage) -> None:
    page.events_read = False
    paths = "/changements.atom", "/communes/77288/changements.atom"

    assert {one.status for one in page.ask(*paths)} == {503}
