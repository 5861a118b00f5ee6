"""CloudEvents on Kafka, in both content modes."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from cloudevents.core.bindings.kafka import (
    KafkaMessage,
    from_kafka_event,
    to_binary_event,
    to_structured_event,
)
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from events.cloudevent import (
    MAX_BYTES,
    CloudEvent,
    EncodedRecord,
    decode,
    decode_json,
    encode_structured,
)
from events.dead_letter_content import may_be_kept
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.school import SchoolConnected
from tests.support.facts import cloud_events, encode_binary, mutated_records

STRUCTURED = [("content-type", b"application/cloudevents+json")]
EVENT = CloudEvent(
    id="a-1",
    source="/iledefrance/lycees",
    time=datetime(2019, 3, 11, 9, 30, tzinfo=UTC),
    fact=SchoolConnected(uai="0750419Y", connected_on=date(2019, 3, 11), downlink_mbps=1000),
)
CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[2] / "corpus" / "refused_events.yaml").read_text(encoding="utf-8")
)
ENVELOPE: Mapping[str, Any] = json.loads(encode_structured(EVENT).value)


def envelope(**changes: object) -> bytes:
    """The sample event as JSON, with other attributes; `data__x` changes a field of the fact."""
    changed = {**ENVELOPE, "data": dict(ENVELOPE["data"])}
    for name, value in changes.items():
        if name.startswith("data__"):
            changed["data"][name.removeprefix("data__")] = value
        else:
            changed[name] = value
    return json.dumps(changed).encode()


def changed(case: Mapping[str, Any]) -> bytes:
    """Return the sample event with the changes of a case of the corpus."""
    event = {**ENVELOPE, **case.get("set", {})}
    if "data" in case or case.get("without", "").startswith("data."):
        event["data"] = {**ENVELOPE["data"], **case.get("data", {})}
    if "without" in case:
        *above, name = case["without"].split(".")
        del (event["data"] if above else event)[name]
    return json.dumps(event).encode()


def binary_headers(**changes: bytes | None) -> list[tuple[str, bytes | None]]:
    headers: dict[str, bytes | None] = dict(encode_binary(EVENT).headers)
    headers.update(changes)
    return [(name, value) for name, value in headers.items() if value is not None]


def refusal_of(value: bytes | str) -> ContractError:
    with pytest.raises(ContractError) as refused:
        decode_json(value)
    return refused.value


@given(event=cloud_events())
def test_an_event_is_read_as_it_was_written(event: CloudEvent) -> None:
    for record in (encode_structured(event), encode_binary(event)):
        assert record.key == event.fact.entity_id.encode()
        assert decode(record.headers, record.value, family=event.fact.FAMILY) == event


@given(event=cloud_events())
def test_the_sdk_reads_our_records(event: CloudEvent) -> None:
    for record in (encode_structured(event), encode_binary(event)):
        read = from_kafka_event(as_message(record))
        assert isinstance(read, SdkEvent)
        assert (read.get_id(), read.get_source(), read.get_type()) == (
            event.id,
            event.source,
            event.type,
        )
        assert read.get_time() == event.time
        assert read.get_data() == json.loads(event.fact.model_dump_json())


@given(event=cloud_events())
def test_we_read_the_sdk_s_records(event: CloudEvent) -> None:
    theirs = SdkEvent(
        attributes={
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "time": event.time,
            "specversion": "1.0",
            "datacontenttype": "application/json",
            "partitionkey": event.fact.entity_id,
        },
        data=json.loads(event.fact.model_dump_json()),
    )
    for message in (to_structured_event(theirs), to_binary_event(theirs)):
        assert decode(list(message.headers.items()), message.value) == event


def as_message(record: EncodedRecord) -> KafkaMessage:
    return KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value)


@pytest.mark.slow
@pytest.mark.parametrize("family", Family)
@given(data=st.data())
@settings(max_examples=150)
def test_mutated_records_are_accepted_or_refused(family: Family, data: st.DataObject) -> None:
    headers, value = data.draw(mutated_records(family))
    accepted_or_refused(headers, value)


def accepted_or_refused(headers: Sequence[tuple[str, bytes | None]], value: bytes) -> None:
    refused: ContractError | None = None
    try:
        decode(headers, value)
    except ContractError as error:
        refused = error
    assert refused is None or readable(refused)


def readable(error: ContractError) -> bool:
    text = str(error)
    has_value = error.value is None or ", value " in text
    named = all((error.field, error.problem, error.remedy, has_value))
    return named and "\n" not in text and len(text) < 2_500


@pytest.mark.parametrize(
    "headers",
    [
        [("trace", b"1"), ("Content-Type", b"application/cloudevents+json")],
        [("content-type", b"Application/CloudEvents+JSON")],
        [("content-type", b" application/cloudevents+json ;charset=UTF-8")],
        # The binding lets a structured record repeat its attributes in headers.
        [*STRUCTURED, ("ce_id", b"other")],
    ],
)
def test_structured_mode_is_recognised(headers: list[tuple[str, bytes]]) -> None:
    assert decode(headers, envelope()) == EVENT


BINARY = encode_binary(EVENT)


@pytest.mark.parametrize(
    "headers",
    [
        [(name.upper(), value) for name, value in BINARY.headers],
        BINARY.headers[:-1],  # Without a content type.
        [*BINARY.headers[:-1], ("content-type", b"application/json;charset=utf-8")],
        [*BINARY.headers[:-1], ("content-type", b"text/json")],
        [*BINARY.headers[:-1], ("content-type", b"application/vnd.x+json")],
    ],
)
def test_binary_mode_is_recognised(headers: list[tuple[str, bytes]]) -> None:
    assert decode(headers, BINARY.value) == EVENT


def test_time_in_another_zone_is_kept_in_utc() -> None:
    event = decode_json(envelope(time="2019-03-11T11:30:00.5+02:00"))
    assert event.time == datetime(2019, 3, 11, 9, 30, 0, 500_000, tzinfo=UTC)
    assert event.time.tzinfo is UTC


@pytest.mark.parametrize(
    "extra",
    [
        *({"traceparent": "00-a"}, {"sampledrate": 3}, {"a1": True}, {"traceparent": None}),
        *({"subject": None}, {"dataschema": None}, {"datacontenttype": None}),
    ],
)
def test_extensions_and_optional_attributes_may_be_anything_simple_or_null(
    extra: dict[str, object],
) -> None:
    assert decode_json(envelope(**extra)) == EVENT


@pytest.mark.parametrize("case", CASES, ids=json.dumps)
def test_refusals_name_reason_and_field(case: dict[str, Any]) -> None:
    refused = refusal_of(case["text"] if "text" in case else changed(case))
    assert (refused.reason, refused.field) == (case["reason"], case["field"])
    assert readable(refused)


def test_the_day_after_the_record_is_accepted_and_judged_in_utc() -> None:
    """A fact may take effect on the day after `time`: it is already tomorrow further east."""
    event = decode_json(envelope(data__connected_on="2019-03-12"))
    assert event.fact.effective_day == date(2019, 3, 12)
    late = envelope(time="2019-03-12T00:30:00+01:00", data__connected_on="2019-03-13")
    assert refusal_of(late).reason is RefusalReason.DAY_OUT_OF_RANGE


def test_null_value_is_refused() -> None:
    """A tombstone is not a way to take a fact back; the refusal says what is."""
    with pytest.raises(ContractError, match="retracted: true") as refused:
        decode(STRUCTURED, None)
    assert refused.value.reason is RefusalReason.NULL_VALUE


@pytest.mark.parametrize("part", ["value", "headers"])
def test_a_record_larger_than_any_event_is_refused(part: str) -> None:
    padding = b" " * MAX_BYTES
    value = envelope() + (padding if part == "value" else b"")
    headers = [*STRUCTURED, ("padding", padding if part == "headers" else b"")]
    with pytest.raises(ContractError, match="send at most 262144 bytes") as refused:
        decode(headers, value)
    assert refused.value.reason is RefusalReason.TOO_LARGE


def test_a_header_s_name_counts_in_bytes() -> None:
    """Of four bytes a character it filled a record that had no room for a header more."""
    name = "\U0001f600" * (MAX_BYTES // 4)

    with pytest.raises(ContractError, match="send at most 262144 bytes"):
        decode([*STRUCTURED, (name, None)], envelope())

    assert not may_be_kept(None, b"1", [(name, None)])


@pytest.mark.parametrize(
    "headers",
    [
        None,
        [],
        [("trace", b"1")],
        [("content-type", b"application/json")],
        [("content-type", None)],
    ],
)
def test_a_record_that_says_nothing_of_cloudevents_is_refused(
    headers: list[tuple[str, bytes | None]] | None,
) -> None:
    with pytest.raises(ContractError) as refused:
        decode(headers, envelope())
    assert refused.value.reason is RefusalReason.NOT_A_CLOUDEVENT


@pytest.mark.parametrize(
    "content_type", [b"application/cloudevents-batch+json", b"application/cloudevents+avro"]
)
def test_other_cloudevents_formats_are_refused(content_type: bytes) -> None:
    with pytest.raises(ContractError, match="format that is not read here"):
        decode([("content-type", content_type)], envelope())


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"ce_type": None}, RefusalReason.INVALID_ENVELOPE, "type"),
        ({"ce_type": b"fr.example"}, RefusalReason.UNKNOWN_TYPE, "type"),
        ({"ce_id": None}, RefusalReason.INVALID_ENVELOPE, "id"),
        ({"ce_id": b"\xff"}, RefusalReason.INVALID_ENVELOPE, "ce_id"),
        ({"ce_time": b"yesterday"}, RefusalReason.INVALID_ENVELOPE, "time"),
        ({"ce_specversion": b"0.3"}, RefusalReason.INVALID_ENVELOPE, "specversion"),
        ({"content-type": b"text/plain"}, RefusalReason.INVALID_ENVELOPE, "datacontenttype"),
        ({"ce_bad-name": b"x"}, RefusalReason.INVALID_ENVELOPE, "bad-name"),
    ],
)
def test_binary_refusals_name_reason_and_field(
    changes: dict[str, bytes | None], reason: RefusalReason, field: str
) -> None:
    with pytest.raises(ContractError) as refused:
        decode(binary_headers(**changes), encode_binary(EVENT).value)
    assert (refused.value.reason, refused.value.field) == (reason, field)


@pytest.mark.parametrize(
    ("value", "reason", "field"),
    [
        (b"", RefusalReason.INVALID_JSON, "data"),
        (b"[]", RefusalReason.INVALID_DATA, "data"),
        (b'{"uai": "x"}', RefusalReason.INVALID_DATA, "data.uai"),
    ],
)
def test_binary_data_are_checked(value: bytes, reason: RefusalReason, field: str) -> None:
    with pytest.raises(ContractError) as refused:
        decode(encode_binary(EVENT).headers, value)
    assert (refused.value.reason, refused.value.field) == (reason, field)


def test_the_wrong_topic_is_refused() -> None:
    with pytest.raises(ContractError, match=r"to smartregion\.schools, not to smartregion\.grants"):
        decode(STRUCTURED, envelope(), family=Family.GRANTS)


def test_a_refused_value_is_shortened() -> None:
    assert len(str(refusal_of(envelope(data__uai="x" * 1_000_000)))) < 300


def test_an_event_is_not_built_with_a_day_out_of_range() -> None:
    with pytest.raises(ContractError, match="later than the day after"):
        CloudEvent(EVENT.id, EVENT.source, EVENT.time - timedelta(days=2), EVENT.fact)


def test_an_event_is_not_built_without_a_zone() -> None:
    with pytest.raises(ContractError, match="zone"):
        CloudEvent(EVENT.id, EVENT.source, datetime(2019, 3, 11), EVENT.fact)  # noqa: DTZ001


def test_an_event_built_in_another_zone_is_kept_in_utc() -> None:
    paris = EVENT.time.astimezone(timezone(timedelta(hours=1)))
    assert CloudEvent(EVENT.id, EVENT.source, paris, EVENT.fact) == EVENT
