"""The records of a run, each with its expected outcome.

A record's fate follows from how it was made: nothing here calls the code that the workers run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from typing import Final, NamedTuple

from events.cloudevent import CONTENT_TYPE, STRUCTURED, CloudEvent
from events.errors import RefusalReason
from events.fact import Family
from events.milestone import ExplanationKind, MilestoneExplained
from events.observation import Territory
from events.registry import FACTS
from events.topics import topic_name
from simulation.emitter import RecordKind
from simulation.explanations import simulated_explanations
from simulation.simulator import simulate
from tests.support.traffic import message_of

Headers = tuple[tuple[str, bytes | None], ...]

#: The headers of most records: others take a slower path through a worker.
PLAIN: Final[Headers] = ((CONTENT_TYPE, STRUCTURED),)
_WITH_PARAMETER: Final[Headers] = ((CONTENT_TYPE, STRUCTURED + b"; charset=utf-8"),)
FORWARDED_FROM: Final = "smartregion-forwarded-from"
#: A client's own headers, with duplicate names and with null or empty values.
_EXTRA: Final[Headers] = (
    *(("trace", b"a1"), ("trace", b"b2"), ("Trace", b"c3")),
    *(("note", None), ("empty", b"")),
)
_NO_TEXT: Final = ("raw", b"\xff\xfe")
_RAW_SHARE: Final = 0.1
#: The share of rivals that reuse the other record's source and id.
_REUSED_SHARE: Final = 0.25
#: A coworking site may move to another département.
_OPENED: Final = b".coworking.opened."
_PLACE: Final = rb'"department":"[0-9]+","commune":"[0-9]+"'
_PLACES: Final = (
    b'"department":"77","commune":"77288"',
    b'"department":"93","commune":"93001"',
)
#: Personal data, which no dead letter may repeat.
PERSON: Final = b"jean.dupont@example.org"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EXPLANATIONS: Final = 240


class Fate(NamedTuple):
    """The expected fate of a record: why it is refused, and what its dead letter keeps."""

    reason: RefusalReason | None = None
    """None: the record is accepted."""
    is_kept: bool = True
    """False if the dead letter may contain nothing of the record but sizes."""


ACCEPTED: Final = Fate()


@dataclass(frozen=True, slots=True)
class Sent:
    """A record to send."""

    family: Family
    """Of its topic."""
    key: bytes | None
    value: bytes | None
    headers: Headers = PLAIN
    fate: Fate = ACCEPTED

    @property
    def fits_a_request(self) -> bool:
        """False if its fate does not follow from its value alone."""
        reasons = (RefusalReason.NULL_VALUE, RefusalReason.WRONG_TOPIC)
        return (
            self.fate.reason not in (*reasons, RefusalReason.NOT_A_CLOUDEVENT)
            and _NO_TEXT not in self.headers
        )


class Fates:
    """The fate of each record of a run, by its topic, value and headers."""

    def __init__(self, records: Iterable[Sent]) -> None:
        self._fates: dict[tuple[str, bytes | None, Headers], Fate] = {}
        for one in records:
            topic = topic_name(one.family)
            self._fates[topic, one.value, one.headers] = one.fate
            if one.fits_a_request:
                self._fates[topic, one.value, PLAIN] = one.fate

    def of(
        self, topic: str, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]
    ) -> Fate:
        """Return the fate of a stored record. Raises KeyError if it was never sent."""
        own = tuple(headers)
        if own and own[-1][0] == FORWARDED_FROM:
            own = own[:-1]
        return self._fates[topic, value, own]


class Said(NamedTuple):
    """The content of a valid event; of two for the same cell, the greater `order` counts."""

    kind: str
    entity: str
    fact: str
    day: str
    order: tuple[int, str, str, bool]
    """Time in microseconds since 1970, source, id; of a reused id, a retraction counts less."""
    is_retracted: bool

    @property
    def cell(self) -> tuple[str, str, str]:
        """The entity, the fact and the day of the event."""
        return self.entity, self.fact, self.day


@cache
def said(value: bytes) -> Said:
    """Return the content of a valid event, read without the workers' code."""
    event = json.loads(value)
    kind, data = FACTS[event["type"]], event["data"]
    time = (datetime.fromisoformat(event["time"]) - _EPOCH) // timedelta(microseconds=1)
    return Said(
        event["type"],
        "/".join(data[name] for name in kind.key_fields()),
        kind.NAME,
        data[kind.DAY],
        (time, event["source"], event["id"], not data["retracted"]),
        data["retracted"],
    )


@cache
def pool() -> Mapping[bool, Sequence[Sent]]:
    """Return the records from which a run takes its own; True for explanations of milestones.

    The Région has few explanations, but a run needs many that change.
    """
    start, end = date(2016, 1, 1), date(2017, 12, 31)
    headers = (_WITH_PARAMETER, PLAIN, PLAIN, PLAIN, PLAIN + _EXTRA, PLAIN, PLAIN, PLAIN)
    region = tuple(
        Sent(one.family, one.key.encode(), one.line.encode(), headers[at % len(headers)])
        for at, one in enumerate(simulate(7, start, end))
        if one.kind is not RecordKind.INVALID
    )
    explanations = tuple(map(_explanation, range(_EXPLANATIONS)))
    for one in (*region, *explanations):
        assert one.value is not None
        said(one.value)
    return {False: region, True: explanations}


