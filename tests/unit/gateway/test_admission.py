"""An item is let in or refused from what it says, who says it and the clock alone."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest

from events.cloudevent import MAX_BYTES, decode, encode_structured
from events.errors import ContractError, RefusalReason
from events.producers.model import Producers
from events.record_rules import RecordRules
from gateway.admission import (
    LONGEST_ATTRIBUTE,
    LONGEST_NAME,
    MOST_MARKS,
    MOST_PARTS,
    Admission,
    AdmittedItem,
    RefusedItem,
    refuse_unbounded,
)
from gateway.http_binding import ReceivedItem, read_delivery
from tests.support.explanations import explained
from tests.support.gateway import (
    NOW,
    PRODUCER,
    PRODUCERS,
    STRUCTURED,
    GatewayHarness,
    admission_of_all,
    closed,
    event,
)
from tests.support.producers import producer

_ATTEMPTS: Final = 5


def leaves_no_cycles(work: Callable[[], object]) -> bool:
    """Return whether work leaves no reference cycles, which only Python's collector would find.

    Tries again if it seems to leave some: lingering threads of other tests may leave cycles too.
    Cycles of the work itself are found each time.
    """
    work()  # Warm up: one-time work happens now.
    return any(not _left_by(work) for _ in range(_ATTEMPTS))


def _left_by(work: Callable[[], object]) -> int:
    gc.collect()
    gc.disable()
    try:
        work()
        return gc.collect()
    finally:
        gc.enable()


ADMISSION = Admission(PRODUCERS, now=lambda: NOW)


def received(body: bytes) -> ReceivedItem:
    [item] = read_delivery({b"content-type": STRUCTURED.encode()}, body).items
    return item


def item(content: Any, *, ascii_only: bool = False) -> ReceivedItem:  # noqa: ANN401 - any JSON
    return received(json.dumps(content, ensure_ascii=ascii_only).encode())


def judged(content: dict[str, Any], *, producer: str = PRODUCER) -> AdmittedItem | RefusedItem:
    return ADMISSION.judge(item(content), producer)


def reason(content: dict[str, Any], *, producer: str = PRODUCER) -> RefusalReason:
    found = judged(content, producer=producer)
    assert isinstance(found, RefusedItem)
    return found.error.reason


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"\xff"}',
        b'{"a":"',
        b'{"a":1,"a":2}',
        json.dumps(event(data={"x": 1})).encode(),
        json.dumps(event(time="x")).encode(),
        json.dumps(event()).encode(),
    ],
)
def test_nothing_of_a_body_stays_behind(body: bytes) -> None:
    """Else it would stay until the next search for cycles, and thousands of others with it."""
    assert leaves_no_cycles(lambda: ADMISSION.judge(received(body), PRODUCER))


@pytest.mark.parametrize("size", [MAX_BYTES - 40, MAX_BYTES - 39, MAX_BYTES - 38, MAX_BYTES])
def test_an_event_is_as_large_here_as_for_workers(size: int) -> None:
    """They count the record's headers: what they refuse for its size gets no receipt."""
    body = json.dumps(event()).encode().ljust(size)
    sent = received(body)

    found = ADMISSION.judge(sent, PRODUCER)

    if isinstance(found, AdmittedItem):
        decode(found.record.headers, found.record.value)
    else:
        assert found.error.reason is RefusalReason.TOO_LARGE
        with pytest.raises(ContractError, match="larger than any event"):
            decode(sent.headers, sent.value)


def test_a_producer_sends_its_own_sources_only() -> None:
    assert reason(event(source="/subventions")) is RefusalReason.NOT_ALLOWED
    assert reason(event(), producer="subventions") is RefusalReason.NOT_ALLOWED


def test_a_producer_sends_its_own_types_only() -> None:
    assert isinstance(judged(closed()), AdmittedItem)
    registered = event(
        type="fr.iledefrance.smartregion.school.workspace_activated.v1",
        data={"uai": "0750652B", "activated_on": "2026-03-10"},
    )
    assert reason(registered) is RefusalReason.NOT_ALLOWED


def test_a_producer_that_is_not_declared_sends_nothing() -> None:
    assert reason(event(), producer="nobody") is RefusalReason.NOT_ALLOWED


def test_a_producer_sends_only_facts_that_it_owns() -> None:
    declared = Producers(
        producers=(
            producer("ouest", "/ouest", owns=["school.*"]),
            producer("est", "/est", owns=[{"types": ["school.*"], "territories": ["D77"]}]),
        )
    )
    admission = Admission(declared, now=lambda: NOW)
    for source, owner in (("/ouest", True), ("/est", False)):
        found = admission.judge(item(event(source=source)), source.strip("/"))
        assert isinstance(found, AdmittedItem) is owner
        if isinstance(found, RefusedItem):
            assert found.error.reason is RefusalReason.NOT_OWNER
            assert found.content.keeps_record


@pytest.mark.parametrize(
    "source",
    ["/lycees-prives", "/lycees/../subventions", "/LYCEES", "/subventions/lycees", "//lycees"],
)
def test_a_source_that_looks_alike_is_another(source: str) -> None:
    assert reason(event(source=source)) is RefusalReason.NOT_ALLOWED


