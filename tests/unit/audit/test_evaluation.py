"""Examples worked by hand: what each form of the measure algebra comes to on a day."""

from datetime import date

import pytest

from audit.evaluation import evaluate
from audit.ledger import Ledger
from broker.stored_record import RawRecord
from catalogue.history import Reading
from tests.support.audits import INDICATOR, audited, catalogue_of, raw, reading
from tests.support.histories import uai

PARIS = uai("0750001")
PARIS_2 = uai("0750002")
MEAUX = uai("0770001")

CONNECTED = {"count": "school.connected", "unless": ["school.disconnected", "school.closed"]}
CONNECTED_RATIO = {
    "ratio": {"of": CONNECTED, "over": {"count": "school.registered", "unless": "school.closed"}}
}
WORKSTATIONS = {
    "latest": "workstations",
    "from": ["coworking.opened", "coworking.resized"],
    "unless": "coworking.closed",
}
COMMITTED = {"sum": "amount_cents", "from": "grant.committed"}
FRESH = {
    "fresh": ["dataset.released", "dataset.updated"],
    "unless": "dataset.withdrawn",
    "every": "update_frequency",
    "grace_days": 7,
}
PRIORITY_SHARE = {
    "share": {
        "of": {"audience": ["job_seeker", "early_leaver"]},
        "among": {"count": "training.enrolled"},
    }
}


class TestCount:
    """Counting entities that have a fact."""

    def test_counts_an_entity_from_its_day_on(self) -> None:
        """A lycée connected on a day counts on that day and not on the day before."""
        records = [raw("school.connected", PARIS, "2018-03-01")]

        assert reading(records, CONNECTED, "2018-02-28").numerator == 0
        assert reading(records, CONNECTED, "2018-03-01").numerator == 1

    def test_counts_an_entity_once_whatever_its_facts(self) -> None:
        """A lycée connected twice, on two days, is one lycée."""
        records = [
            raw("school.connected", PARIS, "2018-03-01"),
            raw("school.connected", PARIS, "2019-03-01"),
        ]

        assert reading(records, CONNECTED, "2019-12-31").numerator == 1

    def test_ends_with_a_fact_that_ends_it(self) -> None:
        """A disconnected lycée no longer counts, and counts again when it is connected again."""
        records = [
            raw("school.connected", PARIS, "2018-03-01"),
            raw("school.disconnected", PARIS, "2018-06-01"),
            raw("school.connected", PARIS, "2018-06-15"),
        ]

        counted = [
            reading(records, CONNECTED, day).numerator
            for day in ("2018-05-31", "2018-06-01", "2018-06-14", "2018-06-15")
        ]

        assert counted == [1, 0, 0, 1]

    def test_orders_two_facts_of_one_day_by_their_recording(self) -> None:
        """Of a disconnection and a connection on the same day the later recorded one holds."""
        records = [
            raw("school.connected", PARIS, "2018-03-01", at="2018-03-01T08:00:00"),
            raw("school.disconnected", PARIS, "2018-03-01", at="2018-03-01T09:00:00"),
        ]

        assert reading(records, CONNECTED, "2018-03-01").numerator == 0
        assert reading(records[:1], CONNECTED, "2018-03-01").numerator == 1

    def test_lets_the_end_win_where_all_that_orders_is_equal(self) -> None:
        """Facts of one day, time, source and id tie: the one that the term names last holds."""
        records = [
            raw("school.connected", PARIS, "2018-03-01", id="same"),
            raw("school.disconnected", PARIS, "2018-03-01", id="same"),
        ]

        assert reading(records, CONNECTED, "2018-03-01").numerator == 0

    def test_replaces_by_a_record_that_the_filter_leaves_out(self) -> None:
        """A record that fails the filter sets the level to 0, as one that ends it would."""
        slow = {"count": "school.registered", "where": {"kind": "vocational"}}
        records = [
            raw("school.registered", PARIS, "2016-01-01", kind="vocational"),
            raw("school.registered", PARIS, "2018-01-01", kind="polyvalent"),
        ]

        assert reading(records, slow, "2017-12-31").numerator == 1
        assert reading(records, slow, "2018-01-01").numerator == 0

    def test_filters_flags_as_true_and_false(self) -> None:
        """Only the deliveries whose flag is among the values count."""
        complete = {"count": "equipment.delivered", "where": {"completes_plan": True}}
        records = [
            raw(
                "equipment.delivered",
                f"delivery-{number}",
                "2018-01-01",
                uai=PARIS,
                department="75",
                completes_plan=complete_plan,
            )
            for number, complete_plan in enumerate([True, False, True])
        ]

        assert reading(records, complete, "2018-01-01").numerator == 2

    def test_separates_departments(self) -> None:
        """Each département has its own amount, one without facts has 0, the region has all."""
        records = [
            raw("school.connected", PARIS, "2018-03-01"),
            raw("school.connected", PARIS_2, "2018-03-01"),
            raw("school.connected", MEAUX, "2018-03-01"),
        ]

        counted = audited(records, CONNECTED, "2018-12-31").readings

        amounts = {code: counted[INDICATOR, code].numerator for code in ("75", "77", "95", None)}
        assert amounts == {"75": 2, "77": 1, "95": 0, None: 3}


