"""The scorecard of a producer: records accepted and refused, lateness, last event."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from events.dead_letters import RecordOrigin
from events.errors import RefusalReason
from events.frequency import Frequency, allowed_silence_days
from events.producers.model import UNKNOWN_PRODUCER, Producers
from operations.scorecards.references import ReportModel
from streams.state import moment_of


class ProducerStatus(StrEnum):
    """Whether a producer keeps to its declared frequency."""

    ON_TIME = "on_time"
    SILENT = "silent"
    NEVER_HEARD = "never_heard"
    NOTHING_PROMISED = "nothing_promised"


class Lateness(ReportModel):
    """Days from a fact's effective day to its recording: half are at most `median`, and so on.

    Each is the smallest number of days that holds for the share it names (nearest rank).
    """

    median: int
    ninth_decile: int
    most: int


class Refusals(ReportModel):
    """Refusals of one reason at one field, and the origin of one."""

    reason: str
    field: str
    count: int
    example: str
    """`smartregion.schools[3]@17`: topic, partition, offset; `http`: at the gateway."""


class Scorecard(ReportModel):
    """The records of one producer, up to a day.

    An event counts as accepted once, by its source and id: `duplicates` are the records that
    repeat one, `reused_ids` those with other content under the source and id of one. `misplaced`
    are records that a worker forwards to the partition of their entity. `replayed` are the accepted
    events that the monitor sent again after a refusal. `attempts` are refused records about what
    another producer owns today; `attempts_by_others` are records of others about what this one
    owns, refused. `valid_share` is the share of valid ones among the records that are no duplicates
    (0 to 1; None where there are none).
    """

    producer: str
    title: str
    contact: str | None
    as_of: date
    accepted: int
    replayed: int
    duplicates: int
    reused_ids: int
    misplaced: int
    refused: int
    attempts: int
    attempts_by_others: int
    refusals: tuple[Refusals, ...]
    """The most frequent first."""
    valid_share: float | None
    lateness: Lateness | None
    expected_every: Frequency | None
    last_event: datetime | None
    """The latest `time` of an accepted event."""
    silence_days: int | None
    allowed_silence_days: int | None
    standing: ProducerStatus


_COUNTS: Final = ("accepted", "replayed", "duplicates", "reused_ids", "misplaced")


def scorecards(
    records: sqlite3.Connection, producers: Producers, as_of: date
) -> Iterator[Scorecard]:
    """Yield a scorecard for each declared producer, in the order of their declaration.

    Records of no declared producer, where there are any, make a last one: `unknown`.
    """
    accepted = {row["producer"]: dict(row) for row in records.execute("SELECT * FROM card")}
    refusals = defaultdict[str, list[Refusals]](list)
    for row in records.execute("SELECT * FROM refusal"):
        example = str(RecordOrigin(row["topic"], row["partition"], row["offset"]))
        same = {name: row[name] for name in ("reason", "field", "count")}
        refusals[row["producer"]].append(Refusals(**same, example=example))
    # Not the producer's own: a worker may have refused it before it read the declaration.
    attempts = records.execute(
        "SELECT producer, owner FROM refused WHERE reason = ? AND owner IS NOT producer",
        (RefusalReason.NOT_OWNER,),
    ).fetchall()
    by, about = (Counter(row[name] for row in attempts) for name in ("producer", "owner"))
    declared: list[tuple[str, str, str | None, Frequency | None]] = [
        (one.id, one.title, one.contact, one.expected_every) for one in producers
    ]
    if UNKNOWN_PRODUCER in accepted.keys() | refusals.keys():
        declared.append((UNKNOWN_PRODUCER, "Not declared", None, None))
    for producer, title, contact, every in declared:
        counts = accepted.get(producer, {})
        last = moment_of(counts["last_event"]) if counts else None
        silence = None if last is None else (as_of - last.date()).days
        allowed = None if every is None else allowed_silence_days(every)
        refused = sum(one.count for one in refusals[producer])
        valid = counts.get("accepted", 0) - counts.get("replayed", 0)
        yield Scorecard(
            producer=producer,
            title=title,
            contact=contact,
            as_of=as_of,
            attempts=by[producer],
            attempts_by_others=about[producer],
            expected_every=every,
            allowed_silence_days=allowed,
            refusals=tuple(refusals[producer]),
            refused=refused,
            valid_share=valid / (valid + refused) if valid + refused else None,
            lateness=None
            if last is None
            else Lateness(**{name: counts[name] for name in Lateness.model_fields}),
            last_event=last,
            silence_days=None if silence is None else max(silence, 0),
            standing=_standing(silence, allowed),
            **{name: counts.get(name, 0) for name in _COUNTS},
        )


def _standing(silence: int | None, allowed: int | None) -> ProducerStatus:
    if silence is None:
        return ProducerStatus.NEVER_HEARD
    if allowed is None:
        return ProducerStatus.NOTHING_PROMISED
    return ProducerStatus.SILENT if silence > allowed else ProducerStatus.ON_TIME
