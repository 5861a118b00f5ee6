"""All entries, from two topics: the dead letters, and the ledger of their outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from broker import topic_admin
from broker.reading import read_topics
from broker.security import PLAINTEXT, BrokerSecurity
from events.dead_letters import LetterPosition, NotADeadLetterError, read_dead_letter
from events.fact import Family
from events.records import Record
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS, declared_topics, topic_name
from operations.dead_letters.entry import Entry
from operations.dead_letters.outcome import NotAnOutcomeError, ReplayOutcome, read_outcome
from streams.accepted_losses import is_loss
from streams.settings import Settings
from streams.skipped_records import decisions_of, is_decision


def read_entries(
    bootstrap: str,
    *,
    security: BrokerSecurity = PLAINTEXT,
    on_foreign_record: Callable[[ValueError], None],
) -> Iterator[Entry]:
    """Yield every letter with its last outcome, oldest first.

    Records of other writers are left out: `on_foreign_record` receives the reason. Raises as
    `read_topics`.
    """
    # The ledger first: it is small, and the letters need not be held in memory.
    ledger = read_topics(bootstrap, topics=[DEAD_LETTER_OUTCOMES], security=security)
    letters = read_topics(bootstrap, topics=[DEAD_LETTERS], security=security)
    return join_entries(letters, ledger, on_foreign_record=on_foreign_record)


def verify_topics(settings: Settings) -> None:
    """Check that the topics that a replay writes are as declared. Raises as `topic_admin` does."""
    written = {DEAD_LETTER_OUTCOMES, *map(topic_name, Family)}
    declared = declared_topics(partitions=settings.partitions, replication=settings.replication)
    topic_admin.verify_topics(
        settings.broker,
        [topic for topic in declared if topic.name in written],
        security=settings.security(),
        tolerate=lambda _: None,  # The doctor reports these; a replay works on the topic as it is.
    )


def join_entries(
    letters: Iterable[Record],
    ledger: Iterable[Record],
    *,
    on_foreign_record: Callable[[ValueError], None],
) -> Iterator[Entry]:
    """Yield the entries of the records of the two topics; see `read_entries`."""
    # As they are written: there may be millions, a third as large as when they are read.
    outcomes: dict[LetterPosition, bytes] = {}
    decided: list[Record] = []
    for record in ledger:
        if is_decision(record):
            decided.append(record)
        if is_decision(record) or is_loss(record):
            continue
        try:
            position, _ = read_outcome(record)
        except NotAnOutcomeError as error:
            on_foreign_record(error)
        else:
            outcomes[position] = record.value or b""
    decisions = decisions_of(decided)
    for record in letters:
        try:
            letter = read_dead_letter(record)
        except NotADeadLetterError as error:
            on_foreign_record(error)
            continue
        written = outcomes.get(letter.position)
        known = None if written is None else ReplayOutcome.model_validate_json(written)
        is_its_own = known is not None and known.refused_at == letter.time
        yield Entry(letter, known if is_its_own else None, decisions)
