"""What the audit makes of corrections, retractions, late records, duplicates and disorder."""

import sqlite3
from collections.abc import Iterator
from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.ledger import Ledger
from audit.recount import Audit, audit_ledger, audit_records
from boundary.work_folder import WorkFolder
from broker.stored_record import RawRecord
from catalogue.loader import load_catalogue
from events.dead_letters import RecordOrigin
from events.fact import Family
from streams.dead_letters import FORWARDED_FROM
from tests.support.audits import INDICATOR, audited, catalogue_of, raw, raw_record, reading
from tests.support.histories import histories, uai

PARIS = uai("0750001")
MEAUX = uai("0770001")
CONNECTED = {"count": "school.connected", "unless": "school.disconnected"}
WORKSTATIONS = {"latest": "workstations", "from": ["coworking.opened", "coworking.resized"]}
COPY = (FORWARDED_FROM, b"smartregion.schools:3:17")


def account(*records: RawRecord) -> dict[str, int]:
    """Return the counts of an account that are not 0."""
    counted = audited(records, CONNECTED, "2020-12-31").account
    counts = counted.model_dump(exclude={"refusals"})
    return {name: count for name, count in counts.items() if count}


class TestCorrections:
    """Later records about a day that an earlier record was about."""

    def test_takes_the_record_of_the_latest_time(self) -> None:
        """A correction of the same day replaces what was said of that day."""
        records = [
            raw("coworking.opened", "S1", "2018-01-01", workstations=20),
            raw("coworking.opened", "S1", "2018-01-01", workstations=12, at="2018-01-05T00:00:00"),
        ]

        assert reading(records, WORKSTATIONS, "2018-01-01").numerator == 12
        assert reading(records[::-1], WORKSTATIONS, "2018-01-01").numerator == 12

    def test_orders_records_of_one_instant_by_source_then_id(self) -> None:
        """At the same time the greater source wins, then the greater id."""
        values = [("/a", "9", 1), ("/b", "1", 2), ("/b", "2", 3)]
        records = [
            raw("coworking.opened", "S1", "2018-01-01", source=source, id=number, workstations=size)
            for source, number, size in values
        ]

        assert reading(records, WORKSTATIONS, "2018-01-01").numerator == 3
        assert reading(records[:2], WORKSTATIONS, "2018-01-01").numerator == 2

    def test_takes_the_greater_content_where_an_id_was_used_twice(self) -> None:
        """Two contents under one time, source and id: the greater canonical JSON, in any order."""
        records = [
            raw("coworking.opened", "S1", "2018-01-01", id="same", workstations=size)
            for size in (30, 4)
        ]

        assert reading(records, WORKSTATIONS, "2018-01-01").numerator == 4
        assert reading(records[::-1], WORKSTATIONS, "2018-01-01").numerator == 4


class TestRetractions:
    """Records that take a day back."""

    def test_voids_its_day_alone(self) -> None:
        """After a retraction the level of the day before holds again."""
        records = [
            raw("coworking.opened", "S1", "2017-01-01", workstations=20),
            raw("coworking.resized", "S1", "2018-01-01", workstations=35),
            raw(
                "coworking.resized",
                "S1",
                "2018-01-01",
                workstations=35,
                retracted=True,
                at="2018-02-01T00:00:00",
            ),
        ]

        assert reading(records, WORKSTATIONS, "2018-12-31").numerator == 20

    def test_revives_what_the_voided_fact_had_ended(self) -> None:
        """A disconnection taken back leaves the lycée connected."""
        records = [
            raw("school.connected", PARIS, "2018-01-01"),
            raw("school.disconnected", PARIS, "2018-03-01"),
            raw(
                "school.disconnected", PARIS, "2018-03-01", retracted=True, at="2018-04-01T00:00:00"
            ),
        ]

        assert reading(records, CONNECTED, "2018-12-31").numerator == 1

    def test_keeps_older_records_of_the_day_out(self) -> None:
        """A record older than the retraction that arrives after it stays without effect."""
        records = [
            raw("school.connected", PARIS, "2018-01-01", retracted=True, at="2018-02-01T00:00:00"),
            raw("school.connected", PARIS, "2018-01-01"),
        ]

        assert reading(records, CONNECTED, "2018-12-31").numerator == 0

    def test_yields_to_a_newer_record(self) -> None:
        """A record newer than the retraction states the day again."""
        records = [
            raw("school.connected", PARIS, "2018-01-01", retracted=True, at="2018-02-01T00:00:00"),
            raw("school.connected", PARIS, "2018-01-01", at="2018-03-01T00:00:00"),
        ]

        assert reading(records, CONNECTED, "2018-12-31").numerator == 1

    def test_is_no_report(self) -> None:
        """A voided day does not count as the last report."""
        records = [
            raw("school.connected", PARIS, "2018-01-01"),
            raw("school.connected", PARIS, "2018-02-01", retracted=True),
        ]

        assert reading(records, CONNECTED, "2018-12-31").last_reported == date(2018, 1, 1)


