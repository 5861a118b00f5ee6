"""The replica: every entity's state, on all partitions, read from the changelogs.

Workers hold a part each. Who needs the whole (the assessor, a backfill, an export) reads the
changelogs, without a consumer group: it takes no partition from anybody, and nobody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from boundary.errors import SmartRegionError
from broker.errors import BrokerUnreachableError
from broker.preflight import preflight
from broker.reading import open_reader, read_topics
from broker.security import PLAINTEXT
from events.record_rules import RULES
from events.registry import Family
from events.topics import changelog_name
from streams.changelog_check import ChangelogCheck
from streams.changelog_tally import ChangelogTallies
from streams.state_store import StateStore

if TYPE_CHECKING:
    from broker.reading import TopicReader
    from broker.security import BrokerSecurity
    from broker.stored_record import RawRecord
    from catalogue.model import Catalogue
    from events.record_rules import RecordRules
    from streams.settings import Settings
    from streams.topic_faults import TopicFault

__all__ = [
    "ChangelogReader",
    "ChangelogUnreadableError",
    "NothingKnownError",
    "StatesLostError",
    "StatesRebuiltError",
    "open_changelogs",
    "read_changelogs",
]

logger = logging.getLogger(__name__)

#: How often a broker that sends nothing is asked whether it is there, and how long it may take.
ASK_SECONDS = 10.0
ANSWER_SECONDS = 5.0


class ChangelogUnreadableError(SmartRegionError):
    """A changelog has a record that is no entity's state, of an entity of which no other is."""

    def __init__(self, record: RawRecord, *, cause: Exception) -> None:
        super().__init__(
            f"changelog: {record.topic}[{record.partition}]@{record.offset} is not a state "
            f"({cause}): only this version's workers may write there; check app_id, or whether "
            "something else uses the topic; docs/runbooks/PoisonRecord.md brings the state back"
        )


class NothingKnownError(SmartRegionError):
    """The changelogs are there and empty."""

    def __init__(self, app_id: str, bootstrap: str) -> None:
        super().__init__(
            f"app_id: the changelogs of {app_id!r} on {bootstrap} hold nothing: run a worker "
            "first, or set SMART_REGION_APP_ID to the application whose workers ran"
        )


class StatesLostError(SmartRegionError):
    """A changelog does not hold what the workers wrote to it."""

    def __init__(self, faults: Sequence[TopicFault]) -> None:
        self.faults = tuple(faults)
        super().__init__(
            f"changelog: {'; '.join(map(str, faults))}: figures of what is left would be wrong: "
            "rebuild the states (`smart-region rebuild`), then run it again"
        )


class StatesRebuiltError(SmartRegionError):
    """The lost states are being rebuilt: what was read before is to be forgotten."""

    def __init__(self, app_id: str) -> None:
        super().__init__(
            f"app_id: the states of {app_id!r} are being rebuilt since this process read them: it "
            "ends, and reads them anew when it is started again"
        )


