"""From the broker to the report: every record of the event topics, and every dead letter."""

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
from operations.scorecards.references import References
from operations.scorecards.report import Report
from operations.scorecards.scorecard import ScorecardBuilder, producer_of
from operations.scorecards.sightings import Sighting

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
    """Yield every dead letter; what is none on their topic is passed over."""
    for record in read_topics(bootstrap, topics=[DEAD_LETTERS], security=security):
        try:
            yield read_dead_letter(record)
        except NotADeadLetterError:
            continue


def report_on(
    seen: Iterable[Sighting],
    producers: Producers,
    as_of: date,
    *,
    only: str | None = None,
    references: bool = False,
    sirets: Collection[str] | None = None,
) -> Report:
    """Make the report of a day from all that was seen of records and letters, in any order.

    `only` is the producer that it is about. Raises UnknownProducerError, before anything is read.
    """
    if only is not None and producers.get(only) is None:
        raise UnknownProducerError(only, known=(one.id for one in producers))
    book = ScorecardBuilder(producers)
    named = References()
    for sighting in seen:
        producer = producer_of(sighting, producers)
        book.add(producer, sighting)
        if references:
            named.add(producer, sighting)
    return Report(
        as_of=as_of,
        scorecards=tuple(
            card for card in book.cards(as_of) if only is None or card.producer == only
        ),
        references=named.reconcile(sirets, only=only) if references else None,
    )