class TestSum:
    """Adding up amounts."""

    def test_adds_every_record_from_its_day_on(self) -> None:
        """Two commitments of one grant on two days add up, also after the second."""
        records = [
            raw("grant.committed", "G1", "2018-01-10", amount_cents=100_50, department="75"),
            raw("grant.committed", "G1", "2018-02-10", amount_cents=50, department="75"),
        ]

        amounts = [
            reading(records, COMMITTED, day, unit="euros").numerator
            for day in ("2018-01-09", "2018-01-10", "2018-02-10", "2030-01-01")
        ]

        assert amounts == [0, 100_50, 101_00, 101_00]

    def test_leaves_out_what_the_filter_does(self) -> None:
        """A commitment of another call adds nothing, and takes nothing away."""
        measure = {**COMMITTED, "where": {"call": ["shared_workplaces"]}}
        records = [
            raw(
                "grant.committed",
                "G1",
                "2018-01-10",
                amount_cents=7,
                department="75",
                call="shared_workplaces",
            ),
            raw("grant.committed", "G1", "2018-02-10", amount_cents=50, department="75"),
        ]

        assert reading(records, measure, "2018-12-31", unit="euros").numerator == 7

    def test_adds_the_values_of_a_mapping(self) -> None:
        """Hours by audience add up to the hours of all audiences."""
        measure = {"sum": "occupied_hours", "from": "workstation.usage_reported"}

        assert reading([_usage("S1", "2018-01-31")], measure, "2018-12-31").numerator == 30

    def test_ends_each_amount_by_itself(self) -> None:
        """With a window, each amount leaves the sum that many days after its own day."""
        measure = {**COMMITTED, "within_days": 30}
        records = [
            raw("grant.committed", "G1", "2018-01-01", amount_cents=1, department="75"),
            raw("grant.committed", "G1", "2018-01-11", amount_cents=10, department="75"),
        ]

        amounts = [
            reading(records, measure, day, unit="euros").numerator
            for day in ("2018-01-31", "2018-02-01", "2018-02-10", "2018-02-11")
        ]

        assert amounts == [11, 10, 10, 0]

    def test_adds_up_beyond_what_a_column_can_hold(self) -> None:
        """A million of the largest grants are more than 2^63 cents; three rows stand for them."""
        grants = [
            raw("grant.committed", f"grant-{number}", "2018-03-01", amount_cents=1)
            for number in range(3)
        ]
        (term,) = catalogue_of(COMMITTED, unit="euros").terms
        with Ledger(grants, partitions=8) as ledger:
            ledger.settle()
            ledger.database.execute(
                "UPDATE cell SET content = json_set(content, '$.amount_cents', ?)", (2**62 + 1,)
            )

            amounts = evaluate(ledger, term, date(2018, 12, 31)).amounts

        assert sum(amounts.values()) == 3 * (2**62 + 1)


class TestLatest:
    """The last reported level of a field."""

    def test_takes_the_last_level_of_each_entity(self) -> None:
        """A resized site counts with its new size, a closed one not at all."""
        records = [
            raw("coworking.opened", "S1", "2017-01-01", workstations=20),
            raw("coworking.resized", "S1", "2018-01-01", workstations=35),
            raw("coworking.opened", "S2", "2017-06-01", workstations=8),
            raw("coworking.closed", "S2", "2019-01-01"),
        ]

        levels = [
            reading(records, WORKSTATIONS, day).numerator
            for day in ("2017-01-01", "2017-12-31", "2018-01-01", "2019-01-01")
        ]

        assert levels == [20, 28, 43, 35]

    def test_takes_the_level_of_the_latest_day_not_of_the_latest_record(self) -> None:
        """A late report about an earlier day does not undo the report of a later day."""
        records = [
            raw("coworking.opened", "S1", "2017-01-01", workstations=20),
            raw("coworking.resized", "S1", "2018-06-01", workstations=50),
            raw("coworking.resized", "S1", "2018-01-01", workstations=35, at="2018-09-01T00:00:00"),
        ]

        assert reading(records, WORKSTATIONS, "2018-05-31").numerator == 35
        assert reading(records, WORKSTATIONS, "2018-12-31").numerator == 50


