"""Changelog records restored together: all comes out as if they were restored one by one."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from broker.stored_record import RawRecord
from catalogue.loader import load_catalogue
from catalogue.terms import Term
from events.fact import Family
from events.producers.loader import load_producers
from events.record_rules import RULES, RecordRules
from events.records import UnreadableValue
from streams.changelog_tally import SUMMARY_HEADER, ChangelogTally, Summary
from streams.restoring import restore_records
from streams.state import cell_of, day_of, encode_state
from streams.state_store import StateStore
from tests.support.histories import ENTITIES, events_of, state_of

PARTITION = 0
SCHOOLS = Family.SCHOOLS
#: In milliseconds: before and after the times of the generated events; -1 for none.
TIMESTAMPS = (-1, 1_400_000_000_000, 1_560_000_000_000, 1_700_000_000_000)
OWNED = RecordRules(ownership=load_producers().ownership)
FOREIGN = (
    b"",
    b"{}",
    b"[]",
    b"\xff",
    b'{"f": {}}',
    b'{"f": {"soon": [1, "s", "a", {}]}}',
    b'{"f": {"2018-03-01": [1, "s"]}}',
    b'{"f": {"2018-03-01": [1.5, "s", "a", {}]}}',
    b'{"f": {"2018-03-01": [1, ["s"], "a", {}]}}',
)


@cache
def terms() -> tuple[Term, ...]:
    """Return the terms of the catalogue that we ship."""
    return load_catalogue().terms


def values(family: Family) -> st.SearchStrategy[bytes | None]:
    """Return the values of changelog records of one family: most are states."""
    some_events = st.lists(events_of(family), min_size=1, max_size=4)
    states = some_events.map(lambda events: encode_state(state_of(*events)))
    others = st.sampled_from([*FOREIGN, None, UnreadableValue("damaged")])
    return st.one_of(states, states, states, foreign(family), others)


@st.composite
def foreign(draw: st.DrawFn, family: Family) -> bytes:
    """Return a state of the family's facts, with attributes or a day that no contract allows."""
    event = draw(events_of(family))
    cell, fact = cell_of(event), event.fact
    odd = draw(st.sampled_from([75, 0.5, "75", True, [1]]))
    attributes = draw(st.sampled_from([[1], dict.fromkeys(fact.attributes(), odd)]))
    usual = day_of(fact.effective_day)
    days = draw(st.sampled_from([["soon"], [usual], ["2017-05-05", usual]]))
    return to_json({fact.NAME: dict.fromkeys(days, (*cell[:3], attributes))})


def logs(family: Family) -> st.SearchStrategy[list[RawRecord]]:
    """Return changelogs of one partition, with and without a summary in their records."""
    keys = [entity.encode() for entity in ENTITIES[family]]
    summary = Summary(offset=1, entities=1, checksum=1, events_end=7).encode()
    rows = st.tuples(
        st.sampled_from([*keys, *keys, None, b"\xff"]),
        values(family),
        st.sampled_from(TIMESTAMPS),
        st.sampled_from([(), (), ((SUMMARY_HEADER, summary),)]),
    )
    return st.lists(rows, max_size=8).map(
        lambda drawn: [
            RawRecord("changelog", PARTITION, offset, key, value, headers, timestamp)
            for offset, (key, value, timestamp, headers) in enumerate(drawn)
        ]
    )


def held(state_store: StateStore, family: Family) -> dict[str, object]:
    """Return all that a store says of a family's partition."""
    return {
        "states": dict(state_store.states(family, PARTITION)),
        "series": state_store.fold.contents(family, PARTITION),
        "sizes": state_store.sizes(family, PARTITION),
        "repairs": state_store.repairs_of(family, PARTITION),
        "to reprocess": state_store.to_reprocess(),
        "restored": state_store.restored,
        "left out": (state_store.cells_ahead, state_store.cells_not_owned),
        "said": state_store.said_since(0, PARTITION),
        "mismatches": state_store.mismatches(family, PARTITION),
    }


@settings(max_examples=300)
@given(
    data=st.data(),
    family=st.sampled_from(Family),
    rules=st.sampled_from([RULES, OWNED]),
    step=st.integers(1, 8),
)
def test_records_together_are_restored_as_one_by_one(
    data: st.DataObject, family: Family, rules: RecordRules, step: int
) -> None:
    """States, figures, what is left out, and what cannot be read."""
    log = data.draw(logs(family))
    alone, alone_tally = StateStore(terms(), rules), ChangelogTally()
    failed = []
    for record in log:
        alone_tally.read(record.offset, record.key, record.value, record.headers)
        error = alone.restore(family, PARTITION, record.key, record.value, record.timestamp)
        if error is not None:
            failed.append((record, type(error)))
    together, tally = StateStore(terms(), rules), ChangelogTally()
    failed_together = [
        (record, type(error))
        for start in range(0, len(log), step)
        for record, error in restore_records(
            together, tally, family, PARTITION, log[start : start + step]
        )
    ]

    assert held(together, family) == held(alone, family)
    assert failed_together == failed
    assert vars(tally) == vars(alone_tally)


@pytest.mark.parametrize("days", [["2018-03-01"], ["2018-03-01", "2018-04-01"]])
def test_a_foreign_amount_never_reaches_the_figures(days: list[str]) -> None:
    """A state of any number of days is verified before it is folded."""
    state_store = StateStore(terms())
    cell = (1, "urn:iledefrance:lycees", "a", {"department": 75})
    value = to_json({"school.connected": dict.fromkeys(days, cell)})
    record = RawRecord("changelog", PARTITION, 0, b"0750001X", value)

    failed = restore_records(state_store, ChangelogTally(), SCHOOLS, PARTITION, [record])

    assert [one for one, _ in failed] == [record]
    assert state_store.fold.contents(SCHOOLS, PARTITION) == {}
