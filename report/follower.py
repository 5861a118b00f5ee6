"""What the page follows: the changelogs for its figures, the topics of events for evidence."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from broker.clients import administering
from broker.errors import PositionsOutdatedError
from broker.reading import open_reader, read_topics
from broker.topic_admin import seen_topics
from events.producers.loader import load_producers
from report.completeness import Completeness
from report.errors import BusyError, FiguresNotReadyError
from report.knowledge import Knowledge
from report.ledger import (
    LEDGER_TOPICS,
    PERSON_TOPICS,
    EventLedger,
    LedgerOutdatedError,
    known_before,
)
from report.past import state_store_known_on
from streams.assessor.assessor import Assessor
from streams.changelog_reader import open_changelogs
from streams.histories import categories_of
from streams.skipped_records import read_decisions, without_skipped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from broker.stored_record import RawRecord
    from catalogue.model import Catalogue
    from streams.assessor.assessor import Assessment
    from streams.settings import Settings
    from streams.web import Readiness

__all__ = ["Follower"]

logger = logging.getLogger(__name__)

MOST_PAST_DAYS: Final = 8
"""The number of past days whose knowledge is kept."""
BUSY_SECONDS: Final = 20.0
"""How long a request waits for another one's past day to be computed."""

_KNOWN: Final = "SELECT count(*) FROM event WHERE time < $before"


class Follower:
    """Follows a broker in two threads; requests read what was published last."""

    def __init__(self, settings: Settings, catalogue: Catalogue, ledger: EventLedger) -> None:
        self.catalogue = catalogue
        self.ledger = ledger
        self.clock = settings.make_clock()
        self.version = 0
        """Another number after each change of the figures known now."""
        self._settings = settings
        self._rules = settings.record_rules()
        self._assessor = Assessor(catalogue, self.clock, parts_of=categories_of)
        self._published: tuple[Assessment, Knowledge] | None = None
        self._ledger_lag: int | None = None
        #: By day, with the number of events that they were made from.
        self._past: OrderedDict[date, tuple[int, Knowledge]] = OrderedDict()
        self._past_lock = threading.Lock()

    def follow_figures(self, stopping: threading.Event) -> None:
        """Follow the changelogs until `stopping`. Raises as `ChangelogReader.poll`."""
        with open_changelogs(self._settings, self.catalogue) as changelog_reader:
            while not stopping.is_set():
                self._assessor.step(changelog_reader, timeout=self._settings.stall_timeout)
                self._publish()

    def follow_events(self, stopping: threading.Event) -> None:
        """Append the topics of events to the ledger until `stopping`.

        A ledger of other topics or other rules is read again. Raises as `open_reader`.
        """
        while not stopping.is_set():
            try:
                self.ledger.bind(self._basis())
                self._append(stopping)
            except (LedgerOutdatedError, PositionsOutdatedError) as error:
                logger.warning("events are read again: %s", error)
                self._ledger_lag = None
                self.ledger.clear()

    def _append(self, stopping: threading.Event) -> None:
        security = self._settings.security().pinned()
        skipped = read_decisions(self._settings.broker, security=self._settings.security())
        with open_reader(
            self._settings.broker,
            LEDGER_TOPICS,
            security=security,
            positions=self.ledger.positions(),
        ) as reader:
            while not stopping.is_set():
                records = reader.poll()
                if records:
                    self.ledger.append(records, self._rules, skipped)
                if reader.caught_up:
                    self._ledger_lag = sum(left or 0 for left in reader.behind().values())

    def _basis(self) -> dict[str, str]:
        """Return what the ledger's events rest on: the topics, and the rules of acceptance."""
        settings = self._settings
        producers = load_producers(settings.producers).model_dump_json()
        rules = f"{settings.time_tolerance} {producers}".encode()
        with administering(settings.broker, what="topics", security=settings.security()) as admin:
            seen = seen_topics(admin, LEDGER_TOPICS)
        topics = {name: topic.identity for name, topic in seen.items()}
        return {**topics, "rules": sha256(rules).hexdigest()}

    def knowledge(self, known_on: date | None) -> tuple[Knowledge, Completeness] | None:
        """Return what is known now, or was known at the end of a day; None while nothing is.

        Raises FiguresNotReadyError for a past day while the events are being read, and BusyError
        where another one is being computed for too long.
        """
        if known_on is not None and known_on < self.clock.today():
            return self._known_on(known_on), Completeness.known_on(known_on)
        if self._published is None:
            return None
        return self._published[1], Completeness.of(self._assessor.snapshot())

    @property
    def ledger_lag(self) -> int | None:
        """How many records the ledger has still to read; None until it once had all."""
        return self._ledger_lag

    def readiness(self) -> Readiness:
        """Return the content of /readyz: that of the figures."""
        return self._assessor.readiness()

    def _publish(self) -> None:
        assessment = self._assessor.snapshot().assessment
        if assessment is None:
            self._published = None
        elif self._published is None or self._published[0] is not assessment:
            knowledge = Knowledge(
                self.catalogue,
                assessment.histories,
                assessment.parts,
                judged=(assessment.as_of, assessment.judgements),
            )
            self._published = assessment, knowledge
            self.version += 1

    def _known_on(self, day: date) -> Knowledge:
        if self._ledger_lag is None:
            raise FiguresNotReadyError
        # One at a time: each may take seconds and much memory.
        if not self._past_lock.acquire(timeout=BUSY_SECONDS):
            raise BusyError
        try:
            ((events,),) = self.ledger.query(_KNOWN, {"before": known_before(day)})
            kept = self._past.get(day)
            if kept is not None and kept[0] == events:
                self._past.move_to_end(day)
                return kept[1]
            state_store = state_store_known_on(
                self.ledger, self._person_records(), self.catalogue, day, self._rules
            )
            knowledge = Knowledge.from_states(state_store, self.catalogue)
            self._past[day] = events, knowledge
            if len(self._past) > MOST_PAST_DAYS:
                self._past.popitem(last=False)
            return knowledge
        finally:
            self._past_lock.release()

    def _person_records(self) -> Iterator[RawRecord]:
        security = self._settings.security()
        return without_skipped(
            read_topics(self._settings.broker, topics=PERSON_TOPICS, security=security),
            read_decisions(self._settings.broker, security=security),
        )