class TestFresh:
    """What was reported recently enough."""

    @pytest.mark.parametrize(
        ("frequency", "last_day"),
        [
            ("daily", "2018-01-09"),
            ("weekly", "2018-01-15"),
            ("monthly", "2018-02-08"),
            ("quarterly", "2018-04-10"),
            ("annual", "2019-01-09"),
        ],
    )
    def test_ends_after_its_frequency_and_grace(self, frequency: str, last_day: str) -> None:
        """A dataset of 2018-01-01 is fresh its frequency's days and the grace after, no longer."""
        records = [raw("dataset.released", "D1", "2018-01-01", update_frequency=frequency)]
        last = date.fromisoformat(last_day)

        on_it = reading(records, FRESH, last_day, grain="region")
        after = reading(records, FRESH, last.replace(day=last.day + 1).isoformat(), grain="region")

        assert (on_it.numerator, after.numerator) == (1, 0)

    def test_never_ends_what_has_no_frequency(self) -> None:
        """A dataset updated irregularly stays fresh."""
        records = [raw("dataset.released", "D1", "2018-01-01", update_frequency="irregular")]

        assert reading(records, FRESH, "2098-01-01", grain="region").numerator == 1

    def test_begins_again_with_an_update_that_borrows_the_frequency(self) -> None:
        """An update, which has no frequency, is fresh as long as by the release's."""
        records = [
            raw("dataset.released", "D1", "2018-01-01"),
            raw("dataset.updated", "D1", "2018-06-01"),
        ]

        fresh = [
            reading(records, FRESH, day, grain="region").numerator
            for day in ("2018-05-31", "2018-06-01", "2018-07-09", "2018-07-10")
        ]

        assert fresh == [0, 1, 1, 0]

    def test_does_not_fall_back_on_an_older_level(self) -> None:
        """Once an update has expired, a release with longer to go does not count instead."""
        records = [
            raw("dataset.released", "D1", "2018-01-01", update_frequency="annual"),
            raw("dataset.released", "D1", "2018-02-01", update_frequency="daily"),
        ]

        assert reading(records, FRESH, "2018-03-01", grain="region").numerator == 0

    def test_never_ends_an_update_without_a_release(self) -> None:
        """An update whose release is not known has no frequency, and stays."""
        records = [raw("dataset.updated", "D1", "2018-06-01")]

        assert reading(records, FRESH, "2030-01-01", grain="region").numerator == 1


class TestRatioAndShare:
    """Two terms, one over the other."""

    def test_gives_both_terms(self) -> None:
        """One lycée of two is connected; the closed one is in neither term."""
        closed = uai("0750003")
        records = [
            *(raw("school.registered", code, "2016-01-01") for code in (PARIS, PARIS_2, closed)),
            raw("school.connected", PARIS, "2018-03-01"),
            raw("school.connected", closed, "2018-03-01"),
            raw("school.closed", closed, "2018-08-31"),
        ]

        assert reading(records, CONNECTED_RATIO, "2018-12-31", unit="ratio") == Reading(
            1, 2, date(2018, 8, 31)
        )

    def test_gives_zero_over_zero_where_nothing_was_reported(self) -> None:
        """Without facts both terms are 0, and nothing was reported."""
        assert reading([], CONNECTED_RATIO, "2018-12-31", unit="ratio") == Reading(0, 0, None)

    def test_shares_among_the_same_entities(self) -> None:
        """Two of three enrolments are of a priority audience."""
        records = [
            raw("training.enrolled", f"enrolment-{number:08}", "2018-01-01", audience=audience)
            for number, audience in enumerate(["job_seeker", "employee", "early_leaver"])
        ]

        shared = reading(records, PRIORITY_SHARE, "2018-12-31", unit="ratio", department="77")

        assert (shared.numerator, shared.denominator) == (2, 3)


