"""The rare states that rules exist for: how often a run has reached each of them.

A state that no run reaches is not tested, whatever its rule does. A probe observes what a function
of the product returns or raises, so that the product does not depend on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Final, NamedTuple

from aiokafka.errors import OffsetOutOfRangeError

from gateway.topics_writer import TopicsWriter
from streams import batch_transport
from streams.app import RebalanceEnd
from streams.assigned_partition import AssignedPartition
from streams.batch_transport import BatchConsumer
from streams.decisions import AcceptedLoss
from streams.engine import Engine
from streams.partition_snapshots import PartitionSnapshots
from streams.queries import received
from streams.state_store import StateStore
from streams.topic_faults import FaultKind
from streams.watchdog import Watchdog


class Probe(NamedTuple):
    """A rare state, and the function that detects it."""

    name: str
    owner: Any
    function: str
    is_reached: Callable[..., bool]
    """Called with what the function returned or raised, and its arguments."""


def _is_called(*_: object) -> bool:
    return True


def _is_true(found: object, *_: object) -> bool:
    return found is True


def _is_false(found: object, *_: object) -> bool:
    return found is False


def _has_raised(found: object, *_: object) -> bool:
    return isinstance(found, Exception)


def _has_lost(kind: FaultKind) -> Callable[..., bool]:
    return lambda found, *_: getattr(found, "fault", None) is kind


def _gap_stays(found: object, _: object, expected: int, offset: int, *__: object) -> bool:
    return found is False and offset > expected


def _is_replaying(_: object, consumer: BatchConsumer) -> bool:
    return consumer.to_catch_up() > 0


def _has_skipped(_: object, partition: AssignedPartition, fetched: int, *__: object) -> bool:
    position = partition.position
    last = None if position is None else position.last
    return last is not None and last.offset + 1 < fetched == partition.next


def _writes_again(found: Any, *_: object) -> bool:
    return any(batch.writes and not batch.is_new for batch in found)


def _lease_has_ended(found: str | None, *_: object) -> bool:
    return found is not None and "heartbeat" in found


def _is_partly(_: object, *given: object) -> bool:
    return given[-1] is True


PROBES: Final = (
    Probe("gap sought back to", AssignedPartition, "_is_gap", _is_true),
    Probe("gap that stays", AssignedPartition, "_is_gap", _gap_stays),
    Probe(
        "fetched offsets without a record",
        AssignedPartition,
        "_first_gap",
        lambda found, *_: found is not None,
    ),
    Probe("later leader", AssignedPartition, "_has_new_leader", _is_true),
    Probe("early end of a log", AssignedPartition, "_loss_of", _has_lost(FaultKind.EVENTS_LOST)),
    Probe(
        "late start of a log", AssignedPartition, "_loss_of", _has_lost(FaultKind.RECORDS_DELETED)
    ),
    Probe("another record than before", AssignedPartition, "_diverge", _is_called),
    Probe("accepted end of a log", AssignedPartition, "_is_end_accepted", _is_true),
    Probe("accepted start of a log", AcceptedLoss, "covers_start", _is_true),
    Probe("letters written again", AssignedPartition, "_batches_of", _writes_again),
    Probe("offsets without events", AssignedPartition, "skip_to", _has_skipped),
    Probe("attempt taken back", AssignedPartition, "withdraw_attempt", _is_true),
    Probe("snapshot taken over", StateStore, "adopt", _is_called),
    Probe("snapshot discarded", PartitionSnapshots, "discard", _is_called),
    Probe(
        "snapshot of another log",
        PartitionSnapshots,
        "discard",
        lambda _, __, ___, reason: "not found in the log" in reason,
    ),
    Probe("rebalance during a replay", BatchConsumer, "_begin_rebalance", _is_replaying),
    Probe("polled records sought back to", BatchConsumer, "_seek_back", _is_called),
    Probe("batch of a stopped partition", BatchConsumer, "is_stopped", _is_true),
    Probe("batch ended early", BatchConsumer, "done", _is_partly),
    Probe("batch left to a rebalance", BatchConsumer, "release", _is_called),
    Probe("ended lease", BatchConsumer, "ownership_problem", _lease_has_ended),
    Probe(
        "offset out of range",
        BatchConsumer,
        "_getmany",
        lambda found, *_: isinstance(found, OffsetOutOfRangeError),
    ),
    Probe("commit of another generation", batch_transport, "_check_commit", _has_raised),
    Probe("moved position", Engine, "_check_position", _has_raised),
    Probe("records processed singly", Engine, "_process_singly", _is_called),
    Probe("poison record", Engine, "_report_poison_record", _is_called),
    Probe("step after a rebalance begun again", RebalanceEnd, "_wait", _has_raised),
    Probe("end by the watchdog", Watchdog, "check", _has_raised),
    Probe("answer of a former owner", received, "_counts", _is_false),
    Probe("changes of what is not held", received, "_continues", _is_false),
    Probe("failed client of the gateway", TopicsWriter, "_close", _is_called),
)


def watch(reached: Counter[str]) -> None:
    """Count in `reached` how often each probe's state is reached in this process."""
    for probe in PROBES:
        setattr(probe.owner, probe.function, _watched(probe, reached))


def _watched(probe: Probe, reached: Counter[str]) -> Callable[..., Any]:
    function = getattr(probe.owner, probe.function)

    def look(found: object, given: Any, named: Any) -> None:
        if probe.is_reached(found, *given, *named.values()):
            reached[probe.name] += 1

    @wraps(function)
    def watched(*given: Any, **named: Any) -> Any:
        try:
            found = function(*given, **named)
        except Exception as error:
            look(error, given, named)
            raise
        look(found, given, named)
        return found

    @wraps(function)
    async def watched_coroutine(*given: Any, **named: Any) -> Any:
        try:
            found = await function(*given, **named)
        except Exception as error:
            look(error, given, named)
            raise
        look(found, given, named)
        return found

    return watched_coroutine if iscoroutinefunction(function) else watched
