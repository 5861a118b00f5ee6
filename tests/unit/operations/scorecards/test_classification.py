"""What became of each record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from events.dead_letters import GATEWAY, REPLAY_OF, RecordOrigin, RefusedRecords
from events.partitioning import partition_for
from operations.scorecards.classification import AcceptedRecord, RefusedRecord, classify_records
from tests.support.audits import raw
from tests.support.histories import uai
from tests.support.scorecards import LYCEES, broken, letter_of, refused_at_the_gateway

PARIS = uai("0750001")
REPLAY = (REPLAY_OF, b"0/17")


def test_a_broken_record_is_a_refusal_with_what_can_be_read_of_it() -> None:
    (seen,) = classify_records([broken(b'{"source": "urn:test:lycees", "id"')], [])

    assert isinstance(seen, RefusedRecord)
    assert (seen.reason, seen.source) == ("invalid_json", LYCEES)


def test_a_record_with_a_dead_letter_was_refused_for_its_reason() -> None:
    record = raw("school.connected", PARIS, "2018-01-01", source=LYCEES)
    letter = letter_of(record, reason="unknown_type", field="type")

    (seen,) = classify_records([record], [letter, letter_of(record, reason="not_owner")])

    assert isinstance(seen, RefusedRecord)
    assert (seen.reason, seen.field, seen.source) == ("unknown_type", "type", LYCEES)


def test_a_record_of_a_recreated_topic_was_not_refused() -> None:
    """It has the offset of one that was, and another timestamp."""
    record = raw("school.connected", PARIS, "2018-01-01", source=LYCEES)
    letter = replace(letter_of(record), timestamp=1)

    (seen,) = classify_records([record], [letter])

    assert isinstance(seen, AcceptedRecord)


def test_a_letter_that_does_not_keep_its_record_is_reported_by_the_record() -> None:
    """Whose it says it is, which is the same before a worker has made the letter."""
    record = broken(b'{"source": "urn:test:lycees", "id"')
    letter = replace(letter_of(record), value=b"", headers=())

    (seen,) = classify_records([record], [letter])

    assert isinstance(seen, RefusedRecord)
    assert (seen.reason, seen.source) == (letter.reason, LYCEES)


def test_each_record_of_a_summary_is_its_producer_s_refusal() -> None:
    """Once, though a worker that was killed wrote another letter of it."""
    records = [broken() for _ in range(3)]
    first, _, last = (record.offset for record in records)
    letter = replace(letter_of(records[0]), value=b"", headers=())
    where = letter.origin.topic, letter.origin.partition
    summaries = [
        replace(letter, summary=RefusedRecords(*where, (run,), (-1, 0)))
        for run in ((first, last), (first + 1, last + 7))
    ]

    seen = list(classify_records(records, summaries))

    assert [one.origin.offset for one in seen] == [record.offset for record in records]
    assert {(one.source, one.reason) for one in seen if isinstance(one, RefusedRecord)} == {
        (LYCEES, letter.reason)
    }


@pytest.mark.parametrize("letters_left", [0, 1])
def test_a_skipped_record_is_refused_unread(
    letters_left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended every worker that read it; its dead letter is gone after three months."""
    record = raw("school.connected", PARIS, "2018-01-01", source=LYCEES)
    letters = [letter_of(record, reason="passed_over", field="value")] * letters_left

    def ends(*_: object, **__: object) -> None:
        raise SystemExit

    monkeypatch.setattr("operations.scorecards.classification.decode", ends)
    monkeypatch.setattr("events.record_rules.decode", ends)
    (seen,) = classify_records([record], letters, skipped=[RecordOrigin(*record[:3])])

    assert isinstance(seen, RefusedRecord)
    assert (seen.reason, seen.field, seen.source) == ("passed_over", "value", LYCEES)


def test_what_the_gateway_refused_is_its_named_producer_s() -> None:
    letter = refused_at_the_gateway("lycees", b'{"source": "urn:test:other"}')

    seen = list(classify_records([], [letter, letter]))

    assert seen == [RefusedRecord("not_allowed", "type", GATEWAY, "urn:test:other", "lycees")] * 2


@pytest.mark.parametrize("partitions", [8, 12])
def test_a_record_on_another_partition_is_misplaced(partitions: int) -> None:
    """Than its entity's, among as many as the topic has; where its worker was does not matter."""
    home = partition_for(PARIS.encode(), partitions)
    records = [
        raw("school.connected", PARIS, "2018-01-01", partition=one) for one in range(partitions)
    ]

    seen = list(classify_records(records, [], partitions=partitions))

    assert [isinstance(one, AcceptedRecord) and one.misplaced for one in seen] == [
        one != home for one in range(partitions)
    ]


def test_a_replayed_record_is_an_event_and_no_new_refusal() -> None:
    valid = raw("school.connected", PARIS, "2018-01-01", headers=[REPLAY])
    refused = broken(headers=(REPLAY,))
    known = raw("school.connected", PARIS, "2018-01-02", headers=[REPLAY])

    (seen,) = classify_records([valid, refused, known], [letter_of(known)])

    assert isinstance(seen, AcceptedRecord)
    assert seen.replayed


def test_what_was_refused_is_not_shown_by_accident() -> None:
    refused = RefusedRecord("invalid_data", "data.siret", GATEWAY, value="Jeanne Dupont")

    assert "Dupont" not in repr(refused)
