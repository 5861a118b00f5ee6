"""What is sent to the gateway: bodies, JSON, requests of every mode, a person's data."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, Final

import pytest
from hypothesis import strategies as st
from pydantic_core import to_json

from events import person_data
from events.cloudevent import MAX_BYTES, decode
from events.dead_letters import GATEWAY, OriginalRecord, dead_letter_record
from events.errors import ContractError, RefusalReason
from events.strict_json import DEEPEST, read_array, read_value
from gateway.admission import AdmittedItem
from gateway.body import MAX_BODY, BodyReader
from gateway.http_binding import STRUCTURED_HEADERS, combined_headers, read_delivery
from gateway.problems import ProblemError, of_contract
from tests.fuzz.target import Target
from tests.support.facts import json_values, mutated_records
from tests.support.gateway import BATCH, NOW, PRODUCER, STRUCTURED, admission_of_all, event

# A body

_SIZES: Final = st.sampled_from([0, 1, 1_000, MAX_BODY // 3, MAX_BODY - 1, MAX_BODY])
_BODIES: Final = st.fixed_dictionaries(
    {
        "parts": st.lists(_SIZES, max_size=12),
        "max_held": st.sampled_from([0, 1_000, MAX_BODY, 2**26]),
        "is_proven": st.booleans(),
    }
)


def _check_body(example: dict[str, Any]) -> None:
    """It is read whole or refused with a problem, and is held no longer than it is read."""
    parts = [bytes([65 + index]) * size for index, size in enumerate(example["parts"])]
    body = b"".join(parts)
    most = example["max_held"]
    reader = BodyReader(seconds=60, max_held=most, max_per_producer=most, max_unverified=most)

    async def stream(parts: list[bytes]) -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async def read(parts: list[bytes]) -> bytes:
        admit = reader.reserve if example["is_proven"] else reader.reserve_unverified
        with admit("somebody") as room:
            return await room.read(SimpleNamespace(stream=lambda: stream(parts)))  # type: ignore[arg-type]

    refused: str | None = None
    try:
        assert asyncio.run(read(parts)) == body
    except ProblemError as error:
        refused = error.kind.name
    fits = len(body) <= min(MAX_BODY, most)
    assert refused is None if fits else refused in ("body_too_large", "overloaded")
    # There is room for as much as there was before.
    largest = b"x" * min(MAX_BODY, most)
    assert asyncio.run(read([largest])) == largest


# JSON

_FRAGMENTS: Final = st.sampled_from(
    [
        *('"', "\\", '\\"', "\\u0041", "\\ud800", "[", "]", "{", "}", ",", ":", " ", "\n", "\t"),
        *("0", "-", "1", ".", "e", "1e400", "-0.0", "9" * 400, "9" * 5_000, "NaN", "Infinity"),
        *("true", "false", "null", '"a"', '"a":1', '{"a":', "[" * 40, "]" * 40, "[" * 1_200),
        *("é", "\u0301", "\ufeff", "\x00", "字", "'", "//", "/*"),
    ]
)
_ARRAYS: Final = st.lists(json_values, max_size=4).map(json.dumps)


def _text_of(content: bytes) -> str:
    return content.decode(errors="surrogatepass")


@st.composite
def _texts(draw: st.DrawFn) -> str:
    text = draw(json_values.map(json.dumps) | _ARRAYS | st.just(""))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 4, len(text))))
        inserted = "".join(draw(st.lists(_FRAGMENTS, max_size=4)))
        text = text[:start] + inserted + text[end:]
    return text


class _StricterError(ValueError):
    """Python reads this, and RFC 8259 does not."""


def _by_the_rules(text: str) -> Any:  # noqa: ANN401 - any JSON
    """Read JSON as simply as can be. Raises ValueError or RecursionError."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise _StricterError
        return dict(pairs)

    def constant(_: str) -> None:
        raise _StricterError

    value = json.loads(text, object_pairs_hook=once, parse_constant=constant)
    if _depth(value) > DEEPEST or not _is_unicode(value):
        raise _StricterError
    return value


