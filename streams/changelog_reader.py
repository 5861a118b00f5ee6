"""The changelog reader: restores the states of all partitions from the changelogs.

Each worker has the states of its own partitions. Processes that need all of them (the assessor, a
backfill, an export) read the changelogs without a consumer group, so they cause no rebalance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby, islice
from operator import itemgetter
from time import monotonic

from boundary.errors import SmartRegionError
from boundary.work_folder import WorkFolder
from broker.answer_watch import AnswerWatch
from broker.compression import BatchUnreadableError
from broker.reading import FOLLOW_WAIT_MS, TopicReader, open_reader, read_topics
from broker.security import PLAINTEXT, BrokerSecurity
from broker.stored_record import RawRecord
from catalogue.model import Catalogue
from catalogue.terms import Term
from events.fact import Family
from events.record_rules import RULES, RecordRules
from events.records import UnreadableValue
from events.topics import changelog_name
from streams.changelog_check import ChangelogCheck
from streams.changelog_tally import ChangelogTallies
from streams.dated_sums import DatedSums
from streams.folded_states import FoldedStates
from streams.restoring import RESTORE_STEP, log_unreadable, restore_records
from streams.settings import Settings
from streams.spooled_tally import SpooledTallies
from streams.state_spool import SpooledState, StateSpool
from streams.state_store import StateStore
from streams.topic_faults import TopicFault, summary_of

#: The interval between two looks whether lost states were rebuilt.
CHECK_INTERVAL_SECONDS = 10.0


class ChangelogUnreadableError(SmartRegionError):
    """The only changelog record of an entity cannot be decoded."""

    def __init__(self, record: RawRecord, *, cause: Exception) -> None:
        super().__init__(
            f"changelog: {record.topic}[{record.partition}]@{record.offset} is not a state "
            f"({cause}): only this version's workers may write there; check app_id, or whether "
            "something else uses the topic; docs/runbooks/PoisonRecord.md brings the state back"
        )


class ChangelogsEmptyError(SmartRegionError):
    """The changelogs exist and are empty."""

    def __init__(self, app_id: str, bootstrap: str) -> None:
        super().__init__(
            f"app_id: the changelogs of {app_id!r} on {bootstrap} hold nothing: run a worker "
            "first, or set SMART_REGION_APP_ID to the application whose workers ran"
        )


class StatesLostError(SmartRegionError):
    """A changelog lacks records that the workers wrote to it."""

    def __init__(self, faults: Sequence[TopicFault]) -> None:
        super().__init__(
            f"changelog: {'; '.join(map(str, faults))}: figures of what is left would be wrong: "
            "rebuild the states (`smart-region rebuild`), then run it again"
        )


class StatesRebuiltError(SmartRegionError):
    """Lost states are being rebuilt: what was read before is outdated."""

    def __init__(self, app_id: str) -> None:
        super().__init__(
            f"app_id: the states of {app_id!r} are being rebuilt since this process read them: it "
            "ends, and reads them again when it is started again"
        )


class ChangelogReader:
    """The state store of all partitions, restored as far as the changelogs have been read.

    Records are merged as in a worker's recovery: a record of a worker that no longer owned its
    partition removes nothing.
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
        """Create a changelog reader; without `check`, losses are not detected."""
        self.state_store = StateStore(catalogue.terms, rules)
        self.faults: Sequence[TopicFault] = ()
        self._tallies = ChangelogTallies()
        self._check = check
        self._app_id = app_id
        self._is_checked = False
        self._checked_at = 0.0
        self._reader = reader
        self._families = _families(app_id)
        self._watch = AnswerWatch(reader, bootstrap, security=security)

    @property
    def sums(self) -> DatedSums:
        """The state store, for whoever judges it."""
        return self.state_store

    def waiting_for(self) -> str | None:
        """Return why the states may not be judged yet, or any more; None where all is read."""
        unreadable = sum(self.state_store.unreadable().values())
        if unreadable:
            return f"states that can be read ({unreadable} cannot; the log names the records)"
        if self.faults:
            return f"a rebuild of lost states: {summary_of(self.faults)}"
        return None if self.caught_up else f"the changelogs ({self.lag()} records to go)"

    def overdue(self) -> int:
        """Return 0: a changelog does not tell what its worker has still to process."""
        return 0

    def ages(self) -> Mapping[int, float]:
        """Return nothing: nobody confirms a changelog."""
        return {}

    def unknown(self) -> Mapping[Term, str]:
        """Return nothing: states have whatever a term reads."""
        return {}

    @property
    def caught_up(self) -> bool:
        """True once every changelog has been read to its end offset."""
        return self._reader.caught_up

    def poll(self, *, timeout: float) -> int:
        """Restore the records of one poll and return their number.

        `state_store.unreadable` counts records that cannot be decoded. Raises
        BrokerUnreachableError where the broker has not answered for `timeout` seconds,
        BrokerEntryError where it refuses this client, and StatesRebuiltError.
        """
        records = self._reader.poll()
        for record, error in _restore(self.state_store, self._tallies, self._families, records):
            log_unreadable(record, error)
        self._watch.check(received=bool(records), timeout=timeout)
        self._check_states()
        return len(records)

    def lag(self) -> int:
        """Return the number of records to read, without partitions whose end is unknown."""
        return sum(left or 0 for left in self._reader.behind().values())

    def _check_states(self) -> None:
        """Check the states once all are read; where some are lost, check for a rebuild."""
        if self._check is None or not self.caught_up:
            return
        now = monotonic()
        if not self._is_checked:
            self.faults = self._check.faults(self._tallies.of)
            self._is_checked, self._checked_at = True, now
        elif self.faults and now - self._checked_at >= CHECK_INTERVAL_SECONDS:
            self._checked_at = now
            if self._check.is_rebuilt():
                raise StatesRebuiltError(self._app_id)


