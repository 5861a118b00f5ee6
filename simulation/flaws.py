"""Flaws: the mistakes that faulty producing systems make in an event's line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, NamedTuple

from events.errors import RefusalReason
from events.fact import JSON, Family

__all__ = ["FLAWS"]

UAI_OF_PARIS = "0750001U"
SIRET_MISTYPED = "23750007900313"


class Flaw(NamedTuple):
    """One mistake in a family's lines: the reason of its refusal, and how a valid line changes."""

    family: Family
    reason: RefusalReason
    spoil: Callable[[str], str]


def _written(event: object) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _edited(edit: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    """Return what reads a line's event, edits it and writes it again."""

    def spoil(line: str) -> str:
        event = json.loads(line)
        edit(event)
        return _written(event)

    return spoil


def _in_data(**changes: JSON) -> Callable[[str], str]:
    return _edited(lambda event: event["data"].update(changes))


def _in_envelope(**changes: JSON) -> Callable[[str], str]:
    return _edited(lambda event: event.update(changes))


def _without(field: str) -> Callable[[str], str]:
    return _edited(lambda event: event["data"].pop(field))


@_edited
def _wrong_letter(event: dict[str, Any]) -> None:
    uai = event["data"]["uai"]
    event["data"]["uai"] = uai[:-1] + ("A" if uai[-1] != "A" else "B")


@_edited
def _day_to_come(event: dict[str, Any]) -> None:
    day = date.fromisoformat(event["data"]["updated_on"])
    event["data"]["updated_on"] = (day + timedelta(days=30)).isoformat()


@_edited
def _without_zone(event: dict[str, Any]) -> None:
    event["time"] = event["time"].removesuffix("Z")


def _cut_short(line: str) -> str:
    return line[: len(line) * 2 // 3]


def _several_at_once(line: str) -> str:
    return f"[{line}]"


def _data_alone(line: str) -> str:
    return _written(json.loads(line)["data"])


_OTHER_TYPE = _in_envelope(type="fr.iledefrance.smartregion.school.repainted.v1")
_OTHER_DEPARTMENT = _in_data(department="77", uai=UAI_OF_PARIS)
_MORE_CONNECTABLE_THAN_ALL = _in_data(premises=1200, connectable_premises=1300)
_COMMUNE_OF_ANOTHER_REGION = _in_data(insee="69123")
_MORE_OCCUPIED_THAN_AVAILABLE = _in_data(available_hours=10)
_ANOTHER_CENTURY = _in_data(committed_on="1917-02-01")

FLAWS: tuple[Flaw, ...] = (
    Flaw(Family.SCHOOLS, RefusalReason.INVALID_DATA, _wrong_letter),
    Flaw(Family.SCHOOLS, RefusalReason.UNKNOWN_TYPE, _OTHER_TYPE),
    Flaw(Family.EQUIPMENT, RefusalReason.INVALID_DATA, _OTHER_DEPARTMENT),
    Flaw(Family.EQUIPMENT, RefusalReason.INVALID_DATA, _in_data(quantity=0)),
    Flaw(Family.BROADBAND, RefusalReason.INVALID_DATA, _MORE_CONNECTABLE_THAN_ALL),
    Flaw(Family.BROADBAND, RefusalReason.INVALID_DATA, _COMMUNE_OF_ANOTHER_REGION),
    Flaw(Family.COWORKING, RefusalReason.INVALID_DATA, _in_data(meeting_rooms=4)),
    Flaw(Family.COWORKING, RefusalReason.INVALID_JSON, _cut_short),
    Flaw(Family.WORKSTATIONS, RefusalReason.INVALID_DATA, _MORE_OCCUPIED_THAN_AVAILABLE),
    Flaw(Family.WORKSTATIONS, RefusalReason.INVALID_ENVELOPE, _without_zone),
    Flaw(Family.TRAININGS, RefusalReason.NOT_A_CLOUDEVENT, _several_at_once),
    Flaw(Family.TRAININGS, RefusalReason.INVALID_DATA, _without("completed_on")),
    Flaw(Family.GRANTS, RefusalReason.INVALID_DATA, _in_data(siret=SIRET_MISTYPED)),
    Flaw(Family.GRANTS, RefusalReason.DAY_OUT_OF_RANGE, _ANOTHER_CENTURY),
    Flaw(Family.DATASETS, RefusalReason.DAY_OUT_OF_RANGE, _day_to_come),
    Flaw(Family.DATASETS, RefusalReason.NOT_A_CLOUDEVENT, _data_alone),
)
