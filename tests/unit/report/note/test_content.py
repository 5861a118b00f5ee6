"""What a note says: every month of the five years, and cases of its own."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from catalogue.contacts import Contact, Contacts
from catalogue.history import History, StepFunction
from catalogue.model import Catalogue, Milestone
from events.fact import Family
from report.knowledge import Knowledge
from report.ledger import EventLedger
from report.note.content import NoteRequest, note_of
from report.note.document import Note
from report.note.month import Month
from report.note.output import FORMS, note_bytes, printable
from tests.support.histories import ENTITIES, event, uai
from tests.support.interim import known_with_interim
from tests.support.knowledge import shipped
from tests.support.notes import (
    MONTHS,
    note_of_events,
    request_of,
    simulated_note,
    texts_of,
)

PRINTED_PAGES = range(2, 5)
LATE = "Rythmes, retards et départements"
"""The section of what is behind, and by how much."""
DIGIT = re.compile("[0-9]")
BARE = re.compile(r"^[\s–—-]*$")


def lines_of(note: Note, title: str) -> list[str]:
    (section,) = (one for one in note.data()["sections"] if one["title"].startswith(title))
    return [
        "".join(span["text"] for span in line["spans"]).replace("\u00a0", " ")
        for block in section["blocks"]
        if block["kind"] in ("items", "paragraph")
        for line in (block["items"] if block["kind"] == "items" else [block])
    ]


def tables_of(note: Note) -> Iterator[Any]:
    for section in note.data()["sections"]:
        yield from (block for block in section["blocks"] if block["kind"] == "table")


def known_on(month: str) -> date | None:
    """Return None, the month's own end, for the first months and each tenth; else the year's end.

    What was known on a day takes most of a note's time.
    """
    if month in MONTHS[:3] or month in MONTHS[2::10]:
        return None
    return date(int(month[:4]), 12, 31)


@pytest.mark.slow
@pytest.mark.parametrize(
    "month",
    [
        month if month in MONTHS[2::14] else pytest.param(month, marks=pytest.mark.nightly)
        for month in MONTHS
    ],
)
def test_every_month_is_written(month: str) -> None:
    """In the PDF too, whose standard refuses a character that no font has."""
    note = simulated_note(request_of(month, known_on(month)))
    made = {suffix: note_bytes(note, suffix, "") for suffix in FORMS}
    pages = PdfReader(io.BytesIO(made[".pdf"])).pages

    assert len(pages) in PRINTED_PAGES
    assert "Ce qui demande une décision" in pages[0].extract_text()
    assert pages[1].extract_text().startswith("Ce qui a changé")
    assert not [one for one in texts_of(note) if BARE.match(one)]
    for table in tables_of(note):
        for row in table["rows"]:
            assert len(row["cells"]) == len(table["columns"])
            assert all(one["cell"]["text"] or one["cell"]["reason"] for one in row["cells"])
    for suffix in (".pdf", ".html", ".md"):
        read = made[suffix].decode() if suffix != ".pdf" else text_of_pdf(made[suffix])
        assert note.digest in read.replace("\n", "")
    assert sha256(made[".json"]).hexdigest() == note.digest


def text_of_pdf(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


@pytest.mark.slow
def test_the_same_month_and_knowledge_give_the_same_bytes() -> None:
    first = {form: note_bytes(simulated_note(request_of("2019-03")), form, "") for form in FORMS}
    simulated_note(request_of("2018-03"))
    again = {form: note_bytes(simulated_note(request_of("2019-03")), form, "") for form in FORMS}

    assert first == again


@pytest.mark.slow
def test_later_knowledge_is_another_note() -> None:
    then = simulated_note(request_of("2018-06"))
    later = simulated_note(request_of("2018-06", date(2019, 12, 31)))

    assert then.digest != later.digest
    assert all("known_on=2018-06-30" in one.path for one in then.references)
    assert all("known_on=2019-12-31" in one.path for one in later.references)


@pytest.mark.slow
def test_every_number_has_its_reference() -> None:
    """A row, or a span with digits is followed by one before its line ends, but for method."""
    for month in ("2016-01", "2019-03", "2020-12"):
        note = simulated_note(request_of(month))
        known = {one.number for one in note.references}
        for section in note.data()["sections"][:-1]:
            for block in section["blocks"]:
                if block["kind"] == "table":
                    assert {row["reference"]["number"] for row in block["rows"]} <= known
                elif block["kind"] == "items":
                    for line in block["items"]:
                        numbers = [one["reference"] for one in line["spans"] if one["reference"]]
                        digits = any(DIGIT.search(one["text"]) for one in line["spans"])
                        assert numbers or not digits, line


@pytest.mark.slow
def test_a_note_of_one_programme_is_about_nothing_else() -> None:
    note = simulated_note(request_of("2019-03", programme="lycees"))
    programme = shipped().programmes[0]

    assert note.subtitle.startswith(f"{programme.title}. ")
    for table in tables_of(note):
        assert {row["cells"][0]["cell"]["note"] for row in table["rows"]} == {programme.title}
    assert all(
        any(f"/{one.id}" in reference.path for one in programme.indicators)
        for reference in note.references
    )


@pytest.mark.slow
def test_the_worst_promise_is_first() -> None:
    tables = list(tables_of(simulated_note(request_of("2020-12"))))
    states = [row["cells"][1]["status"] for row in tables[0]["rows"]]
    order = ["missed", "at_risk", "unreported", "on_track", "achieved"]

    assert states == sorted(states, key=order.index)
    decided = [one["status"] for row in tables[1]["rows"] for one in row["cells"] if one["status"]]
    assert decided
    assert set(decided) <= {"missed", "at_risk"}


@pytest.mark.slow
@pytest.mark.parametrize("month", ["2019-03", "2020-12"])
def test_no_line_leaves_a_reader_in_doubt(month: str) -> None:
    note = simulated_note(request_of(month))
    for line in lines_of(note, LATE):
        for one in line.split(" ; "):
            if re.search(r" (à risque|manqué), [^,]+(,\d+)? ?%", one):
                assert re.search(
                    r", (retard de |hors d’atteinte|projetée le |moins de |relevés trop anciens)",
                    one,
                )
    for text in texts_of(note):
        for days in re.findall(r"([\d\u202f]+)\u00a0jours?", text):
            assert int(days.replace("\u202f", "")) <= 3652, text
        for before, after in re.findall(r", de ([^ ]+)\u00a0% à ([^ ]+)\u00a0%", text):
            assert before != after, text
        assert not text.endswith("le dénominateur est nul"), text


NAMED = [
    event("school.registered", uai(f"075000{number}"), "2018-01-01", name=f"Lycée {letter}")
    for number, letter in enumerate("ABCDEF", 1)
]
CONNECTED = [
    event("school.connected", uai(f"075000{number}"), "2018-03-10") for number in range(1, 6)
]


def test_a_change_names_the_first_entities_and_adds_up_the_others() -> None:
    note = note_of_events([*NAMED, *CONNECTED], request_of("2018-03"))
    line = lines_of(note, "Ce qui a changé")[0]

    assert line.startswith("Lycées connectés au très haut débit : +83,3 points, de 0,0 % à 83,3 %")
    assert line.endswith(
        "Par Lycée A, Paris (+1) ; Lycée B, Paris (+1) ; Lycée C, Paris (+1) ; 2 autres (+2)."
    )


def test_the_owner_is_asked_for_what_was_not_reported() -> None:
    contacts = Contacts(owners={"open_data": Contact(mail=("data@example.org",))})
    events = [event("school.registered", uai("0750001"), "2018-01-01")]
    told = lines_of(
        note_of_events(events, request_of("2018-03", contacts=contacts)), "Ce qui n’a pas"
    )

    (asked,) = (one for one in told if one.startswith("Jeux de données ouverts"))
    assert asked.endswith(
        ": aucun fait reçu. À demander : Responsable du programme Open data (data@example.org)."
    )
    (without,) = (one for one in told if one.startswith("Stagiaires inscrits"))
    assert without.endswith(
        ", Région et tous les départements : aucun fait reçu."
        " À demander : Responsable du programme Formation au numérique."
    )


def test_nobody_is_asked_for_what_is_withheld() -> None:
    """Too few persons are behind it: nobody can supply it, and one sentence says so."""
    events = [
        event("training.enrolled", enrolment, "2018-01-10", department="75")
        for enrolment in ENTITIES[Family.TRAININGS][:3]
    ]
    told = lines_of(note_of_events(events, request_of("2018-03")), "Ce qui n’a pas")

    assert told[-1] == (
        "Comptent trop peu de personnes pour être publiés, et ne sont pas à demander :"
        " Stagiaires inscrits (Région et tous les départements) ; Part des publics prioritaires"
        " (Région et tous les départements)."
    )
    assert not [one for one in told if "trop peu" in one and "À demander" in one]


@pytest.mark.slow
def test_what_moved_both_terms_says_which() -> None:
    """Two numbers alone would be two changes of one thing; hours are no share."""
    notes = lines_of(simulated_note(request_of("2019-03", date(2019, 12, 31))), "Ce qui a changé")
    (line,) = (one for one in notes if one.startswith("Occupation des postes"))

    hours = r"\(heures occupées −[\d\u202f]+, heures offertes −[\d\u202f]+\)"
    assert re.search(hours, line)


HOSTILE = [
    "<script>alert(1)</script>",
    "</style><svg onload=alert(1)>",
    "a | b\n# titre\n- [x](javascript:alert(1)) ![](http://evil.invalid)",
    "\x1b]0;x\x07\x00 \u202e gauche \u2066",
    '#eval("1") $x$ #read("/etc/passwd") \\',
    "\U0001f600" * 100,
    "漢字 العربية ✖ ﷽",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_name_is_text(name: str) -> None:
    events = [
        event("school.registered", uai("0750001"), "2018-01-01", name=name),
        event("school.connected", uai("0750001"), "2018-03-10"),
    ]
    note = note_of_events(events, request_of("2018-03"))
    made = {form: note_bytes(note, form, "") for form in FORMS}
    page, text = made[".html"].decode(), made[".md"].decode()

    assert page.count("<script") == page.count("<img") == page.count("onload=alert(1)>") == 0
    assert page.count("</style>") == 1
    assert not re.search(r"(?<!\\)\[x\]|(?<!\\)!\[|^# titre|<script|<svg", text, re.MULTILINE)
    for form in (page, text, made[".json"].decode()):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", form)
    told = [one for one in texts_of(note) if "Par " in one]
    read = re.sub(r"\s", "", text_of_pdf(made[".pdf"]))
    assert json.loads(made[".json"])["title"] == note.title
    assert re.sub(r"\s", "", printable(told[0].partition("Par ")[2])) in read


@pytest.mark.slow
@pytest.mark.parametrize(("month", "is_told"), [("2017-12", False), ("2018-01", True)])
def test_a_milestone_on_the_way_that_is_missed_is_named(
    tmp_path: Path, month: str, *, is_told: bool
) -> None:
    of = Month.parse(month)
    with EventLedger() as ledger:
        note = note_of(known_with_interim(tmp_path), ledger, NoteRequest(of, of.until))
    told = "Lycées connectés au très haut débit : La moitié, 50,0 % au 31/12/2017 ; valeur actuelle"
    lines = lines_of(note, LATE)
    assert any(line.startswith(told) for line in lines) is is_told


def test_what_is_withheld_and_at_risk_says_so() -> None:
    enrolled = shipped().indicator("trainees_enrolled")
    milestone = Milestone(
        id="many",
        target=Decimal(100),
        day=date(2020, 12, 31),
        scope=("region", "departments"),
        source="Un test.",
    )
    promised = enrolled.model_copy(update={"milestones": (milestone,)})
    programme = shipped().programme_of(enrolled.id).model_copy(update={"indicators": (promised,)})
    first = date(2018, 1, 10)
    few = History(StepFunction(), None, (first,), publication=promised.publication)
    known = Knowledge(Catalogue(programmes=(programme,)), {(promised.id, "75"): few}, {})
    month = Month.parse("2018-02")
    with EventLedger() as ledger:
        note = note_of(known, ledger, NoteRequest(month, month.until))
    (line,) = (one for one in lines_of(note, LATE) if "Paris à risque" in one)
    assert "Paris à risque, trop peu de personnes pour être publié" in line