@contextmanager
def open_changelogs(settings: Settings, catalogue: Catalogue) -> Iterator[ChangelogReader]:
    """Yield a changelog reader that has not read anything yet.

    Raises TopicsMissingError, and as `ChangelogCheck`.
    """
    families = _families(settings.app_id)
    security = settings.security().pinned()
    check = ChangelogCheck(settings)
    with open_reader(
        settings.broker, list(families), security=security, fetch_wait_ms=FOLLOW_WAIT_MS
    ) as reader:
        yield ChangelogReader(
            reader,
            catalogue,
            app_id=settings.app_id,
            bootstrap=settings.broker,
            security=security,
            rules=settings.record_rules(),
            check=check,
        )


def read_changelogs(
    settings: Settings, catalogue: Catalogue, families: Collection[Family] = tuple(Family)
) -> FoldedStates:
    """Read the changelogs of some families to their end and return the sums of their states.

    A part of the states is in memory at a time; all of them are in the work folder of the settings.

    Raises ChangelogsEmptyError where there is no state, StatesLostError where states are missing,
    ChangelogUnreadableError, WorkFolderFullError, and the errors of `ChangelogCheck` and
    `read_topics`.
    """
    check = ChangelogCheck(settings)
    names = {name: one for name, one in _families(settings.app_id).items() if one in families}
    folded = FoldedStates(catalogue.terms, settings.record_rules())
    tallies = SpooledTallies()
    with StateSpool(WorkFolder(settings.work_folder, settings.work_mb)) as spool:
        _spool(
            read_topics(
                settings.broker,
                topics=list(names),
                security=settings.security(),
                partitions=settings.partitions,
            ),
            names,
            spool,
            tallies,
        )
        for part in spool.parts():
            _fold(part, settings.app_id, folded, tallies)
    faults = check.faults(tallies.of, families)
    if faults:
        raise StatesLostError(faults)
    if not any(folded.entities().values()):
        raise ChangelogsEmptyError(settings.app_id, settings.broker)
    return folded


def _spool(
    records: Iterable[RawRecord],
    families: Mapping[str, Family],
    spool: StateSpool,
    tallies: SpooledTallies,
) -> None:
    """Write changelog records to the spool. Raises ChangelogUnreadableError."""
    for record in records:
        key, value = record.key, record.value
        if isinstance(value, UnreadableValue):
            raise ChangelogUnreadableError(record, cause=BatchUnreadableError(value.cause))
        if key is not None:
            family = families[record.topic]
            tallies.of(family, record.partition).see(record.offset, record.headers)
            spool.add(
                family,
                record.partition,
                key,
                value,
                offset=record.offset,
                timestamp=record.timestamp,
            )


def _fold(
    part: Iterable[SpooledState], app_id: str, folded: FoldedStates, tallies: SpooledTallies
) -> None:
    """Restore the states of a part. Raises ChangelogUnreadableError."""
    by_partition: dict[tuple[Family, int], list[RawRecord]] = defaultdict(list)
    for family, partition, offset, timestamp, key, value in part:
        topic = changelog_name(app_id, family)
        record = RawRecord(topic, partition, offset, key, value, timestamp=timestamp)
        by_partition[family, partition].append(record)
    state_store = folded.part()
    for (family, partition), records in by_partition.items():
        tallies.of(family, partition).add(records)
        failed = state_store.restore_all(family, partition, records)
        if (family, partition) in state_store.unreadable():
            record, error = failed[0]
            raise ChangelogUnreadableError(record, cause=error)
    folded.add(state_store)


def _families(app_id: str) -> dict[str, Family]:
    """Return the families by the names of their changelogs."""
    return {changelog_name(app_id, family): family for family in Family}


def _restore(
    state_store: StateStore,
    tallies: ChangelogTallies,
    families: dict[str, Family],
    records: Iterable[RawRecord],
) -> Iterator[tuple[RawRecord, Exception]]:
    """Restore records of any partitions in their order; yield the unreadable ones, and why."""
    for (topic, partition), run in groupby(records, itemgetter(0, 1)):
        family = families[topic]
        tally = tallies.of(family, partition)
        while step := list(islice(run, RESTORE_STEP)):
            yield from restore_records(state_store, tally, family, partition, step)