class ChangelogReader:
    """Holdings of all partitions, as far as the changelogs have been read.

    They are merged as a worker's recovery merges them, so that a record of a worker that had lost
    its partition undoes nothing.
    """

    def __init__(
        self,
        reader: TopicReader,
        catalogue: Catalogue,
        *,
        app_id: str,
        bootstrap: str,
        security: BrokerSecurity = PLAINTEXT,
        rules: RecordRules = RULES,
        check: ChangelogCheck | None = None,
    ) -> None:
        """Read with a reader; without `check` nothing is known to be lost."""
        self.state_store = StateStore(catalogue.terms, rules)
        self.faults: Sequence[TopicFault] = ()
        self._tallies = ChangelogTallies()
        self._check = check
        self._app_id = app_id
        self._is_checked = False
        self._checked_at = 0.0
        self._reader = reader
        self._families = _families(app_id)
        self._bootstrap = bootstrap
        self._security = security
        self._heard_at = self._asked_at = monotonic()

    @property
    def caught_up(self) -> bool:
        """True once every changelog has been read to what was its end at that moment."""
        return self._reader.caught_up

    def poll(self, *, patience: float) -> int:
        """Take in the next records, if any come soon, and return how many came.

        One that is no state ends nothing: `state_store.unreadable` tells what is not known for it.
        Raises BrokerUnreachableError where the broker has not answered for `patience` seconds,
        BrokerEntryError where it does not let us in any more, and StatesRebuiltError.
        """
        records = self._reader.poll()
        for record in records:
            error = _take(self.state_store, self._tallies, self._families, record)
            if error is not None:
                logger.error(
                    "unreadable state topic=%s partition=%d offset=%d error=%s",
                    record.topic,
                    record.partition,
                    record.offset,
                    type(error).__name__,
                )
        self._listen(heard=bool(records), patience=patience)
        self._check_states()
        return len(records)

    def lag(self) -> int:
        """Return how many records are left, as far as it is known."""
        return sum(left or 0 for left in self._reader.behind().values())

    def _check_states(self) -> None:
        """Compare, once all is read; where something is lost, look whether it is rebuilt."""
        if self._check is None or not self.caught_up:
            return
        now = monotonic()
        if not self._is_checked:
            self.faults = self._check.faults(self._tallies)
            self._is_checked, self._checked_at = True, now
        elif self.faults and now - self._checked_at >= ASK_SECONDS:
            self._checked_at = now
            if self._check.is_outdated:
                raise StatesRebuiltError(self._app_id)

    def _listen(self, *, heard: bool, patience: float) -> None:
        now = monotonic()
        if heard:
            self._heard_at = self._asked_at = now
        elif now - self._asked_at >= ASK_SECONDS:
            if self._reader.answers(wait_seconds=ANSWER_SECONDS):
                self._heard_at = monotonic()
                self._asked_at = self._heard_at
                return
            asyncio.run(preflight(self._bootstrap.split(","), self._security))
            self._asked_at = monotonic()
            waited = self._asked_at - self._heard_at
            if waited > patience:
                raise BrokerUnreachableError(
                    self._bootstrap,
                    waited_seconds=waited,
                    cause="no answer",
                    security_protocol=self._security.security_protocol,
                )


@contextmanager
def open_changelogs(settings: Settings, catalogue: Catalogue) -> Iterator[ChangelogReader]:
    """Give a replica that has read nothing yet, to be polled.

    Raises BrokerUnreachableError or TopicsMissingError.
    """
    families = _families(settings.app_id)
    security = settings.security().pinned()
    check = ChangelogCheck(settings)
    with open_reader(settings.broker, list(families), security=security) as reader:
        yield ChangelogReader(
            reader,
            catalogue,
            app_id=settings.app_id,
            bootstrap=settings.broker,
            security=security,
            rules=settings.record_rules(),
            check=check,
        )


def read_changelogs(settings: Settings, catalogue: Catalogue) -> StateStore:
    """Read the changelogs to their end and return what they hold.

    Raises NothingKnownError where that is nothing, StatesLostError where it is less than was
    written, ChangelogUnreadableError, and as `read_topics`.
    """
    state_store, tallies = StateStore(catalogue.terms, settings.record_rules()), ChangelogTallies()
    check = ChangelogCheck(settings)
    families = _families(settings.app_id)
    read = read_topics(settings.broker, topics=list(families), security=settings.security())
    failed = [
        (record, error)
        for record in read
        if (error := _take(state_store, tallies, families, record)) is not None
    ]
    unreadable = state_store.unreadable()
    for record, error in failed:
        if (families[record.topic], record.partition) in unreadable:
            raise ChangelogUnreadableError(record, cause=error)
    faults = check.faults(tallies)
    if faults:
        raise StatesLostError(faults)
    if not any(state_store.entities().values()):
        raise NothingKnownError(settings.app_id, settings.broker)
    return state_store


def _families(app_id: str) -> dict[str, Family]:
    """Return the families by the names of their changelogs."""
    return {changelog_name(app_id, family): family for family in Family}


def _take(
    state_store: StateStore,
    tallies: ChangelogTallies,
    families: dict[str, Family],
    record: RawRecord,
) -> Exception | None:
    place = families[record.topic], record.partition
    tallies.of(*place).read(record.offset, record.key, record.value, record.headers)
    return state_store.restore(*place, record.key, record.value, record.timestamp)
