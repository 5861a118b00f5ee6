"""What the page follows: the workers for its figures, the topics of events for evidence."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache, partial
from secrets import randbits
from time import monotonic
from typing import Final

from boundary.errors import SmartRegionError
from boundary.web import Readiness
from broker.errors import BrokerRefusedError, PositionsOutdatedError, TopicsMissingError
from broker.reading import (
    FOLLOW_WAIT_MS,
    NO_POSITIONS,
    TopicReader,
    open_reader,
    read_topics,
)
from broker.stored_record import RawRecord
from catalogue.model import Catalogue
from events.dead_letters import RecordOrigin
from events.record_rules import known_before
from report.completeness import Completeness
from report.errors import FiguresNotReadyError
from report.knowledge import Knowledge
from report.ledger import LEDGER_TOPICS, PERSON_TOPICS, EventLedger
from report.page_request import Known
from report.past import knowledge_on
from streams.assessor.assessor import Assessment, Assessor
from streams.assessor.judgeable_catalogue import judgeable_catalogue
from streams.decisions import Skip, read_decisions, without_skipped
from streams.histories import categories_of
from streams.queries.opening import open_histories
from streams.settings import Settings

logger = logging.getLogger(__name__)

_VERSION_BITS: Final = 48

DECISIONS_SECONDS: Final = 300.0
#: How often missing topics are looked for.
TOPICS_SECONDS: Final = 1.0
"""How often the operators' decisions to skip records are read again: workers apply them from their
next start on."""

MOST_PAST_DAYS: Final = 8
"""The number of past days whose knowledge is kept: those last shown."""

PAST_DAY_SECONDS: Final = 300.0
"""How long it is kept at most: the ledger has no late event about a person, and no erasure."""

_KNOWN: Final = "SELECT count(*) FROM event WHERE known < $before"


class Follower:
    """Follows a broker in two threads; requests read what was published last."""

    def __init__(self, settings: Settings, catalogue: Catalogue, ledger: EventLedger) -> None:
        self.catalogue = catalogue
        self.ledger = ledger
        self.clock = settings.make_clock()
        # Open pages outlive this process: what the next one shows has numbers of its own.
        self.version = randbits(_VERSION_BITS)
        """Another number after each change of the figures that are shown now, and of whether they
        are complete."""
        self._settings = settings
        self.rules = settings.record_rules()
        self._assessor = Assessor(catalogue, self.clock, parts_of=categories_of)
        self._published: tuple[Assessment, Knowledge] | None = None
        #: Whether they are complete, and whether events wait; None while nothing is known.
        self._completeness: tuple[bool, bool] | None = None
        self._waits_for: str | None = None
        self.ledger_lag: int | None = None
        """Records of events that the ledger does not have yet; None before the broker's answer."""
        self._has_events = False
        #: Called with the number of events that were known then: another one is computed anew.
        self._past_days = lru_cache(MOST_PAST_DAYS)(self._known_on)

    def follow_figures(self, stopping: threading.Event) -> None:
        """Follow the histories until `stopping`. Raises as `open_histories`."""
        with open_histories(self._settings, self.catalogue) as source:
            while not stopping.is_set():
                self._assessor.step(source)
                self._publish()

    def follow_events(self, stopping: threading.Event) -> None:
        """Append the topics of events to the ledger until `stopping`.

        They are read again where a topic was created anew, and where operators decided to skip
        other records; missing topics are waited for. Raises as `open_reader`,
        `TopicReader.check_answering` and `EventLedger.append`.
        """
        waits_for = ""
        while not stopping.is_set():
            try:
                self._append(stopping)
            except PositionsOutdatedError as error:
                logger.warning("events are read again: %s", error)
            except TopicsMissingError as error:
                if waits_for != str(error):
                    logger.warning("waiting: %s", error)
                waits_for = str(error)
                stopping.wait(TOPICS_SECONDS)
            if not stopping.is_set():
                self._has_events = False
                self.ledger.clear()

    def _append(self, stopping: threading.Event) -> None:
        """Append events until `stopping`, or until operators have decided to skip others."""
        security = self._settings.security().pinned()
        skipped = read_decisions(self._settings.broker, security=self._settings.security()).skipped
        with open_reader(
            self._settings.broker,
            LEDGER_TOPICS,
            security=security,
            positions=NO_POSITIONS,
            fetch_wait_ms=FOLLOW_WAIT_MS,
        ) as reader:
            decided_at = monotonic()
            while not stopping.is_set():
                records = reader.poll()
                reader.check_answering(
                    self._settings.broker, timeout=self._settings.stall_timeout, security=security
                )
                self.ledger.append(records, self.rules, skipped)
                self._look_at_lag(reader)
                self._has_events = self._has_events or reader.caught_up
                if monotonic() - decided_at >= DECISIONS_SECONDS:
                    decided_at = monotonic()
                    if self._decisions(skipped) != skipped:
                        logger.info("events are read again: other records are to be skipped")
                        return

    def _look_at_lag(self, reader: TopicReader) -> None:
        behind = reader.behind().values()
        if None not in behind:
            self.ledger_lag = sum(filter(None, behind))

    def _decisions(self, known: Mapping[RecordOrigin, Skip]) -> Mapping[RecordOrigin, Skip]:
        """Return the decisions to skip records; those known where they cannot be read."""
        settings = self._settings
        try:
            return read_decisions(settings.broker, security=settings.security()).skipped
        except SmartRegionError as error:
            logger.warning("decisions to skip records cannot be read: %s", error)
            return known

    def now(self) -> Known | None:
        """Return what is known now; None while nothing is."""
        published = self._published  # Another thread changes it.
        if published is None:
            return None
        return published[1], Completeness.of(self._assessor.snapshot())

    def known_on(self, day: date) -> Known:
        """Return what was known at the end of a past day; it may take seconds to compute.

        Raises FiguresNotReadyError while the events are being read.
        """
        if not self._has_events:
            raise FiguresNotReadyError
        ((events,),) = self.ledger.query(_KNOWN, {"before": known_before(day)})
        return self._past_days(day, events, int(monotonic() // PAST_DAY_SECONDS))

    def has_events(self) -> bool:
        """Return whether the events that were there at the start have been read."""
        return self._has_events

    def readiness(self) -> Readiness:
        """Return the content of /readyz: that of the figures."""
        return self._assessor.readiness()

    def _publish(self) -> None:
        snapshot = self._assessor.snapshot()
        assessment, before = snapshot.assessment, self._published
        self._log_wait(self._assessor.readiness().waiting_for)
        if assessment is None:
            self._published = None
        elif before is None or before[0] != assessment:
            knowledge = Knowledge(
                # Of what is not judged there is no history, which would read "no fact received".
                assessment.catalogue,
                assessment.histories,
                assessment.parts,
                explanations=assessment.explanations,
                judged=(assessment.as_of, assessment.judgements),
            )
            self._published = assessment, knowledge
        completeness = None
        if assessment is not None:
            completeness = Completeness.of(snapshot).is_complete, snapshot.overdue > 0
        # Open pages say whether all is counted, also while no figure changes.
        if self._published is not before or completeness != self._completeness:
            self._completeness = completeness
            self.version += 1

    def _log_wait(self, reason: str | None) -> None:
        """Log what the figures wait for, not each number in it: /readyz does not say it."""
        known = None if reason is None else reason.partition(" (")[0]
        if known is not None and known != self._waits_for:
            logger.info("no figures yet: waiting for %s", reason)
        self._waits_for = known

    def _known_on(self, day: date, *_: int) -> Known:
        """Compute what was known at the end of a day.

        Where the broker does not let this user read what is about persons, that is left out.
        """
        known_on = partial(
            knowledge_on,
            self.ledger,
            known_on=day,
            rules=self.rules,
            partitions=self._settings.partitions,
        )
        try:
            knowledge = known_on(self._person_records(), self.catalogue)
        except (BrokerRefusedError, TopicsMissingError) as error:
            logger.warning("past days are shown without what is about persons: %s", error)
            about_persons = [term for term in self.catalogue.terms if term.family.about_persons]
            knowledge = known_on((), judgeable_catalogue(self.catalogue, about_persons))
            return knowledge, Completeness.known_on(day, has_persons=False)
        return knowledge, Completeness.known_on(day)

    def _person_records(self) -> Iterator[RawRecord]:
        security = self._settings.security()
        return without_skipped(
            read_topics(self._settings.broker, topics=PERSON_TOPICS, security=security),
            read_decisions(self._settings.broker, security=security).skipped,
        )
