"""All cases, from the two topics: the letters, and the ledger of what was done about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker import topic_admin
from broker.clients import PLAINTEXT, BrokerSecurity
from broker.reading import read_topics
from events.dead_letters import NotADeadLetterError, read_dead_letter
from events.registry import Family
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS, declared_topics, topic_name
from operations.dead_letters.entry import Entry
from operations.dead_letters.outcome import NotAnOutcomeError, read_outcome
from streams.passed_over import is_decision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from events.dead_letters import LetterPosition
    from events.records import Record
    from operations.dead_letters.outcome import ReplayOutcome
    from streams.settings import Settings

__all__ = ["cases_of", "read_cases", "verify_topics"]


def read_cases(
    bootstrap: str,
    *,
    security: BrokerSecurity = PLAINTEXT,
    on_stranger: Callable[[ValueError], None],
) -> Iterator[Entry]:
    """Yield every letter with its settlement, oldest first.

    What others wrote to one of the topics is told to `on_stranger` and left out. Raises as
    `read_topics`.
    """
    # The ledger first: it is small, and the letters need not be held.
    ledger = read_topics(bootstrap, topics=[DEAD_LETTER_OUTCOMES], security=security)
    letters = read_topics(bootstrap, topics=[DEAD_LETTERS], security=security)
    return cases_of(letters, ledger, on_stranger=on_stranger)


def verify_topics(settings: Settings) -> None:
    """Check that the topics that a replay writes are as declared. Raises as `topic_admin` does."""
    written = {DEAD_LETTER_OUTCOMES, *map(topic_name, Family)}
    declared = declared_topics(partitions=settings.partitions, replication=settings.replication)
    topic_admin.verify_topics(
        settings.broker,
        [topic for topic in declared if topic.name in written],
        security=settings.security(),
        tolerate=lambda _: None,  # For the doctor to tell: a copy is well wherever it lies.
    )


def cases_of(
    letters: Iterable[Record],
    ledger: Iterable[Record],
    *,
    on_stranger: Callable[[ValueError], None],
) -> Iterator[Entry]:
    """Join the records of the two topics; see `read_cases`."""
    outcomes: dict[LetterPosition, ReplayOutcome] = {}
    for record in ledger:
        if is_decision(record):
            continue
        try:
            place, outcome_record = read_outcome(record)
        except NotAnOutcomeError as error:
            on_stranger(error)
        else:
            outcomes[place] = outcome_record
    for record in letters:
        try:
            letter = read_dead_letter(record)
        except NotADeadLetterError as error:
            on_stranger(error)
            continue
        known = outcomes.get(letter.place)
        is_its_own = known is not None and known.refused_at == letter.time
        yield Entry(letter, known if is_its_own else None)
