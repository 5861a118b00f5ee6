"""What a note is written from: the events of a broker, as they were known at the end of a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import islice
from typing import Final

from broker.reading import read_topics
from broker.stored_record import RawRecord
from catalogue.model import Catalogue
from report.knowledge import Knowledge
from report.ledger import LEDGER_TOPICS, PERSON_TOPICS, EventLedger
from report.past import state_store_known_on
from streams.decisions import read_decisions, without_skipped
from streams.settings import Settings

BATCH: Final = 20_000
"""Records that are stored at once."""


@contextmanager
def note_source(
    settings: Settings, catalogue: Catalogue, known_on: date
) -> Iterator[tuple[Knowledge, EventLedger]]:
    """Yield what was known on a day and the ledger behind it, in memory, from the topics alone.

    Raises as `read_topics`, and `LedgerFailedError`.
    """
    security, rules = settings.security(), settings.record_rules()
    skipped = read_decisions(settings.broker, security=security).skipped
    with EventLedger() as ledger:
        records = read_topics(settings.broker, topics=LEDGER_TOPICS, security=security)
        for batch in _batches(records):
            ledger.append(batch, rules, skipped)
        persons = read_topics(settings.broker, topics=PERSON_TOPICS, security=security)
        state_store = state_store_known_on(
            ledger,
            without_skipped(persons, skipped),
            catalogue,
            known_on,
            rules,
            partitions=settings.partitions,
        )
        knowledge = Knowledge.from_states(state_store, catalogue, known_on)
        yield knowledge, ledger


def _batches(records: Iterable[RawRecord]) -> Iterator[list[RawRecord]]:
    left = iter(records)
    while batch := list(islice(left, BATCH)):
        yield batch
