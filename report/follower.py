"""What the page follows: the workers for its figures, the topics of events for evidence."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from hashlib import sha256
from secrets import randbits
from time import monotonic
from typing import Final

from boundary.errors import SmartRegionError
from boundary.web import Readiness
from broker.clients import administering
from broker.errors import BrokerRefusedError, PositionsOutdatedError, TopicsMissingError
from broker.reading import FOLLOW_WAIT_MS, TopicReader, open_reader, read_topics
from broker.stored_record import RawRecord
from broker.topic_admin import seen_topics
from catalogue.model import Catalogue
from catalogue.recording import load_recording
from events.dead_letters import RecordOrigin
from events.producers.model import load_producers
from report.completeness import Completeness
from report.errors import FiguresNotReadyError
from report.knowledge import Knowledge
from report.ledger import (
    LEDGER_TOPICS,
    PERSON_TOPICS,
    EventLedger,
    LedgerFailedError,
    LedgerOutdatedError,
)
from report.past import state_store_known_on
from report.past_days import PastDays
from report.server import Known
from streams.assessor.assessor import Assessment, Assessor
from streams.assessor.known_part import known_part
from streams.decisions import Skip, read_decisions, without_skipped
from streams.histories import categories_of
from streams.queries.opening import open_histories
from streams.settings import Settings

logger = logging.getLogger(__name__)

RETRY_SECONDS: Final = 5.0
"""The pause before events that could not be stored are read and stored again."""

_VERSION_BITS: Final = 48

DECISIONS_SECONDS: Final = 300.0
"""How often the operators' decisions to pass over records are read again: workers apply them from
their next start on."""


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
        self._ledger_problem: str | None = None
        self._has_events = False
        self._past_days = PastDays(ledger, self._make_known_on)

    def follow_figures(self, stopping: threading.Event) -> None:
        """Follow the histories until `stopping`. Raises as `open_histories`."""
        with open_histories(self._settings, self.catalogue) as source:
            while not stopping.is_set():
                self._assessor.step(source)
                self._publish()

    def follow_events(self, stopping: threading.Event) -> None:
        """Append the topics of events to the ledger until `stopping`.

        A ledger of other topics or other rules is read again. One that cannot be written, such as
        on a full disk, is tried again for ever: what it has is still shown. Raises as `open_reader`
        and `TopicReader.check_answering`.
        """
        while not stopping.is_set():
            try:
                self._follow_ledger(stopping)
            except LedgerFailedError as error:
                if self._ledger_problem is None:
                    logger.warning("events are not stored, and tried again: %s", error)
                self._ledger_problem = str(error)
                stopping.wait(RETRY_SECONDS)

    def _follow_ledger(self, stopping: threading.Event) -> None:
        try:
            self.ledger.bind(self._basis())
            self._append(stopping)
        except (LedgerOutdatedError, PositionsOutdatedError) as error:
            logger.warning("events are read again: %s", error)
            self._has_events = False
            self.ledger.clear()

    def _append(self, stopping: threading.Event) -> None:
        security = self._settings.security().pinned()
        skipped = read_decisions(self._settings.broker, security=self._settings.security()).skipped
        with open_reader(
            self._settings.broker,
            LEDGER_TOPICS,
            security=security,
            positions=self.ledger.positions(),
            fetch_wait_ms=FOLLOW_WAIT_MS,
        ) as reader:
            decided_at = monotonic()
            while not stopping.is_set():
                records = reader.poll()
                reader.check_answering(
                    self._settings.broker, timeout=self._settings.stall_timeout, security=security
                )
                is_due = monotonic() - decided_at >= DECISIONS_SECONDS
                if is_due:
                    skipped, decided_at = self._decisions(skipped), monotonic()
                self._look_at_lag(reader, unstored=len(records))
                if records or is_due:
                    self.ledger.append(records, self.rules, skipped)
                    self._look_at_lag(reader)
                if self._ledger_problem is not None and (records or reader.caught_up):
                    logger.info("events are stored again")
                    self._ledger_problem = None
                if reader.caught_up:
                    self._has_events = True
                    self._arrange()

    def _look_at_lag(self, reader: TopicReader, unstored: int = 0) -> None:
        behind = reader.behind().values()
        if None not in behind:
            self.ledger_lag = sum(filter(None, behind)) + unstored

    def _decisions(self, known: Mapping[RecordOrigin, Skip]) -> Mapping[RecordOrigin, Skip]:
        """Return the decisions to pass over records; those known where they cannot be read."""
        settings = self._settings
        try:
            return read_decisions(settings.broker, security=settings.security()).skipped
        except SmartRegionError as error:
            logger.warning("decisions to pass over records are not read: %s", error)
            return known

    def _arrange(self) -> None:
        try:
            if self.ledger.arrange():
                logger.info("events arranged")
        except LedgerFailedError as error:
            logger.warning("events are not arranged, which makes evidence slower: %s", error)

    def _basis(self) -> dict[str, str]:
        """Return what the ledger's events rest on: the topics, and the rules of acceptance."""
        settings = self._settings
        producers = load_producers(settings.producers).model_dump_json()
        recording = load_recording(settings.catalogue)
        milestones = sorted((name, *some) for name, some in self.catalogue.known_milestones.items())
        rules = f"{settings.time_tolerance} {recording} {producers} {milestones}".encode()
        with administering(settings.broker, what="topics", security=settings.security()) as admin:
            seen = seen_topics(admin, LEDGER_TOPICS)
        topics = {name: topic.identity for name, topic in seen.items()}
        return {**topics, "rules": sha256(rules).hexdigest()}

    def now(self) -> Known | None:
        """Return what is known now; None while nothing is."""
        published = self._published  # Another thread changes it.
        if published is None:
            return None
        return published[1], Completeness.of(self._assessor.snapshot())

    def kept(self, day: date) -> Known | None:
        """Return what was known at the end of a past day, if that was computed before."""
        knowledge = self._past_days.kept(day) if self._has_events else None
        return None if knowledge is None else self._as_known_on(day, knowledge)

    def known_on(self, day: date) -> Known:
        """Return what was known at the end of a past day; it may take seconds to compute.

        Raises FiguresNotReadyError while the events are being read.
        """
        if not self._has_events:
            raise FiguresNotReadyError
        return self._as_known_on(day, self._past_days.get(day))

    def _as_known_on(self, day: date, knowledge: Knowledge) -> Known:
        has_persons = knowledge.catalogue is self.catalogue
        return knowledge, Completeness.known_on(day, has_persons=has_persons)

    def has_events(self) -> bool:
        """Return whether the events that were there at the start have been read."""
        return self._has_events

    def readiness(self) -> Readiness:
        """Return the content of /readyz: that of the figures, and whether events are stored."""
        figures = self._assessor.readiness()
        return replace(figures, waiting_for=figures.waiting_for or self._ledger_problem)

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

    def _make_known_on(self, day: date) -> Knowledge:
        """Return what was known at the end of a day.

        Where the broker does not let this user read what is about persons, that is left out.
        """
        ledger, catalogue, rules = self.ledger, self.catalogue, self.rules
        known_on = partial(state_store_known_on, partitions=self._settings.partitions)
        try:
            persons = self._person_records()
            state_store = known_on(ledger, persons, catalogue, day, rules)
        except (BrokerRefusedError, TopicsMissingError) as error:
            logger.warning("past days are shown without what is about persons: %s", error)
            state_store = known_on(ledger, (), catalogue, day, rules)
            about_persons = [term for term in catalogue.terms if term.family.about_persons]
            catalogue = known_part(catalogue, about_persons)
        return Knowledge.from_states(state_store, catalogue, day)

    def _person_records(self) -> Iterator[RawRecord]:
        security = self._settings.security()
        return without_skipped(
            read_topics(self._settings.broker, topics=PERSON_TOPICS, security=security),
            read_decisions(self._settings.broker, security=security).skipped,
        )
