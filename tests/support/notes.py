"""Notes of the simulated five years, from records as a broker would return them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache

from broker.stored_record import RawRecord
from catalogue.contacts import Contacts
from events.cloudevent import CloudEvent
from events.fact import Family
from events.topics import topic_name
from report.knowledge import Knowledge
from report.ledger import EventLedger
from report.note.content import NAMED, NoteRequest, note_of
from report.note.document import Note
from report.note.month import Month
from report.past import knowledge_on
from tests.support.attacks import ATTACKS, PLAIN
from tests.support.audits import raw_record
from tests.support.explanations import explained
from tests.support.histories import event, uai
from tests.support.knowledge import shipped
from tests.support.ledgers import ledger_of, simulated_years

MONTHS: Sequence[str] = [
    f"{year}-{month:02}" for year in range(2016, 2021) for month in range(1, 13)
]
"""Every month of the simulation."""

PERSON_TOPICS = frozenset(topic_name(family) for family in Family if family.about_persons)


@cache
def five_years() -> Sequence[RawRecord]:
    """Return the simulation's records as a broker stores them."""
    return simulated_years(1)


@cache
def _ledger() -> EventLedger:
    ledger = EventLedger(threads=1)
    ledger.append(five_years())
    return ledger


@cache
def _persons() -> Sequence[tuple[str, RawRecord]]:
    """Return the records about persons, each with the day of its event, or "" without an event."""
    days = re.compile(rb'"time":"([-0-9]{10})')
    return [
        (found[1].decode() if (found := days.search(one.value or b"")) else "", one)
        for one in five_years()
        if one.topic in PERSON_TOPICS
    ]


@cache
def known_then(day: date) -> Knowledge:
    # These records take most of the time, so later ones, which do not count, are left out.
    persons = [one for recorded, one in _persons() if recorded <= str(day)]
    return knowledge_on(_ledger(), persons, shipped(), day)


def request_of(
    month: str,
    known_on: date | None = None,
    programme: str | None = None,
    contacts: Contacts | None = None,
) -> NoteRequest:
    chosen = Month.parse(month)
    found = next((one for one in shipped().programmes if one.id == programme), None)
    return NoteRequest(chosen, known_on or chosen.until, found, contacts)


def simulated_note(request: NoteRequest, knowledge: Knowledge | None = None) -> Note:
    return note_of(knowledge or known_then(request.known_on), _ledger(), request)


def note_of_events(events: Iterable[CloudEvent], request: NoteRequest) -> Note:
    found = list(events)
    persons = [one for one in found if one.fact.FAMILY.about_persons]
    with ledger_of(one for one in found if not one.fact.FAMILY.about_persons) as ledger:
        records = map(raw_record, persons)
        return note_of(knowledge_on(ledger, records, shipped(), request.known_on), ledger, request)


@cache
def hostile_notes() -> Sequence[Note]:
    """Return notes of a month whose lycées have attacks as names: each note names three of them.

    Each also has an explanation that is an attack.
    """
    texts, found = list(ATTACKS.values()), []
    for first in range(0, len(texts), NAMED):
        events = []
        for number, text in enumerate(texts[first : first + NAMED], start=1):
            lycee = uai(f"075{number:04}")
            events.append(event("school.registered", lycee, "2016-05-01", name=text))
            events.append(event("school.connected", lycee, "2018-12-02"))
        words = list(PLAIN.values())[first // NAMED]
        events.append(explained("2018-12-03", words, author_role=words[:100]))
        found.append(note_of_events(events, request_of("2018-12")))
    return found


def texts_of(note: Note) -> Sequence[str]:
    """Return every text of a note's sections, in reading order."""
    found: list[str] = [note.title, note.subtitle]
    for section in note.data()["sections"]:
        found.append(section["title"])
        for block in section["blocks"]:
            if block["kind"] == "table":
                found += [block["caption"], *(one["title"] for one in block["columns"])]
                for row in block["rows"]:
                    for shown in row["cells"]:
                        cell = shown["cell"]
                        found += [cell["reason"] or cell["text"], cell["note"]]
            elif block["kind"] == "pictures":
                found += [one["title"] for one in block["pictures"]]
            else:
                lines = block["items"] if block["kind"] == "items" else [block]
                found += ["".join(span["text"] for span in line["spans"]) for line in lines]
    return [one for one in found if one]
