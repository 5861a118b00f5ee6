"""From lines to published events."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import TopicsMissingError
from events.cloudevent import CloudEvent, encode_structured
from sources.client import DeliveryReport, FailedDelivery
from sources.client.protocol import DeliveryError
from sources.emitting import lines as emitting
from sources.emitting.lines import Emission, RefusedLine, bounded_lines, emit
from tests.support.facts import cloud_events
from tests.support.histories import event, uai
from tests.support.watched_publisher import FailingPublisher, RecordingPublisher

EARLIER = event("school.closed", uai("0750001"), "2019-03-11", id="earlier")
BAD_LINES = st.sampled_from([b"{}\n", b"not json\n", b"[1, 2\n", b"\xff\xfe\n"])
BLANK_LINES = st.sampled_from([b"\n", b"  \r\n"])


def line_of(event: CloudEvent) -> bytes:
    return encode_structured(event).value + b"\n"


def emitted(
    lines: Iterable[bytes], publisher: RecordingPublisher
) -> tuple[Emission, list[RefusedLine]]:
    """Emit lines; what was counted and what was refused."""
    refused: list[RefusedLine] = []
    return emit(lines, publisher, on_refused=refused.append), refused


class ClosedPublisher(RecordingPublisher):
    """Knows no topic but that of the first event."""

    def publish(self, event: CloudEvent) -> None:
        if self.events:
            raise TopicsMissingError("broker:9092", ["smartregion.schools"])
        super().publish(event)


@given(
    lines=st.lists(
        st.one_of(cloud_events().map(lambda event: (line_of(event), event)), BAD_LINES, BLANK_LINES)
    )
)
def test_no_valid_event_is_lost_to_its_neighbours(
    lines: list[tuple[bytes, CloudEvent] | bytes],
) -> None:
    """Nor to a byte order mark."""
    publisher = RecordingPublisher()
    texts = [line if isinstance(line, bytes) else line[0] for line in lines]
    texts[:1] = [b"\xef\xbb\xbf" + text for text in texts[:1]]
    emission, refused = emitted(texts, publisher)
    valid = [line[1] for line in lines if isinstance(line, tuple)]
    bad = [
        number
        for number, line in enumerate(lines, start=1)
        if isinstance(line, bytes) and line.strip()
    ]
    assert publisher.events == valid
    assert [line.number for line in refused] == bad
    assert (emission.accepted, emission.refused, emission.lines) == (
        len(valid),
        len(bad),
        len(lines),
    )


@given(events=st.lists(cloud_events(), min_size=2, max_size=4, unique_by=lambda event: event.id))
def test_lost_events_name_the_first_line(events: list[CloudEvent]) -> None:
    emission = Emission()
    with pytest.raises(DeliveryError, match="broken") as lost:
        emit(
            [b"\n", *map(line_of, events)], FailingPublisher(1), on_refused=print, emission=emission
        )
    assert (lost.value.line, lost.value.undelivered) == (3, len(events) - 1)
    assert emission.accepted == 1


@given(events=st.lists(cloud_events(), min_size=2, max_size=2, unique_by=lambda event: event.id))
def test_what_was_sent_before_an_error_is_settled(events: list[CloudEvent]) -> None:
    emission = Emission()
    with pytest.raises(DeliveryError, match="topics apply") as lost:
        emit(map(line_of, events), ClosedPublisher(), on_refused=print, emission=emission)
    assert (lost.value.line, emission.accepted) == (2, 1)


@given(event=cloud_events())
def test_long_inputs_are_settled_on_the_way(event: CloudEvent) -> None:
    """A broken broker is noticed long before the end of an endless input."""

    def endless() -> Iterator[bytes]:
        while True:
            yield line_of(event)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emitting, "LINES_PER_FLUSH", 3)
        with pytest.raises(DeliveryError) as lost:
            emit(endless(), FailingPublisher(0), on_refused=print)
    assert lost.value.undelivered == 2


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (
            DeliveryReport(0, (FailedDelivery(EARLIER, "not yours", refused=True),)),
            "an earlier line: event 'earlier': was refused (not yours)",
        ),
        (
            DeliveryReport(0, raw_failures=("its type is unknown",)),
            "an earlier line: event of another version: was refused (its type is unknown)",
        ),
    ],
)
def test_a_refused_event_of_the_spool_has_no_line(report: DeliveryReport, said: str) -> None:
    """It is counted and reported all the same, even if this version cannot read it."""

    class Spooling(RecordingPublisher):
        def flush(self) -> DeliveryReport:
            return report

    emission, refused = emitted([], Spooling())
    assert (emission.refused, [str(one) for one in refused]) == (1, [said])


@given(
    text=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"x" * 70_000])).map(b"".join),
    longest=st.integers(1, 5),
)
def test_each_line_is_there_with_its_beginning(text: bytes, longest: int) -> None:
    whole = io.BytesIO(text).readlines()

    assert list(bounded_lines(io.BytesIO(text), longest=longest)) == [
        line[: longest + 1] for line in whole
    ]


def test_the_beginning_is_given_before_the_rest_is_read() -> None:
    """An endless line is reported at once."""

    class Endless(io.BytesIO):
        asked = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            self.asked += 1
            return b"x" * (size or 0)

    stream = Endless()

    assert next(bounded_lines(stream, longest=3)) == b"xxxx"
    assert stream.asked == 1
