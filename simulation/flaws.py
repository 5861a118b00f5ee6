"""Flaws: the mistakes that faulty producing systems make in an event's line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from events.errors import RefusalReason
from events.fact import JSON, Family

__all__ = ["FLAWS", "Flaw"]

UAI_OF_PARIS = "0750001U"
SIRET_MISTYPED = "23750007900313"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One mistake: how it changes a valid line of a family, and the reason of its refusal."""

    mistake: str
    family: Family
    reason: RefusalReason
    spoil: Callable[[str], str]


def _in_data(**changes: JSON) -> Callable[[str], str]:
    def spoil(line: str) -> str:
        event = json.loads(line)
        event["data"].update(changes)
        return _written(event)

    return spoil


def _in_envelope(**changes: JSON) -> Callable[[str], str]:
    return lambda line: _written({**json.loads(line), **changes})


def _without(field: str) -> Callable[[str], str]:
    def spoil(line: str) -> str:
        event = json.loads(line)
        del event["data"][field]
        return _written(event)

    return spoil


def _wrong_letter(line: str) -> str:
    event = json.loads(line)
    uai = event["data"]["uai"]
    event["data"]["uai"] = uai[:-1] + ("A" if uai[-1] != "A" else "B")
    return _written(event)


def _day_to_come(line: str) -> str:
    event = json.loads(line)
    day = date.fromisoformat(event["data"]["updated_on"])
    event["data"]["updated_on"] = (day + timedelta(days=30)).isoformat()
    return _written(event)


def _without_zone(line: str) -> str:
    event = json.loads(line)
    event["time"] = event["time"].removesuffix("Z")
    return _written(event)


def _cut_short(line: str) -> str:
    return line[: len(line) * 2 // 3]


def _several_at_once(line: str) -> str:
    return f"[{line}]"


def _data_alone(line: str) -> str:
    return _written(json.loads(line)["data"])


def _written(event: object) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


FLAWS: tuple[Flaw, ...] = (
    Flaw("wrong check letter", Family.SCHOOLS, RefusalReason.INVALID_DATA, _wrong_letter),
    Flaw(
        "unknown type",
        Family.SCHOOLS,
        RefusalReason.UNKNOWN_TYPE,
        _in_envelope(type="fr.iledefrance.smartregion.school.repainted.v1"),
    ),
    Flaw(
        "another département than the lycée's",
        Family.EQUIPMENT,
        RefusalReason.INVALID_DATA,
        _in_data(department="77", uai=UAI_OF_PARIS),
    ),
    Flaw("nothing delivered", Family.EQUIPMENT, RefusalReason.INVALID_DATA, _in_data(quantity=0)),
    Flaw(
        "more connectable premises than premises",
        Family.BROADBAND,
        RefusalReason.INVALID_DATA,
        _in_data(premises=1200, connectable_premises=1300),
    ),
    Flaw(
        "commune of another region",
        Family.BROADBAND,
        RefusalReason.INVALID_DATA,
        _in_data(insee="69123"),
    ),
    Flaw("unknown field", Family.COWORKING, RefusalReason.INVALID_DATA, _in_data(meeting_rooms=4)),
    Flaw("cut short", Family.COWORKING, RefusalReason.INVALID_JSON, _cut_short),
    Flaw(
        "more hours occupied than available",
        Family.WORKSTATIONS,
        RefusalReason.INVALID_DATA,
        _in_data(available_hours=10),
    ),
    Flaw("time without zone", Family.WORKSTATIONS, RefusalReason.INVALID_ENVELOPE, _without_zone),
    Flaw(
        "several events at once", Family.TRAININGS, RefusalReason.NOT_A_CLOUDEVENT, _several_at_once
    ),
    Flaw("day left out", Family.TRAININGS, RefusalReason.INVALID_DATA, _without("completed_on")),
    Flaw(
        "SIRET that fails its check",
        Family.GRANTS,
        RefusalReason.INVALID_DATA,
        _in_data(siret=SIRET_MISTYPED),
    ),
    Flaw(
        "day of another century",
        Family.GRANTS,
        RefusalReason.DAY_OUT_OF_RANGE,
        _in_data(committed_on="1917-02-01"),
    ),
    Flaw("day to come", Family.DATASETS, RefusalReason.DAY_OUT_OF_RANGE, _day_to_come),
    Flaw("data without envelope", Family.DATASETS, RefusalReason.NOT_A_CLOUDEVENT, _data_alone),
)