def test_an_unknown_milestone_is_refused() -> None:
    milestones = {"schools_connected_ratio": ["all_connected"]}
    admission = admission_of_all(rules=RecordRules(milestones=milestones))
    known, unknown = (
        admission.judge(received(encode_structured(one).value), PRODUCER)
        for name in ("all_connected", "half")
        for one in [explained("2018-02-12", milestone=name)]
    )
    assert isinstance(known, AdmittedItem)
    assert isinstance(unknown, RefusedItem)
    assert (unknown.error.reason, unknown.error.field) == (
        RefusalReason.INVALID_DATA,
        "data.milestone",
    )


@pytest.mark.parametrize(("tolerance", "most"), [(60, 60), (0, 0), (301, 300)])
def test_a_time_that_workers_refuse_is_refused(tolerance: int, most: int) -> None:
    """Where they are set to tolerate less than five minutes, an event beyond it has no receipt."""
    admission = Admission(
        PRODUCERS, now=lambda: NOW, rules=RecordRules(timedelta(seconds=tolerance))
    )
    limit = NOW + timedelta(seconds=most)
    late = limit + timedelta(microseconds=1)

    on_time, too_late = (
        admission.judge(item(event(time=time.isoformat())), PRODUCER) for time in (limit, late)
    )

    assert isinstance(on_time, AdmittedItem)
    assert isinstance(too_late, RefusedItem)
    assert too_late.error.reason is RefusalReason.TIME_AHEAD


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"a": 1, "a": 2}', b"\xff", b'"%s"' % (b"x" * 2**19)]
)
def test_a_problem_of_the_whole_item_names_the_body(body: bytes) -> None:
    found = ADMISSION.judge(received(body), PRODUCER)

    assert isinstance(found, RefusedItem)
    assert found.error.field == "body"


def test_an_attribute_may_be_called_value() -> None:
    found = judged(event(value={}))

    assert isinstance(found, RefusedItem)
    assert found.error.field == "value"


MARK = "\u0301"


@pytest.mark.parametrize(
    "content",
    [
        event(),
        event(dataref="/" * LONGEST_ATTRIBUTE),
        event(data={"n" * LONGEST_NAME: 1}),
        event(data=[1] * (MOST_PARTS - 8)),
        event(data="x" * 100_000),
        event(data={"name": "e" + MARK * MOST_MARKS}),
        event(data={"name": ("e" + MARK * MOST_MARKS) * 1_000}),
        event(data={"name": "字" * 1_000}),
        [],
        None,
    ],
)
def test_what_is_within_the_bounds_is_left_alone(content: Any) -> None:  # noqa: ANN401 - any JSON
    refuse_unbounded(item(content))


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (event(dataref="/" * (LONGEST_ATTRIBUTE + 1)), "dataref"),
        (event(source="/" * (LONGEST_ATTRIBUTE + 1)), "source"),
        (event() | {"jean@example.fr": "/" * (LONGEST_ATTRIBUTE + 1)}, "…"),
        (event(data={"n" * (LONGEST_NAME + 1): 1}), "value"),
        (event(data=[1] * MOST_PARTS), "value"),
        (event(data=dict.fromkeys(map(str, range(MOST_PARTS)), 1)), "value"),
        (event(ext="e" + MARK * (MOST_MARKS + 1)), "value"),
        (event(data={"e" + MARK * (MOST_MARKS + 1): 1}), "value"),
        (event(data=["a", ["字e" + "\u0315\u0301" * MOST_MARKS]]), "value"),
    ],
)
def test_what_breaks_a_bound_is_refused(content: Any, field: str) -> None:  # noqa: ANN401 - any JSON
    """Written as it is or in escapes; and a name that may hold a person's data is not repeated."""
    for ascii_only in (False, True):
        with pytest.raises(ContractError) as refused:
            refuse_unbounded(item(content, ascii_only=ascii_only))

        assert (refused.value.reason, refused.value.field) == (RefusalReason.TOO_COMPLEX, field)
        assert "send" in refused.value.remedy


def test_a_text_that_is_no_json_has_the_same_bounds() -> None:
    with pytest.raises(ContractError, match="combining marks"):
        refuse_unbounded(received(b"{" + MARK.encode() * 100))


def test_the_attributes_of_the_binary_mode_have_the_same_bounds() -> None:
    headers = {b"content-type": b"application/json", b"ce-ext": b"x" * (LONGEST_ATTRIBUTE + 1)}

    with pytest.raises(ContractError, match="ext: is more complex"):
        refuse_unbounded(read_delivery(headers, b"{}").items[0])


def test_what_breaks_a_bound_is_only_counted() -> None:
    """Nobody has looked through it for a person's data: no dead letter is kept of it."""
    harness = GatewayHarness()

    status, answer = harness.send(event(ext="e" + MARK * (MOST_MARKS + 1)))

    assert (status, answer["type"]) == (422, "/problems/too_complex")
    assert answer["field"] == "body"
    assert not harness.writer.records