class TestKnownOn:
    """What was known at the end of a day."""

    def test_knows_a_late_record_only_from_its_recording_on(self) -> None:
        """A connection of January recorded in March is not yet known in February."""
        records = [raw("school.connected", PARIS, "2018-01-01", at="2018-03-01T00:00:00")]

        def known(day: str) -> int:
            return reading(records, CONNECTED, "2018-01-31", known_on=day).numerator

        assert known("2018-02-28") == 0
        assert known("2018-03-01") == 1
        assert reading(records, CONNECTED, "2018-01-31").numerator == 1

    def test_knows_records_to_the_last_microsecond_of_the_day(self) -> None:
        """The day ends at midnight UTC, which belongs to the next."""
        records = [
            raw("school.connected", PARIS, "2018-01-01", at="2018-01-01T23:59:59.999999"),
            raw("school.connected", MEAUX, "2018-01-01", at="2018-01-02T00:00:00"),
        ]

        assert reading(records, CONNECTED, "2018-01-01", known_on="2018-01-01").numerator == 1

    def test_gives_the_level_before_a_later_correction(self) -> None:
        """As known before the correction, the corrected record still holds."""
        records = [
            raw("coworking.opened", "S1", "2018-01-01", workstations=20),
            raw("coworking.opened", "S1", "2018-01-01", workstations=12, at="2018-01-05T00:00:00"),
        ]

        assert reading(records, WORKSTATIONS, "2018-01-31", known_on="2018-01-04").numerator == 20

    def test_lets_one_ledger_answer_for_several_days(self) -> None:
        """A ledger answers again as if it had never been asked before."""
        late = raw("school.connected", PARIS, "2018-01-01", at="2018-03-01T00:00:00")
        catalogue = catalogue_of(CONNECTED)

        with Ledger([late], partitions=8) as ledger:
            audits = [
                audit_ledger(ledger, catalogue, date(2018, 1, 31), known_on)
                for known_on in (date(2018, 3, 1), date(2018, 2, 1), None)
            ]

        assert [found.readings[INDICATOR, "75"].numerator for found in audits] == [1, 0, 1]