class TestBorrowing:
    """Fields that a fact leaves to the fact that defines its entity."""

    def test_borrows_the_department(self) -> None:
        """A completed training counts where its enrolment was."""
        records = [
            raw("training.enrolled", "enrolment-00000001", "2018-01-01", department="95"),
            raw("training.completed", "enrolment-00000001", "2018-06-01"),
        ]

        completed = audited(records, {"count": "training.completed"}, "2018-12-31").readings

        assert completed[INDICATOR, "95"].numerator == 1

    def test_borrows_whatever_the_day(self) -> None:
        """The enrolment's last correction holds, even one that takes effect after the day asked."""
        records = [
            raw("training.enrolled", "enrolment-00000001", "2018-01-01", department="95"),
            raw("training.completed", "enrolment-00000001", "2018-06-01"),
            raw("training.enrolled", "enrolment-00000001", "2019-01-01", department="77"),
        ]

        completed = audited(records, {"count": "training.completed"}, "2018-12-31").readings

        assert completed[INDICATOR, "77"].numerator == 1

    def test_borrows_nothing_from_a_retracted_definition(self) -> None:
        """When the latest enrolment is taken back, the one before it lends its fields."""
        records = [
            raw("training.enrolled", "enrolment-00000001", "2018-01-01", department="95"),
            raw("training.completed", "enrolment-00000001", "2018-06-01"),
            raw("training.enrolled", "enrolment-00000001", "2019-01-01", department="77"),
            raw(
                "training.enrolled",
                "enrolment-00000001",
                "2019-01-01",
                department="77",
                at="2019-02-01T12:00:00",
                retracted=True,
            ),
        ]

        completed = audited(records, {"count": "training.completed"}, "2018-12-31").readings

        assert completed[INDICATOR, "95"].numerator == 1

    def test_counts_an_entity_without_department_for_the_region_alone(self) -> None:
        """A completion without its enrolment is the region's, and no département's."""
        records = [raw("training.completed", "enrolment-00000001", "2018-06-01")]

        counted = audited(records, {"count": "training.completed"}, "2018-12-31").readings

        amounts = {code: found.numerator for (_, code), found in counted.items()}
        assert amounts.pop(None) == 1
        assert set(amounts.values()) == {0}

    def test_borrows_by_filter_too(self) -> None:
        """A completion is filtered by its enrolment's audience."""
        measure = {"count": "training.completed", "where": {"audience": "job_seeker"}}
        records = [
            raw("training.enrolled", "enrolment-00000001", "2018-01-01"),
            raw("training.completed", "enrolment-00000001", "2018-06-01"),
            raw("training.completed", "enrolment-00000002", "2018-06-01"),
        ]

        assert reading(records, measure, "2018-12-31").numerator == 1


class TestBreakdown:
    """Numerators by category."""

    def test_splits_by_a_field(self) -> None:
        """Enrolments by audience: each closed value is there, in each territory."""
        records = [
            raw("training.enrolled", "enrolment-00000001", "2018-01-01", audience="employee"),
            raw("training.enrolled", "enrolment-00000002", "2018-01-01", audience="employee"),
            raw(
                "training.enrolled",
                "enrolment-00000003",
                "2018-01-01",
                audience="other",
                department="75",
            ),
        ]

        found = audited(records, {"count": "training.enrolled"}, "2018-12-31", breakdown="audience")

        assert found.readings[INDICATOR, None].numerator == 3
        assert found.categories[INDICATOR, "employee", None] == 2
        assert found.categories[INDICATOR, "other", "75"] == 1
        assert found.categories[INDICATOR, "other", "93"] == 0
        assert found.categories[INDICATOR, "job_seeker", None] == 0

    def test_splits_by_the_keys_of_a_mapping(self) -> None:
        """Occupied hours by audience, which are the mapping's keys."""
        measure = {"sum": "occupied_hours", "from": "workstation.usage_reported"}

        found = audited(
            [_usage("S1", "2018-01-31")], measure, "2018-12-31", breakdown="occupied_hours"
        )

        assert found.readings[INDICATOR, None].numerator == 30
        assert found.categories[INDICATOR, "company", "94"] == 20
        assert found.categories[INDICATOR, "employee", "94"] == 10


class TestLastReported:
    """The last day on which a fact behind the figure took effect."""

    def test_is_the_latest_effective_day_up_to_the_day(self) -> None:
        """A fact that takes effect later does not count as a report yet."""
        records = [
            raw("school.connected", PARIS, "2018-03-01"),
            raw("school.connected", PARIS_2, "2018-05-01"),
        ]

        assert reading(records, CONNECTED, "2018-04-30").last_reported == date(2018, 3, 1)

    def test_is_reported_by_department(self) -> None:
        """Each département has its own last report; the region has the latest of all."""
        records = [
            raw("school.connected", PARIS, "2018-03-01"),
            raw("school.disconnected", MEAUX, "2018-05-01"),
        ]

        found = audited(records, CONNECTED, "2018-12-31").readings

        days = [found[INDICATOR, code].last_reported for code in ("75", "77", "95", None)]
        assert days == [date(2018, 3, 1), date(2018, 5, 1), None, date(2018, 5, 1)]


def _usage(site: str, end: str) -> RawRecord:
    return raw(
        "workstation.usage_reported",
        site,
        end,
        period_start="2018-01-01",
        department="94",
        available_hours=100,
        occupied_hours={"company": 20, "employee": 10},
    )