def _is_unicode(value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Return whether UTF-8 can write it: half of a pair of surrogates is no character."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _depth(value: Any) -> int:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _check_json(text: str) -> None:
    """The reader takes what the rules take, as the value that they make of it, alone or listed."""
    expected: list[Any] = []
    is_whole = True
    try:
        json.loads(text)
        expected.append(_by_the_rules(text))
    except _StricterError:
        pass
    except (ValueError, RecursionError):
        is_whole = False
    try:
        read = read_value(text)
    except ContractError:
        assert not expected
        return
    assert read.text in text
    assert (read.defect is None) is bool(expected)
    if expected:
        assert read.data == expected[0]
    if not is_whole:  # What is nested too deep is not read to its end: it may have none.
        return
    before, same, after = read_array(f"[1, {text} ,[2]]")
    assert (before.data, after.data) == (1, [2])
    assert (same.text, same.data, same.defect is None) == (read.text, read.data, not read.defect)


# A request

_MEDIA_TYPES: Final = st.sampled_from(
    [
        *(STRUCTURED, BATCH, "application/json", "text/json", "application/x+json", "text/plain"),
        *(f"{STRUCTURED}; charset=utf-8", f"{BATCH};charset=UTF-16", "APPLICATION/JSON ; a=b"),
        *("application/cloudevents", "", ";", '";"', "a" * 300, "é"),
    ]
).map(lambda text: text.encode("latin-1"))


@st.composite
def _requests(draw: st.DrawFn) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Draw headers and a body that were those of an event before something happened to them."""
    record_headers, value = draw(
        mutated_records() | st.just(([], json.dumps(event()).encode())) | st.just(([], b""))
    )
    headers = [
        (f"ce-{name.removeprefix('ce_')}".lower().encode(), value)
        for name, value in record_headers
        if name.startswith("ce_")
    ]
    headers.append((b"content-type", draw(_MEDIA_TYPES)))
    headers += draw(
        st.lists(
            st.tuples(
                st.sampled_from([b"ce-id", b"ce-ext", b"ce-", b"host", b"x", b"content-encoding"]),
                st.sampled_from([b"", b"1", b"%41", b"%", b"%ff", b'"\\"1"', b"\xc3\xa9", b"gzip"])
                | st.binary(max_size=8),
            ),
            max_size=3,
        )
    )
    if draw(st.booleans()):
        copies = draw(st.sampled_from([0, 1, 2, 501]))
        value = b"[%s]" % b",".join([value] * copies)
    return draw(st.permutations(headers)), value


def _request_of(content: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the headers and the body of a file: lines of headers, an empty one, and the body."""
    head, _, body = content.partition(b"\n\n")
    headers = [line.partition(b": ") for line in head.splitlines()]
    return [(name, value) for name, _, value in headers], body


_ADMISSION: Final = admission_of_all()


def _check_request(example: tuple[list[tuple[bytes, bytes]], bytes]) -> None:
    """Each item is let in, and is then the same event for whoever reads it, or has a problem."""
    headers, body = example
    try:
        delivery = read_delivery(combined_headers(headers), body)
    except ProblemError as error:
        to_json(error.problem)
        return
    for item in delivery.items:
        judged = _ADMISSION.judge(item, PRODUCER)
        if isinstance(judged, AdmittedItem):
            record = judged.record
            assert record.value is not None
            assert len(record.value) <= MAX_BYTES
            assert decode(record.headers, record.value) == judged.event
            assert record.key == judged.event.fact.entity_id.encode()
            assert person_data.find_person_data(item.content) is None
            continue
        to_json(of_contract(judged.error))
        original = OriginalRecord(GATEWAY, None, item.value, item.headers)
        dead_letter_record(original, judged.content, now=NOW)
        if item.headers is STRUCTURED_HEADERS and item.defect is None:
            with pytest.raises(ContractError):
                _refused_elsewhere(judged.error, item.headers, item.value)


def _refused_elsewhere(
    error: ContractError, headers: tuple[tuple[str, bytes], ...], value: bytes
) -> None:
    """Raise ContractError where a worker refuses a record too, or the gateway alone minds it."""
    if error.reason in (
        RefusalReason.PERSON_DATA,
        RefusalReason.TOO_COMPLEX,
        RefusalReason.TIME_AHEAD,
    ):
        raise error
    decode(headers, value)


# A person's data

_PERSONS: Final = st.sampled_from(
    [
        *("jean.moulin@example.fr", "jean%40example.fr", "jean (at) example.fr", "06 12 34 56 78"),
        *("+49 170 1234567", "185077505612323", "1 85 07 75 056 123", "123456789AB"),
        *("FR76 3000 6000 0112 3456 7890 189", "né le 12/03/1985"),
    ]
)
_HARMLESS: Final = st.text(st.sampled_from(" \n.,;:()[]<>\"'\\é字\u200b\u00a0xyz"), max_size=6)
_NAMES: Final = st.sampled_from(["data", "uai", "id", "type", "x", "deeper", "enrolment_id"])


@st.composite
def _planted(draw: st.DrawFn) -> tuple[Any, str]:
    secret = draw(_PERSONS)
    dressed = f"{draw(_HARMLESS)} {secret} {draw(_HARMLESS)}"
    content: Any = draw(st.sampled_from([dressed, secret, {dressed: draw(json_values)}]))
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            content = {draw(_NAMES): content, **draw(st.dictionaries(_NAMES, json_values))}
            if not _holds(content, secret):
                content = {"x": dressed}
        else:
            content = [*draw(st.lists(json_values, max_size=2)), content]
    return content, secret


def _holds(content: Any, secret: str) -> bool:  # noqa: ANN401 - any JSON
    return json.dumps(secret)[1:-1] in json.dumps(content)


def _check_net(example: tuple[Any, str]) -> None:
    """It is found wherever it is, and reported by a path that does not show it."""
    content, secret = example
    found = person_data.find_person_data(content)
    assert found is not None
    assert secret not in found
    with suppress(ContractError):
        read = read_value(json.dumps(content))
        assert read.defect is not None or person_data.find_person_data(read.data) == found


GATEWAY_TARGETS: Final = (
    Target("body", "a request's body, in parts", _BODIES, _check_body, of_file=None),
    Target("json", "JSON as RFC 8259 has it", _texts(), _check_json, of_file=_text_of),
    Target(
        "http",
        "the HTTP binding, and what becomes of items",
        _requests(),
        _check_request,
        of_file=_request_of,
    ),
    Target("net", "the net for persons' data", _planted(), _check_net, of_file=None),
)
"""In the order in which a request meets them."""
