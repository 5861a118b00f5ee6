"""Events beyond what is kept of one entity, as the audit finds them."""

from __future__ import annotations

import random

import pytest

from broker.stored_record import RawRecord
from events.cloudevent import CloudEvent
from events.errors import RefusalReason
from events.fact import Family
from events.partitioning import partition_for
from operations.audit.fact_numbers import FACT_NUMBERS
from operations.audit.ledger import Ledger
from operations.audit.overgrown import refuse_overgrown
from streams import core
from streams.core import process
from streams.dead_letters import FORWARDED_FROM
from streams.state import EMPTY, EntityState, encode_state
from tests.support.histories import event, uai
from tests.support.records import PARTITIONS, record_of

PARIS = uai("0750001")
HOME = partition_for(PARIS.encode(), PARTITIONS)
MOST = 2500


def raw(one: CloudEvent, *, offset: int, forwarded: bool = False) -> RawRecord:
    """Return an event as it lies on its topic."""
    record = record_of(one)
    headers = [*record.headers, *([(FORWARDED_FROM, b"x")] if forwarded else [])]
    parts = (record.key, record.value, headers, record.timestamp)
    return RawRecord(record.topic, record.partition, offset, *parts)


def shuffled_events(seed: int) -> list[CloudEvent]:
    """Return events of one lycée that grow, shrink, correct, repeat and retract."""
    chance = random.Random(seed)
    sent = []
    for number in range(80):
        day = f"2018-03-{chance.randint(1, 28):02}"
        sent.append(
            event(
                chance.choice(["school.connected", "school.registered"]),
                PARIS,
                day,
                id="i" * chance.choice([1, 30, 200]) + str(number),
                at=f"2019-01-{chance.randint(1, 28):02}T00:00:00",
                retracted=chance.random() < 0.2,
            )
        )
    return sent + chance.sample(sent, 10)


@pytest.mark.parametrize("seed", range(8))
def test_the_audit_refuses_what_a_worker_refuses(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Event by event, whatever the batches; and what is left is what the worker holds."""
    monkeypatch.setattr(core, "ENTITY_MAX_BYTES", MOST)
    events = shuffled_events(seed)
    state: EntityState = EMPTY
    refused = 0
    for one in events:
        result = process(
            [record_of(one)],
            {} if state is EMPTY else {PARIS: state},
            family=Family.SCHOOLS,
            partition=HOME,
            partitions=PARTITIONS,
            sizes={PARIS: len(encode_state(state))},
        )
        refused += len(result.refusals)
        state = result.changed.get(PARIS, state)

    with Ledger(
        [raw(one, offset=at) for at, one in enumerate(events)], partitions=PARTITIONS
    ) as ledger:
        assert refuse_overgrown(ledger.database, most=MOST) == refused > 0
        ledger.settle()
        kept = ledger.database.execute("SELECT fact, id FROM cell ORDER BY fact, day").fetchall()

    assert kept == [
        (FACT_NUMBERS[fact], days[day].id)
        for fact, days in sorted(state.items(), key=lambda one: FACT_NUMBERS[one[0]])
        for day in sorted(days)
        if days[day].attributes is not None
    ]


def test_a_refused_copy_is_the_refusal_of_what_was_misrouted() -> None:
    """The record that was produced counts, once; its copy does not."""
    first = [event("school.connected", PARIS, f"2018-03-{day:02}") for day in range(1, 29)]
    last = event("school.connected", PARIS, "2018-04-01")
    misrouted = raw(last, offset=0)._replace(partition=(HOME + 1) % PARTITIONS)
    records = [
        *(raw(one, offset=at) for at, one in enumerate(first)),
        misrouted,
        raw(last, offset=99, forwarded=True),
    ]

    with Ledger(records, partitions=PARTITIONS) as ledger:
        refused = refuse_overgrown(ledger.database, most=MOST)
        ledger._refusals[RefusalReason.ENTITY_FULL] += refused
        account = ledger.account()

    assert account.produced == 29 == account.accepted + account.refused
    assert account.refused == refused
    assert account.misrouted == 0