class TestAccount:
    """What became of the records."""

    def test_accepts_what_is_valid(self) -> None:
        """Two events are produced and accepted."""
        records = [raw("school.connected", PARIS, "2018-01-01") for _ in range(2)]

        assert account(*records) == {"produced": 2, "accepted": 2}

    def test_counts_an_event_once(self) -> None:
        """The same source and id again is a duplicate, even of another fact on another topic."""
        records = [
            raw("school.connected", PARIS, "2018-01-01", id="1", source="/one"),
            raw("school.connected", PARIS, "2018-01-01", id="1", source="/one"),
            raw("dataset.released", "D1", "2018-01-01", id="1", source="/one"),
            raw("school.connected", PARIS, "2018-01-01", id="1", source="/other"),
        ]

        assert account(*records) == {"produced": 4, "accepted": 2, "duplicates": 2}

    def test_counts_refusals_by_reason(self) -> None:
        """What the contracts refuse is produced and refused, with its reason."""
        good = raw("school.connected", PARIS, "2018-01-01")
        records = [
            good,
            good._replace(value=None),
            good._replace(value=b"{"),
            good._replace(topic="smartregion.grants"),
        ]

        counted = audited(records, CONNECTED, "2018-12-31").account

        assert (counted.produced, counted.accepted, counted.refused) == (4, 1, 3)
        assert counted.refusals == {"null_value": 1, "invalid_json": 1, "wrong_topic": 1}

    def test_refuses_unread_what_was_skipped(self) -> None:
        """As workers do, on an operator's word; its copy is nobody's product."""
        good, other = (raw("school.connected", PARIS, day) for day in ("2018-01-01", "2018-01-02"))
        copy = other._replace(headers=(*other.headers, COPY))
        other, copy = other._replace(offset=901), copy._replace(offset=902)
        skipped = [RecordOrigin(*other[:3]), RecordOrigin(*copy[:3])]

        with Ledger([good, other, copy], partitions=8, skipped=skipped) as ledger:
            counted = ledger.account()

        assert (counted.produced, counted.accepted, counted.refused) == (2, 1, 1)
        assert counted.refusals == {"passed_over": 1}

    def test_does_not_produce_a_forwarded_copy(self) -> None:
        """A worker's copy of a misrouted record is counted apart, however often it is written.

        Its content counts as ever.
        """
        original = raw("school.connected", PARIS, "2018-01-01", partition=-1)
        copy = original._replace(partition=0, headers=(*original.headers, COPY))

        assert account(original, copy, copy._replace(offset=900)) == {
            "produced": 1,
            "accepted": 1,
            "misrouted": 1,
            "forwarded": 2,
        }
        assert reading([copy], CONNECTED, "2018-12-31").numerator == 1

    def test_refuses_no_forwarded_copy(self) -> None:
        """A copy that cannot be read is not among the refused either."""
        copy = raw("school.connected", PARIS, "2018-01-01", headers=[COPY])._replace(value=b"{")

        assert account(copy) == {"forwarded": 1}

    def test_counts_all_records_whatever_was_known(self) -> None:
        """The account is of what was read, also of what was not yet known on the day."""
        late = raw("school.connected", PARIS, "2018-01-01", at="2019-01-01T00:00:00")

        counted = audited([late], CONNECTED, "2018-01-31", known_on="2018-01-31").account

        assert counted.accepted == 1


RECORDS = (
    st.sampled_from(Family)
    .flatmap(histories)
    .map(lambda history: [raw_record(one) for one in history])
)
AS_OF = st.dates(date(2018, 1, 1), date(2019, 12, 31))
CATALOGUE = load_catalogue()


def whole(found: list[RawRecord], as_of: date) -> Audit:
    """Audit the Région's own catalogue."""
    return audit_records(found, CATALOGUE, as_of)


@given(RECORDS, st.randoms(use_true_random=False), AS_OF)
def test_the_order_of_the_records_does_not_matter(
    found: list[RawRecord], chance: Random, as_of: date
) -> None:
    """Every permutation of the records gives the same audit, account included."""
    shuffled = list(found)
    chance.shuffle(shuffled)

    assert whole(shuffled, as_of) == whole(found, as_of)


@given(RECORDS, AS_OF)
def test_records_read_twice_change_no_figure(found: list[RawRecord], as_of: date) -> None:
    """A replay of everything gives the same readings, and only duplicates more."""
    once, twice = whole(found, as_of), whole(found + found, as_of)

    assert (twice.readings, twice.categories) == (once.readings, once.categories)
    assert twice.account.duplicates == once.account.duplicates + len(found)


@given(RECORDS)
def test_the_account_adds_up(found: list[RawRecord]) -> None:
    """Produced is accepted, refused and duplicates, always."""
    broken = [record._replace(value=b"{}") for record in found[::3]]

    counted = whole([*found, *broken], date(2018, 12, 31)).account

    assert counted.produced == counted.accepted + counted.refused + counted.duplicates
    assert counted.refused == len(broken)


def test_a_ledger_that_cannot_be_made_leaves_no_database_open() -> None:
    """What it took in the work folder is free again."""
    opened = []

    class Folder(WorkFolder):
        def connect(self) -> sqlite3.Connection:
            opened.append(super().connect())
            return opened[0]

    def lost() -> Iterator[RawRecord]:
        yield from ()
        raise ConnectionError

    with pytest.raises(ConnectionError):
        Ledger(lost(), partitions=8, work=Folder())

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")
