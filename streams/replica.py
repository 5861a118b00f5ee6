"""The replica: every entity's state, on all partitions, read from the changelogs.

Workers hold a part each. Who needs the whole (the assessor, a backfill, an export) reads the
changelogs, without a consumer group: it takes no partition from anybody, and nobody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from events.broker_entry import knock
from events.broker_security import PLAINTEXT
from events.errors import BrokerUnreachableError
from events.record_time import TIME_TOLERANCE
from events.registry import Family
from events.topics import changelog_name
from streams.audit.reading import open_reader, read_topics
from streams.errors import StreamsError
from streams.holdings import Holdings

if TYPE_CHECKING:
    from datetime import timedelta

    from catalogue.model import Catalogue
    from events.broker_security import BrokerSecurity
    from streams.audit.reading import TopicReader
    from streams.audit.records import RawRecord
    from streams.settings import Settings

__all__ = [
    "ChangelogUnreadableError",
    "NothingKnownError",
    "Replica",
    "open_replica",
    "read_replica",
]

logger = logging.getLogger(__name__)

#: How often a broker that sends nothing is asked whether it is there, and how long it may take.
ASK_SECONDS = 10.0
ANSWER_SECONDS = 5.0


class ChangelogUnreadableError(StreamsError):
    """A changelog has a record that is no entity's state, of an entity of which no other is."""

    def __init__(self, record: RawRecord, *, cause: Exception) -> None:
        super().__init__(
            f"changelog: {record.topic}[{record.partition}]@{record.offset} is not a state "
            f"({cause}): only this version's workers may write there; check app_id, or whether "
            "something else uses the topic; docs/runbooks/PoisonRecord.md brings the state back"
        )


class NothingKnownError(StreamsError):
    """The changelogs are there and empty."""

    def __init__(self, app_id: str, bootstrap: str) -> None:
        super().__init__(
            f"app_id: the changelogs of {app_id!r} on {bootstrap} hold nothing: run a worker "
            "first, or set SMART_REGION_APP_ID to the application whose workers ran"
        )


class Replica:
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
        tolerance: timedelta = TIME_TOLERANCE,
    ) -> None:
        self.holdings = Holdings(catalogue.terms, tolerance)
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

        One that is no state ends nothing: `holdings.unreadable` tells what is not known for it.
        Raises BrokerUnreachableError where the broker has not answered for `patience` seconds, and
        BrokerEntryError where it does not let us in any more.
        """
        records = self._reader.poll()
        for record in records:
            error = _take(self.holdings, self._families, record)
            if error is not None:
                logger.error(
                    "unreadable state topic=%s partition=%d offset=%d error=%r",
                    record.topic,
                    record.partition,
                    record.offset,
                    error,
                )
        self._listen(heard=bool(records), patience=patience)
        return len(records)

    def lag(self) -> int:
        """Return how many records are left, as far as it is known."""
        return sum(left or 0 for left in self._reader.behind().values())

    def _listen(self, *, heard: bool, patience: float) -> None:
        now = monotonic()
        if heard:
            self._heard_at = self._asked_at = now
        elif now - self._asked_at >= ASK_SECONDS:
            if self._reader.answers(wait_seconds=ANSWER_SECONDS):
                self._heard_at = monotonic()
                self._asked_at = self._heard_at
                return
            asyncio.run(knock(self._bootstrap.split(","), self._security))
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
def open_replica(settings: Settings, catalogue: Catalogue) -> Iterator[Replica]:
    """Give a replica that has read nothing yet, to be polled.

    Raises BrokerUnreachableError or TopicsMissingError.
    """
    families = _families(settings.app_id)
    security = settings.security().pinned()
    with open_reader(settings.broker, list(families), security=security) as reader:
        yield Replica(
            reader,
            catalogue,
            app_id=settings.app_id,
            bootstrap=settings.broker,
            security=security,
            tolerance=settings.tolerance,
        )


def read_replica(settings: Settings, catalogue: Catalogue) -> Holdings:
    """Read the changelogs to their end and return what they hold.

    Raises NothingKnownError where that is nothing, ChangelogUnreadableError, and as `read_topics`.
    """
    holdings = Holdings(catalogue.terms, settings.tolerance)
    families = _families(settings.app_id)
    read = read_topics(settings.broker, topics=list(families), security=settings.security())
    failed = [
        (record, error)
        for record in read
        if (error := _take(holdings, families, record)) is not None
    ]
    unreadable = holdings.unreadable()
    for record, error in failed:
        if (families[record.topic], record.partition) in unreadable:
            raise ChangelogUnreadableError(record, cause=error)
    if not any(holdings.entities().values()):
        raise NothingKnownError(settings.app_id, settings.broker)
    return holdings


def _families(app_id: str) -> dict[str, Family]:
    """Return the families by the names of their changelogs."""
    return {changelog_name(app_id, family): family for family in Family}


def _take(holdings: Holdings, families: dict[str, Family], record: RawRecord) -> Exception | None:
    return holdings.restore(
        families[record.topic], record.partition, record.key, record.value, record.timestamp
    )
