"""Attacks by what a reader asks for, and by what producers send: nothing runs, breaks or leaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, urlencode

import pytest

from broker.stored_record import RawRecord
from events.fact import Family
from events.topics import topic_name
from report.server import HEADERS
from tests.support.attacks import ATTACKS, MARK, harm_in
from tests.support.audits import raw_record
from tests.support.histories import event, uai
from tests.support.knowledge import shipped, simulated_records
from tests.support.ledgers import numbered
from tests.support.served_page import Answer, ServedPage, page_over

RATIO: Final = "/promesses/schools_connected_ratio"
EVIDENCE: Final = f"{RATIO}/preuves"
CHANGES: Final = f"{RATIO}/changements"

#: The parameters, and pages that read them.
PARAMETERS: Final = {
    "as_of": ("/", EVIDENCE),
    "known_on": ("/", CHANGES),
    "territory": ("/comparaison", RATIO),
    "since": ("/comparaison", "/comparaison.json", CHANGES),
    "part": (EVIDENCE,),
    "q": ("/recherche", "/recherche.json"),
    "page": (EVIDENCE, CHANGES, f"{CHANGES}.json"),
    "milestone": (f"{RATIO}/jalons.json",),
}

#: Further values, which are nearly right.
NEARLY: Final = (
    *("0001-01-01", "9999-12-31", "2018-02-30", "2018-1-1", "20180101", "2018-W01-1"),
    *(
        "2018-01-01T00:00",
        "\uff12\uff10\uff11\uff18-01-01",
        "-2018-01-01",
        "\u0662\u0660\u0661\u0668-\u0660\u0661-\u0660\u0661",
    ),
    *("0", "-1", "+1", "1.0", "1e3", "0x1", "\u0661", "\uff11", " 1", "1_0", "9" * 5000, "NaN"),
    *("REGION", "75 ", "75,77", "R11", "None", "null", "undefined", "../", "a" * 7000),
    "😀" * 500,
)

#: Escapes that are no text, and paths that lead out.
BROKEN: Final = (
    *("%", "%f", "%zz", "%ff", "%ed%a0%80", "%c0%af", "%00", "%0d%0aSet-Cookie:%20x=1"),
    *("..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/", "..%5c..%5c", "%252e%252e", "%u003cscript%u003e"),
)

SCHOOLS: Final = tuple(uai(f"075{number:04}") for number in range(1, len(ATTACKS) + 1))


def records() -> Iterator[RawRecord]:
    """Yield what a producer sends whose names, ids and codes are attacks."""
    for school, text in zip(SCHOOLS, ATTACKS.values(), strict=True):
        number = "".join(one for one in text if one.isprintable())[:200] or "1"
        common = {"source": "/'onload=alert(1)//", "id": number}
        yield raw_record(event("school.registered", school, "2017-01-01", name=text, **common))
        yield raw_record(event("school.connected", school, "2018-12-20", **common))
        yield raw_record(
            event(
                *("dataset.released", f"data:{school}", "2017-01-01"),
                **{"title": text, "publisher": text, **common},
            )
        )


@pytest.fixture(scope="module")
def page() -> Iterator[ServedPage]:
    with page_over(numbered(records())) as made:
        yield made


def assert_harmless(path: str, answer: Answer) -> None:
    assert answer.status in (200, 400, 404), (path, answer.status, answer.body[:500])
    assert "Set-Cookie" not in answer.headers
    if answer.headers["Content-Type"].startswith("text/html"):
        assert harm_in(answer.body) == [], path
        assert HEADERS.items() <= answer.headers.items()


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_is_only_text(page: ServedPage, name: str) -> None:
    values = [urlencode({name: one}) for one in (*ATTACKS.values(), *NEARLY)]
    asked = [
        f"{path}?{query}"
        for path in PARAMETERS[name]
        for query in (*values, *(f"{name}={broken}" for broken in BROKEN))
    ]
    for path, answer in zip(asked, page.ask(*asked), strict=True):
        assert_harmless(path, answer)


@pytest.mark.slow
def test_a_path_is_only_text(page: ServedPage) -> None:
    texts = [*(quote(one, safe="") for one in (*ATTACKS.values(), *NEARLY)), *BROKEN]
    asked = [
        form.format(text)
        for text in texts
        for form in (
            *("/{}", "/promesses/{}", "/promesses/{}/preuves", "/promesses/{}.csv"),
            *("/entites/{}/x", "/entites/schools/{}", "/entites/datasets/a/{}", "/static/{}"),
            *("/communes/{}", "/promesses/{}/carte", "/promesses/{}/jalons.json", "/note/{}"),
        )
    ]
    for path, answer in zip(asked, page.ask(*asked), strict=True):
        assert_harmless(path, answer)
        assert answer.status in (400, 404), path


@pytest.mark.slow
def test_parameters_that_nobody_asks_for_are_left_out(page: ServedPage) -> None:
    asked = [
        f"{path}?{urlencode({MARK: text, 'as_of': '2018-01-31'})}&as_of=2018-02-28"
        for path in ("/", CHANGES)
        for text in ATTACKS.values()
    ]
    for path, answer in zip(asked, page.ask(*asked), strict=True):
        assert_harmless(path, answer)
        assert MARK not in answer.body


@pytest.mark.slow
def test_names_in_events_are_only_text(page: ServedPage) -> None:
    asked = [
        EVIDENCE,
        CHANGES,
        "/promesses/datasets_released/preuves",
        "/recherche?q=075",
        *(f"/entites/schools/{school}" for school in SCHOOLS),
        *(f"/entites/datasets/data:{school}" for school in SCHOOLS),
    ]
    answers = page.ask(*asked)
    for path, answer in zip(asked, answers, strict=True):
        assert answer.status == 200, path
        assert_harmless(path, answer)
    # They are shown, not dropped.
    for answer in answers[:4]:
        assert answer.body.count(f"&lt;{MARK}") >= 3
        assert "ثانوية" in answer.body
    assert sum("school.connected" in one.body for one in answers) == len(SCHOOLS)


@pytest.mark.parametrize(
    "headers",
    [
        {"If-None-Match": '"'},
        {"If-None-Match": 'W/"x", *, "' + "a" * 4000},
        {"Accept-Encoding": "gzip;q=nan, br, \u00e9"},
        {"Accept-Language": "<script>"},
        {"Host": f"{MARK}.example"},
        {"X-Forwarded-Host": f"{MARK}.example", "X-Forwarded-Prefix": f"//{MARK}"},
        {"Range": "bytes=0-1,5-"},
        {"Referer": f"javascript:{MARK}"},
        {"Cookie": "\u00ff=;;;"},
    ],
    ids=lambda one: next(iter(one)),
)
def test_headers_change_nothing(page: ServedPage, headers: dict[str, str]) -> None:
    [answer] = page.ask("/", **headers)
    assert_harmless("/", answer)
    assert MARK not in answer.body


def test_no_page_has_a_pseudonym_of_the_simulation(page: ServedPage) -> None:
    topics = {topic_name(family) for family in Family if family.about_persons}
    pseudonyms = {
        record.key.decode()
        for record in simulated_records()
        if record.topic in topics and record.key is not None
    }
    asked = [
        f"/promesses/{one.id}{page}?territory={territory}"
        for one in shipped().indicators
        if one.publication is not None
        for page in (
            *("", "/preuves", "/changements", ".csv", ".json", "/datapackage.json"),
            *("/jalons.json", "/changements.json"),
        )
        for territory in ("region", "75")
    ]
    asked += ["/", "/donnees.csv", "/donnees.json", "/promesses.json"]
    asked += ["/comparaison", "/comparaison.json"]
    assert len(pseudonyms) > 1000
    for path, answer in zip(asked, page.ask(*asked), strict=True):
        assert answer.status == 200
        assert pseudonyms.isdisjoint(words(answer.body)), path


def test_the_page_of_a_person_does_not_exist(page: ServedPage) -> None:
    """The answer repeats nothing of it, and is the same whether there is such a person or not."""
    known = next(
        record.key.decode()
        for record in simulated_records()
        if record.topic == topic_name(Family.TRAININGS) and record.key is not None
    )
    existing, other = page.ask(f"/entites/trainings/{known}", "/entites/trainings/k1-0000000000000")
    assert existing.status == other.status == 404
    assert existing.body == other.body
    assert known not in existing.body


def words(text: str) -> set[str]:
    found = "".join(one if one.isalnum() or one == "-" else " " for one in text)
    return set(found.split())
