"""The cost of any permitted body grows with its bytes, and not faster."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.dead_letters import GATEWAY, OriginalRecord, dead_letter_record
from gateway.admission import Admission, RefusedItem
from gateway.http_binding import read_delivery
from gateway.problems import ProblemError, of_contract
from tests.support.costs import TIMES_LARGER, grows_linearly
from tests.support.gateway import BATCH, NOW, PRODUCER, PRODUCERS, STRUCTURED, event

SMALL: Final = 16 * 1024
LARGE: Final = TIMES_LARGER * SMALL

ADMISSION: Final = Admission(PRODUCERS, now=lambda: NOW)


def work(body: bytes) -> None:
    for headers in (
        {b"content-type": STRUCTURED.encode()},
        {b"content-type": BATCH.encode()},
        {b"content-type": b"application/json", b"ce-id": b"1"},
    ):
        try:
            delivery = read_delivery(headers, body)
        except ProblemError:
            continue
        for item in delivery.items:
            judged = ADMISSION.judge(item, PRODUCER)
            if isinstance(judged, RefusedItem):
                of_contract(judged.error)
                original = OriginalRecord(GATEWAY, None, item.value, item.headers, PRODUCER)
                dead_letter_record(original, judged.content, now=NOW)


def filled(text: str) -> Callable[[int], bytes]:
    return lambda size: written({"uai": text * (size // len(text.encode()))})


def written(data: object, **attributes: Any) -> bytes:
    return json.dumps(event(data=data, **attributes), ensure_ascii=False).encode()


def batch_of(body: Callable[[int], bytes]) -> Callable[[int], bytes]:
    return lambda size: b"[" + b",".join([body(2_000)] * (size // 2_000)) + b"]"


SHAPES: Final[dict[str, Callable[[int], bytes]]] = {
    "marks": filled("\u0315\u0301"),
    "marks in an extension": lambda size: written({}, ext="\u0315\u0301" * (size // 4)),
    "letters with marks": filled("e\u0301"),
    "digits": filled("0 1"),
    "numbers and addresses": filled("1.1@1-"),
    "at signs": filled("a@"),
    "long domains": filled("a@" + "a." * 250),
    "ligatures that become eighteen characters": filled("\ufdfa"),
    "characters nobody sees": filled("\u200b"),
    "names": lambda size: written({f"{number:x}": 1 for number in range(size // 9)}),
    "extensions": lambda size: written({}, **{f"x{n:x}": 1 for n in range(size // 10)}),
    "wrong extensions": lambda size: written({}, **{f"x{n:x}": [] for n in range(size // 11)}),
    "a long name": lambda size: written({"aA" * (size // 2): 1}),
    "lists": lambda size: written([[]] * (size // 4)),
    "depth": lambda size: b"[" * (size // 2) + b"]" * (size // 2),
    "depth without end": lambda size: b"[" * size,
    "quotes after a number without end": (
        lambda size: b'{"a":' + b"9" * 5_000 + b',"' + rb"\"" * (size // 2)
    ),
    "quotes after depth without end": (lambda size: b"[" * 1_200 + b'"' + rb"\"" * (size // 2)),
    "numbers without end": lambda size: b"[%s]" % b",".join([b"9" * 5_000] * (size // 5_001)),
    "a number without end": lambda size: b'{"a":' + b"9" * size + b"}",
    "a fraction without end": lambda size: b'{"a":0.' + b"0" * size + b"1}",
    "a key many times": lambda size: b'{"a":1' + b',"a":1' * (size // 6) + b"}",
    "escapes": lambda size: b'{"a":"' + rb"\u0041" * (size // 6) + b'"}',
    "a long type": lambda size: written({}, type="x" * size),
    "a long source": lambda size: written({}, source="/a" * (size // 2)),
    "a long time": lambda size: written({}, time=f"2026-03-11T09:00:00.{'1' * size}Z"),
    "a batch of marks": batch_of(filled("\u0315\u0301")),
    "a batch of digits": batch_of(filled("0 1")),
    "a batch of nothing": lambda size: b"[" + b",".join([b"1"] * min(500, size // 40)) + b"]",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_cost_of_a_body_is_linear(shape: str) -> None:
    body = SHAPES[shape]

    assert grows_linearly(work, body(SMALL), body(LARGE)), shape


FRAGMENTS: Final = st.sampled_from(
    [
        *('"', "\\", '\\"', "[", "]", "{", "}", ",", ":", "0", "1", ".", "-", "e", "a", "@", " "),
        *("\n", "\u0301", "\u0315", "\u200b", "\uff10", "\ufdfa", "é", "字", "\\u0301", "%40"),
        *('"a":', "1e5", "9" * 400, "[" * 40, "(", "+33", "&#64;", "1985-03-12 ", "FR76"),
    ]
)


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    around=st.sampled_from(
        [("", ""), ('{"data":"', '"}'), ('{"', '":1}'), ("[" * 1_200, ""), ('["', '"]')]
    ),
    unit=st.lists(FRAGMENTS, min_size=1, max_size=4).map("".join),
)
def test_the_cost_of_what_is_repeated_is_linear(around: tuple[str, str], unit: str) -> None:
    before, after = around

    def body(size: int) -> bytes:
        # Even: an odd number of backslashes would escape what follows in one of the two bodies.
        return f"{before}{unit * (size // len(unit) // 2 * 2)}{after}".encode()

    assert grows_linearly(work, body(SMALL // 2), body(LARGE // 2))
