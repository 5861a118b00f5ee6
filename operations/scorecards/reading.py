"""The inputs of a report, and the report on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date

from boundary.diagnostic import shown
from boundary.errors import SmartRegionError
from broker.clients import PLAINTEXT, BrokerSecurity
from broker.reading import read_topics
from events.dead_letters import DeadLetter, NotADeadLetterError, read_dead_letter
from events.producers.model import Producers
from events.topics import DEAD_LETTERS
from operations.scorecards.classification import ClassifiedRecord
from operations.scorecards.references import References
from operations.scorecards.report import Report
from operations.scorecards.scorecard import ScorecardBuilder, producer_of

__all__ = ["UnknownProducerError", "read_letters", "report_on"]


class UnknownProducerError(SmartRegionError):
    """A report is asked for on a producer that is not declared."""

    def __init__(self, producer: str, *, known: Iterable[str]) -> None:
        self.producer = producer
        self.known = tuple(known)
        super().__init__(
            f"producer: is not declared, value {shown(producer)}:"
            f" name one of {', '.join(self.known)}, or declare it in SMART_REGION_PRODUCERS"
        )


def read_letters(bootstrap: str, *, security: BrokerSecurity = PLAINTEXT) -> Iterator[DeadLetter]:
    """Yield every dead letter; other records of the topic are left out. Raises as `read_topics`."""
    for record in read_topics(bootstrap, topics=[DEAD_LETTERS], security=security):
        try:
            yield read_dead_letter(record)
        except NotADeadLetterError:
            continue


def report_on(
    records: Iterable[ClassifiedRecord],
    producers: Producers,
    as_of: date,
    *,
    only: str | None = None,
    references: bool = False,
    sirets: Collection[str] | None = None,
) -> Report:
    """Return the report of a day on classified records, in any order.

    With `only` it is about that producer. Raises UnknownProducerError, before anything is read.
    """
    if only is not None and producers.get(only) is None:
        raise UnknownProducerError(only, known=(one.id for one in producers))
    scorecards = ScorecardBuilder(producers)
    found = References()
    for record in records:
        producer = producer_of(record, producers)
        scorecards.add(producer, record)
        if references:
            found.add(producer, record)
    return Report(
        as_of=as_of,
        scorecards=tuple(
            card for card in scorecards.cards(as_of) if only is None or card.producer == only
        ),
        references=found.reconcile(sirets, only=only) if references else None,
    )