def _explanation(number: int) -> Sent:
    """Return an explanation: some correct another one of the same day, some are of other days."""
    chance = Random(number)
    one = chance.choice(simulated_explanations().said[:6])
    day = one.day + timedelta(days=chance.randrange(5))
    indicator, milestone = one.milestone.split("/")
    fact = MilestoneExplained(
        indicator=indicator,
        milestone=milestone,
        territory=chance.choice((Territory.REGION, Territory("D75"))),
        explained_on=day,
        kind=chance.choice((ExplanationKind.CAUSE, ExplanationKind.ACTION)),
        text=f"Texte {number} du responsable.",
        author_role=one.role,
        retracted=chance.random() < 0.1,
    )
    recorded = datetime(day.year, day.month, day.day, chance.randrange(24), tzinfo=UTC)
    source = "urn:iledefrance:explications"
    message = message_of(CloudEvent(f"reponse-{number}", source, recorded, fact))
    return Sent(message.family, message.key, message.value)


def rival(sent: Sent, chance: Random) -> Sent:
    """Return another record about the same cell at the same time, with different content.

    Source, id and, if the id is reused, content decide which counts, never the order of arrival.
    """
    value, drawn = sent.value or b"", chance.random()
    if drawn < 0.5:
        value = re.sub(rb'"source":"([^"]*)', rb'"source":"\1/annexe', value, count=1)
    mark = chance.choice((b"!", b"~"))  # Sorted before and after all other characters.
    if drawn < 1 - _REUSED_SHARE:
        value = re.sub(rb'"id":"', b'"id":"' + mark, value, count=1)
    if drawn < 1 - _REUSED_SHARE and _OPENED in value:
        there = _PLACES[_PLACES[0] in value]
        return replace(sent, value=re.sub(_PLACE, there, value, count=1))
    stands = (b'"retracted":false', b'"retracted":true')
    return replace(sent, value=value.replace(*(stands if stands[0] in value else stands[::-1])))


def damaged(sent: Sent, chance: Random) -> Sent:
    """Return a record with a mistake, which determines its fate."""
    found = chance.choice(_MISTAKES)(sent, chance)
    if chance.random() < 0.7:
        found = replace(found, headers=(*found.headers, *chance.choices(_EXTRA, k=3)))
    if found.fate.reason is not None and chance.random() < _RAW_SHARE:
        fate = found.fate._replace(is_kept=False)
        found = replace(found, headers=(*found.headers, _NO_TEXT), fate=fate)
    return found


def _refused(
    sent: Sent, reason: RefusalReason, value: bytes | None, *, is_kept: bool = True
) -> Sent:
    return replace(sent, value=value, fate=Fate(reason, is_kept))


def _cut(sent: Sent, chance: Random) -> Sent:
    value = sent.value or b""
    # The part after the cut cannot be searched for a person's data.
    cut = value[: chance.randrange(1, len(value))]
    return _refused(sent, RefusalReason.INVALID_JSON, cut, is_kept=False)


def _empty(sent: Sent, chance: Random) -> Sent:
    key = chance.choice((sent.key, None))
    return replace(_refused(sent, RefusalReason.INVALID_JSON, b""), key=key)


def _null(sent: Sent, _: Random) -> Sent:
    return _refused(sent, RefusalReason.NULL_VALUE, None)


def _without_content_type(sent: Sent, _: Random) -> Sent:
    return replace(_refused(sent, RefusalReason.NOT_A_CLOUDEVENT, sent.value), headers=())


def _on_another_topic(sent: Sent, chance: Random) -> Sent:
    others = [one for one in Family if one is not sent.family]
    other = replace(sent, family=chance.choice(others))
    return _refused(other, RefusalReason.WRONG_TOPIC, sent.value)


def _with_another_key(sent: Sent, _: Random) -> Sent:
    """Return a valid record: its key has no meaning, and mostly leads to a wrong partition."""
    return replace(sent, key=(sent.key or b"") + b"X")


def _edit(
    reason: RefusalReason, pattern: bytes, by: bytes, *, is_kept: bool = True
) -> Callable[[Sent, Random], Sent]:
    def edited(sent: Sent, _: Random) -> Sent:
        value, count = re.subn(pattern, by, sent.value or b"", count=1)
        assert count == 1
        return _refused(sent, reason, value, is_kept=is_kept)

    return edited


def _of_unknown_type(sent: Sent, chance: Random) -> Sent:
    # Without a contract, a field of such a name may hold a person's data.
    is_kept = re.search(rb'"(name|author_role)":', sent.value or b"") is None
    edit = _edit(RefusalReason.UNKNOWN_TYPE, rb'\.v[0-9]","time"', b'.v99","time"', is_kept=is_kept)
    return edit(sent, chance)


def _recorded_too_early(sent: Sent, chance: Random) -> Sent:
    value = sent.value or b""
    if said(value).day <= "2010-01-02":
        return _empty(sent, chance)
    return _edit(RefusalReason.DAY_OUT_OF_RANGE, rb'"time":"20..-..-..', b'"time":"2010-01-01')(
        sent, chance
    )


_MISTAKES: Final[Sequence[Callable[[Sent, Random], Sent]]] = (
    _cut,
    _empty,
    _null,
    _without_content_type,
    _on_another_topic,
    _with_another_key,
    _edit(RefusalReason.TIME_AHEAD, rb'"time":"20', b'"time":"21'),
    _recorded_too_early,
    _of_unknown_type,
    _edit(RefusalReason.NOT_OWNER, rb'"source":"[^"]*', b'"source":"urn:example:other'),
    _edit(RefusalReason.INVALID_ENVELOPE, rb'"id":"[^"]*', b'"id":"'),
    _edit(RefusalReason.INVALID_DATA, rb'"data":\{', b'"data":{"pages":3,'),
    _edit(
        RefusalReason.INVALID_DATA,
        rb'"data":\{',
        b'"data":{"contact":"' + PERSON + b'",',
        is_kept=False,
    ),
)
