"""Which trace contexts are valid, and where a record has its own."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.claims import trace_of
from events.cloudevent import CONTENT_TYPE, STRUCTURED, decode, encode_structured
from events.trace_context import TraceContext, read_trace_context
from tests.support.letters import valid_event
from tests.support.traces import OTHER_PARENT, PARENT, STATE


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        PARENT.upper(),
        PARENT[:-1],
        f"{PARENT}-00",
        PARENT.replace("00-4", "ff-4"),
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
        7,
        None,
    ],
)
def test_an_invalid_traceparent_is_as_good_as_none(traceparent: object) -> None:
    assert read_trace_context(traceparent, STATE) is None


@pytest.mark.parametrize(
    "tracestate",
    [
        "",
        "a",
        "A=1",
        "a=1,a=2",
        "a=1,,b=2",
        "a=é",
        ",".join(f"k{number}=1" for number in range(33)),
        f"a={'1' * 256},b={'2' * 255}",
        3,
    ],
)
def test_a_tracestate_beyond_w3c_is_dropped(tracestate: object) -> None:
    assert read_trace_context(PARENT, tracestate) == TraceContext(PARENT)


@pytest.mark.parametrize(
    "tracestate",
    [
        STATE,
        "rojo=00f067aa0ba902b7, congo=t61rcWkgMzE",
        "fw529a3039@dt=FfSAAA;2-3",
        ",".join(f"k{number}=1" for number in range(32)),
    ],
)
def test_a_tracestate_of_w3c_is_kept(tracestate: str) -> None:
    assert read_trace_context(PARENT, tracestate) == TraceContext(PARENT, tracestate)


def test_a_tracestate_like_personal_data_is_dropped() -> None:
    headers = [("traceparent", PARENT.encode()), ("tracestate", b"a=jean.dupont@example.org")]
    assert trace_of(headers, None) == TraceContext(PARENT)


def test_an_events_own_context_is_found_in_each_place() -> None:
    in_value = json.dumps({"traceparent": PARENT, "tracestate": STATE}).encode()
    own = TraceContext(PARENT, STATE)
    transport = ("traceparent", OTHER_PARENT.encode())

    assert trace_of([], in_value) == own
    assert trace_of([], in_value[:-1]) == own, "not JSON"
    assert trace_of([transport], in_value) == TraceContext(OTHER_PARENT)
    binary = [transport, ("ce_traceparent", PARENT.encode()), ("ce_tracestate", STATE.encode())]
    assert trace_of(binary, b"{}") == own


def test_a_text_that_quotes_a_context_has_none() -> None:
    quoting = json.dumps({"data": json.dumps({"traceparent": PARENT})}).encode()
    assert trace_of([], quoting) is None


@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from(["traceparent", "tracestate", "ce_traceparent"]),
            st.none() | st.binary() | st.just(PARENT.encode()),
        )
    ),
    value=st.none() | st.binary() | st.just(b'{"traceparent":"' + PARENT.encode() + b'"}'),
)
def test_no_record_raises(headers: list[tuple[str, bytes | None]], value: bytes | None) -> None:
    trace = trace_of(headers, value)
    assert trace is None or trace == read_trace_context(*trace)


def test_an_event_keeps_its_context_when_it_is_read_and_written_again() -> None:
    """As a relay does, a client with a spool, and a harvest."""
    traced = {**json.loads(encode_structured(valid_event()).value), "traceparent": PARENT}

    event = decode([(CONTENT_TYPE, STRUCTURED)], json.dumps(traced).encode())
    again = encode_structured(event)

    assert json.loads(again.value)["traceparent"] == PARENT
    assert ("traceparent", PARENT.encode()) in again.headers
    assert decode(again.headers, again.value) == event


@pytest.mark.parametrize("traceparent", ["00-a", 7, True, None])
def test_an_events_invalid_context_refuses_nothing_and_is_not_kept(traceparent: object) -> None:
    record = encode_structured(valid_event())
    traced = {**json.loads(record.value), "traceparent": traceparent}

    assert decode(record.headers, json.dumps(traced).encode()).trace is None
