"""What the gateway answers, writes and counts."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import generate_latest

from events.dead_letters import PRODUCER as PRODUCER_HEADER
from events.producers.model import UNKNOWN_PRODUCER
from events.registry import FACTS
from events.topics import DEAD_LETTERS
from gateway.http_binding import Delivery, read_delivery
from gateway.problems import problem_kinds
from tests.support.gateway import BATCH, PRODUCER, STRUCTURED, GatewayHarness, bearer, event, signed


@pytest.fixture
def harness() -> GatewayHarness:
    return GatewayHarness()


def events_counted(harness: GatewayHarness, outcome: str) -> float:
    name = "smartregion_gateway_events_total"
    return harness.metric(name, producer=PRODUCER, outcome=outcome)


def refused_counted(harness: GatewayHarness, reason: str, producer: str = PRODUCER) -> float:
    return harness.metric("smartregion_gateway_refused_total", producer=producer, reason=reason)


def test_refusals_begin_at_zero(harness: GatewayHarness) -> None:
    """An increase does not see a series' first value: a producer's first hundred refusals."""
    text = generate_latest(harness.exposition._registry).decode()
    for producer in (PRODUCER, UNKNOWN_PRODUCER):
        for reason in problem_kinds():
            labels = f'producer="{producer}",reason="{reason}"'
            assert f"smartregion_gateway_refused_total{{{labels}}} 0.0\n" in text


def test_an_event_is_written_unchanged_and_has_a_receipt(harness: GatewayHarness) -> None:
    body = json.dumps(event(7, traceparent="00-ab-cd-01"), indent=1).encode()

    status, answer = harness.send(body)

    [record] = harness.writer.records
    assert status == 202
    assert answer == {
        "receipts": [
            {
                "id": "7",
                "source": "/lycees/ligne",
                "topic": "smartregion.schools",
                "partition": 0,
                "offset": 0,
            }
        ]
    }
    assert (record.topic, record.key, record.value) == ("smartregion.schools", b"0750652B", body)
    assert events_counted(harness, "accepted") == 1


def test_a_bad_item_neither_blocks_nor_loses_its_neighbours(harness: GatewayHarness) -> None:
    batch = [event(1), event(2, type="fr.unknown"), {"a": 1}, event(4)]

    status, answer = harness.send(batch, media_type=BATCH)

    assert status == 207
    assert [(item["index"], item["status"]) for item in answer["items"]] == [
        (0, 202),
        (1, 422),
        (2, 400),
        (3, 202),
    ]
    assert answer["items"][1]["problem"]["type"] == "/problems/unknown_type"
    assert answer["items"][3]["receipt"]["id"] == "4"
    assert (events_counted(harness, "accepted"), events_counted(harness, "refused")) == (2, 2)


def test_a_batch_of_which_nothing_is_accepted_is_a_problem(harness: GatewayHarness) -> None:
    status, answer = harness.send([event(1, id=""), {"a": 1}], media_type=BATCH)

    assert (status, answer["type"]) == (422, "/problems/batch_refused")
    assert [item["status"] for item in answer["items"]] == [422, 400]


@pytest.mark.parametrize(
    ("changes", "status", "reason", "field"),
    [
        ({"id": ""}, 422, "invalid_envelope", "id"),
        ({"time": "yesterday"}, 422, "invalid_envelope", "time"),
        ({"type": "fr.unknown"}, 422, "unknown_type", "type"),
        ({"data": {"uai": "0750652B"}}, 422, "invalid_data", "data.connected_on"),
        ({"time": "2009-01-01T00:00:00Z"}, 422, "invalid_envelope", "time"),
        ({"source": "/grants"}, 403, "not_allowed", "source"),
        ({"time": "2026-03-11T09:35:01Z"}, 422, "time_ahead", "time"),
    ],
)
def test_a_refusal_names_field_value_and_remedy(
    harness: GatewayHarness, changes: dict[str, Any], status: int, reason: str, field: str
) -> None:
    found, answer = harness.send(event(**changes))

    assert (found, answer["status"], answer["type"]) == (status, status, f"/problems/{reason}")
    assert answer["field"] == field
    assert answer["remedy"]
    assert refused_counted(harness, reason) == 1


def test_a_refused_event_is_kept_byte_for_byte(harness: GatewayHarness) -> None:
    body = json.dumps(event(id="")).encode()
    harness.send(body)

    [letter] = harness.writer.records
    headers = dict(letter.headers)
    assert (letter.topic, letter.value) == (DEAD_LETTERS, body)
    assert headers["content-type"] == STRUCTURED.encode()
    assert headers["smartregion-reason"] == b"invalid_envelope"
    assert headers[PRODUCER_HEADER] == PRODUCER.encode()


def test_a_request_without_credentials_is_not_authenticated(harness: GatewayHarness) -> None:
    answer = harness.post({}, headers={})

    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert refused_counted(harness, "unauthenticated", producer="unknown") == 1


def test_a_request_beyond_the_quota_is_refused(harness: GatewayHarness) -> None:
    batch = [event(number) for number in range(500)]
    statuses = [harness.send(batch, media_type=BATCH)[0] for _ in range(5)]
    written = len(harness.writer.records)

    answer = harness.post(batch, media_type=BATCH)
    harness.monotonic += float(answer.headers["retry-after"])

    assert statuses == [202, 202, 202, 202, 429]
    assert answer.json()["type"] == "/problems/over_quota"
    seconds = answer.headers["retry-after"]
    unit = "second" if seconds == "1" else "seconds"
    assert answer.json()["detail"].endswith(f": wait {seconds} {unit}")
    assert written == 2_000
    assert harness.send(batch, media_type=BATCH)[0] == 202


def test_a_quota_is_checked_before_a_body_is_parsed(
    harness: GatewayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bytes] = []

    def looking(headers: Mapping[bytes, bytes], body: bytes) -> Delivery:
        looked.append(body)
        return read_delivery(headers, body)

    monkeypatch.setattr("gateway.app.read_delivery", looking)
    junk = b" " * 2**20

    statuses = [harness.send(junk)[0] for _ in range(5)]

    assert statuses == [413, 429, 429, 429, 429]
    assert len(looked) == 1


def test_bytes_are_charged_as_well_as_events(harness: GatewayHarness) -> None:
    """An event counts as one for each kibibyte that it begins."""
    large = json.dumps(event()).encode() + b" " * 200_000

    assert [harness.send(large)[0] for _ in range(11)] == [202] * 10 + [429]


def test_events_beyond_those_charged_by_size_are_charged_later(harness: GatewayHarness) -> None:
    tiny = [1] * 500
    for _ in range(4):
        harness.send(tiny, media_type=BATCH)

    status, answer = harness.send(event())

    assert (status, answer["type"]) == (429, "/problems/over_quota")


def test_a_signed_request_sent_again_is_given_its_first_answer(harness: GatewayHarness) -> None:
    for content, media_type, status in (
        ([event(number) for number in range(500)], BATCH, 202),
        ([event(1), {"a": 1}], BATCH, 207),
        (event(id=""), STRUCTURED, 422),
        ("nonsense", STRUCTURED, 400),
    ):
        body = json.dumps(content).encode()
        first = harness.post(body, media_type=media_type, headers=signed(body))
        written = len(harness.writer.records)

        for _ in range(10):
            again = harness.post(body, media_type=media_type, headers=signed(body))

            assert (again.status_code, again.content) == (status, first.content)
            assert again.headers["idempotent-replayed"] == "true"
            assert again.headers["content-type"] == first.headers["content-type"]
        assert "idempotent-replayed" not in first.headers
        assert len(harness.writer.records) == written
    assert harness.metric("smartregion_gateway_repeats_total", producer=PRODUCER) == 40
    assert harness.send([event(number) for number in range(500)], media_type=BATCH)[0] == 202


@pytest.mark.parametrize("media_type", [STRUCTURED, "text/plain", "application/json", ""])
def test_a_signed_request_under_another_media_type_keeps_nothing_from_its_owner(
    harness: GatewayHarness, media_type: str
) -> None:
    """A replay may be first: the producer has an answer to what it sent, and is charged once."""
    body = json.dumps([event(number) for number in range(500)]).encode()
    stolen = harness.post(body, media_type=media_type, headers=signed(body))

    own = harness.post(body, media_type=BATCH, headers=signed(body))

    assert stolen.status_code in (415, 422)
    assert own.status_code == 202
    assert len(own.json()["receipts"]) == 500


def test_a_replay_whose_body_outlasts_the_signature_is_refused(harness: GatewayHarness) -> None:
    """The request is remembered no more: else each slow copy of it would be charged anew."""
    body = json.dumps(event()).encode()
    headers = {"content-type": STRUCTURED, **signed(body)}
    first = harness.client.post("/events", content=body, headers=headers)
    harness.now += timedelta(minutes=5)

    async def slowly() -> AsyncIterator[bytes]:
        yield body[:1]
        harness.now += timedelta(seconds=10)
        yield body[1:]

    answer = harness.client.post("/events", content=slowly(), headers=headers)

    assert (first.status_code, answer.status_code) == (202, 401)
    assert "sign when you send" in answer.json()["detail"]
    assert len(harness.writer.records) == 1


def test_a_signed_request_that_was_not_acknowledged_may_be_sent_again(
    harness: GatewayHarness,
) -> None:
    body = json.dumps([event(number) for number in range(500)]).encode()
    harness.writer.unacknowledged.add("smartregion.schools")
    first, soon = (harness.post(body, media_type=BATCH, headers=signed(body)) for _ in range(2))
    harness.writer.unacknowledged.clear()
    harness.now += timedelta(seconds=float(first.headers["retry-after"]))

    answers = [harness.post(body, media_type=BATCH, headers=signed(body)) for _ in range(2)]

    assert (first.status_code, soon.status_code) == (503, 503)
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len(harness.writer.records) == 1_000
    assert [harness.send(json.loads(body), media_type=BATCH)[0] for _ in range(4)] == [202] * 3 + [
        429
    ]


def test_a_signed_request_beyond_its_quota_may_be_sent_again(harness: GatewayHarness) -> None:
    for _ in range(4):
        harness.send([event()] * 500, media_type=BATCH)
    body = json.dumps(event()).encode()
    refused = [harness.post(body, headers=signed(body)) for _ in range(3)]
    harness.monotonic += float(refused[-1].headers["retry-after"])

    taken = harness.post(body, headers=signed(body))

    assert {answer.status_code for answer in refused} == {429}
    assert taken.status_code == 202
    assert "idempotent-replayed" not in taken.headers


def test_a_repeated_request_without_a_kept_answer_is_a_problem() -> None:
    harness = GatewayHarness(max_answer_bytes=1)
    body = json.dumps(event()).encode()
    first, again = (harness.post(body, headers=signed(body)) for _ in range(2))

    anew = harness.post(body, headers=signed(body, message_id="msg_2"))

    assert (first.status_code, again.status_code, anew.status_code) == (202, 409, 202)
    assert again.json()["type"] == "/problems/repeated"


def test_nothing_is_accepted_while_the_broker_is_unavailable(harness: GatewayHarness) -> None:
    """Nothing of the request is looked at: nobody is charged for it."""
    harness.writer.waiting_for = "connection refused by kafka-1.internal"

    answer = harness.post(event(), headers=bearer(""))

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/broker_away")
    assert answer.headers["retry-after"]
    assert "kafka-1" not in answer.text
    assert harness.metric("smartregion_gateway_ready") == 0


def test_an_event_that_is_not_acknowledged_has_no_receipt(harness: GatewayHarness) -> None:
    harness.writer.unacknowledged = {"smartregion.schools"}

    status, answer = harness.send(event())

    assert (status, answer["type"]) == (503, "/problems/broker_away")
    assert events_counted(harness, "failed") == 1


@pytest.mark.parametrize(("second", "status", "of_second"), [("2", 503, 503), ("", 207, 422)])
def test_of_a_batch_what_is_not_acknowledged_is_to_be_sent_again(
    harness: GatewayHarness, second: str, status: int, of_second: int
) -> None:
    """A refused event beside it has a problem of its own."""
    harness.writer.unacknowledged = {"smartregion.schools"}

    answer = harness.post([event(1), event(2, id=second)], media_type=BATCH)

    assert answer.status_code == status
    assert answer.headers["retry-after"]
    assert [item["status"] for item in answer.json()["items"]] == [503, of_second]


def test_a_refusal_does_not_depend_on_its_dead_letter(harness: GatewayHarness) -> None:
    harness.writer.unacknowledged = {DEAD_LETTERS}

    assert harness.send(event(id=""))[0] == 422


@pytest.mark.parametrize("path", ["/openapi.json", "/asyncapi.json"])
def test_documents_are_served(harness: GatewayHarness, path: str) -> None:
    assert harness.client.get(path).status_code == 200


@pytest.mark.parametrize("event_type", FACTS)
def test_every_contract_is_served(harness: GatewayHarness, event_type: str) -> None:
    answer = harness.client.get(f"/schemas/{event_type}.json")

    assert answer.json()["title"] == event_type


@pytest.mark.parametrize("kind", problem_kinds().values(), ids=problem_kinds())
def test_every_problem_is_explained(harness: GatewayHarness, kind: Any) -> None:  # noqa: ANN401 - a ProblemKind
    answer = harness.client.get(kind.type)

    assert kind.meaning in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/schemas/unknown.json", 404),
        ("GET", "/problems/unknown", 404),
        ("GET", "/events", 405),
        ("PUT", "/events", 405),
        ("GET", "/metrics", 404),
        ("OPTIONS", "/events", 405),
    ],
)
def test_an_unknown_address_or_method_is_a_problem(
    harness: GatewayHarness, method: str, path: str, status: int
) -> None:
    answer = harness.client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert (status != 405) or answer.headers["allow"]


def test_a_failure_is_answered_and_logged_without_what_was_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    harness = GatewayHarness()
    harness.writer.failure = RuntimeError(f"cannot write {json.dumps(event())}")
    with caplog.at_level(logging.DEBUG):
        status, answer = harness.send(event())

    assert (status, answer["type"]) == (500, "/problems/internal_error")
    assert "RuntimeError" in caplog.text
    assert "0750652B" not in caplog.text


def test_answers_are_counted_by_status(harness: GatewayHarness) -> None:
    harness.send(event())
    harness.send(event(id=""))
    harness.client.get("/nowhere")

    def requests(status: str) -> float:
        return harness.metric("smartregion_gateway_requests_total", status=status)

    assert (requests("202"), requests("422"), requests("404")) == (1, 1, 1)
    assert harness.metric("smartregion_gateway_request_seconds_count") == 2


def test_the_labels_of_producers_are_those_of_the_declaration(harness: GatewayHarness) -> None:
    harness.send(event(), headers={**signed(b""), "smartregion-producer": "made-up"})

    assert b"made-up" not in generate_latest(harness.exposition._registry)
