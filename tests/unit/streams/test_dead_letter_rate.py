"""The share of refusals among a family's last records, and the first cause of an alarm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from events.dead_letter_policy import DeadLetterPolicy
from events.dead_letters import RecordOrigin
from events.errors import ContractError, RefusalReason
from streams.dead_letter_rate import DeadLetterCause, DeadLetterRate
from streams.merging import RecordRefusal
from tests.support.passing_time import PassingTime
from tests.support.records import FakeRecord

POLICY = DeadLetterPolicy(window=10, max_share=0.3, max_age_seconds=60)
TYPE = ContractError(RefusalReason.UNKNOWN_TYPE, "type", "x", "send another")
DATA = ContractError(RefusalReason.INVALID_DATA, "data.uai", "x", "send an UAI")

#: What becomes of records in the order of reading; None: taken.
Outcomes = list[ContractError | None]
outcomes = st.lists(st.sampled_from([None, None, TYPE, DATA]), max_size=60)


class Family:
    def __init__(self, policy: DeadLetterPolicy = POLICY) -> None:
        self.time = PassingTime()
        self.rate = DeadLetterRate(policy, clock=self.time.clock)
        self._offsets = count()

    def batch(self, *batch: ContractError | None) -> DeadLetterCause | None:
        records = [
            FakeRecord("smartregion.schools", 3, next(self._offsets), None, None) for _ in batch
        ]
        refused = [
            RecordRefusal(record, error)
            for record, error in zip(records, batch, strict=True)
            if error is not None
        ]
        return self.rate.count(records, reversed(refused))


def cut(batch: Outcomes, sizes: Sequence[int]) -> Iterator[Outcomes]:
    for size in sizes:
        yield batch[:size]
        batch = batch[size:]
    yield batch


@given(outcomes, st.lists(st.integers(0, 25), max_size=5))
def test_the_share_is_that_of_the_last_records(reported: Outcomes, sizes: list[int]) -> None:
    family = Family()
    for batch in cut(reported, sizes):
        family.batch(*batch)

    last = reported[-POLICY.window :]
    assert family.rate.share == sum(error is not None for error in last) / POLICY.window


def test_an_alarm_begins_once_with_its_first_record_and_keeps_its_cause() -> None:
    family = Family()

    assert family.batch(None, TYPE, TYPE, TYPE) is None
    cause = family.batch(TYPE, TYPE)

    assert cause == ("unknown_type", "type", RecordOrigin("smartregion.schools", 3, 1))
    assert family.batch(*[DATA] * 10) is None
    alarms = [family.rate.alarm]
    family.batch(*[None] * 7)
    alarms.append(family.rate.alarm)
    assert alarms == [cause, None]


def test_the_first_cause_is_the_most_frequent() -> None:
    family = Family()

    cause = family.batch(DATA, None, TYPE, TYPE, TYPE)

    assert cause is not None
    assert (cause.reason, cause.origin.offset) == ("unknown_type", 2)


def test_each_refusal_has_its_own_age() -> None:
    family = Family()
    family.batch(*[TYPE] * 4)
    family.time.sleep(40)
    family.batch(DATA, DATA)
    family.time.sleep(30)

    assert (family.rate.alarm, family.rate.share) == (None, 0.2)
    again = family.batch(DATA, DATA)
    assert again is not None
    assert again.reason == "invalid_data"


@given(st.text(alphabet="abc.0é", max_size=20))
def test_a_cause_has_no_name_of_the_producer_s(name: str) -> None:
    """A field that no contract has is anybody's word, a number as well."""
    error = ContractError(RefusalReason.INVALID_DATA, f"data.{name}", None, "remove it")

    cause = Family(DeadLetterPolicy(window=1, max_share=0)).batch(error)

    assert cause is not None
    assert set(cause.field.split(".")) <= {"data", "…"}
