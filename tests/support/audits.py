"""Builders for audits: raw records in one line each, and catalogues of one indicator."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from itertools import count
from typing import Any, Final

from pydantic_core import to_json

from catalogue.assessment import Reading
from catalogue.model import Catalogue, Programme
from events.cloudevent import CloudEvent, encode_structured
from events.identifiers import uai_check_letter
from events.partitioning import partition_for
from events.registry import FACTS_BY_NAME
from events.topics import topic_name
from streams.audit.records import RawRecord
from streams.audit.recount import Audit, audit_records

__all__ = ["INDICATOR", "audited", "catalogue_of", "raw", "reading", "uai"]

INDICATOR: Final = "figure"

_DEFAULTS: Final[Mapping[str, Mapping[str, object]]] = {
    "school.registered": {"name": "Lycée", "kind": "vocational", "commune": "75056"},
    "school.connected": {"downlink_mbps": 1000},
    "school.disconnected": {"reason": "fault"},
    "equipment.delivered": {"kind": "tablet", "quantity": 30},
    "coworking.opened": {"name": "Site", "department": "77", "commune": "77288"},
    "training.enrolled": {
        "programme": "second_digital_chance",
        "audience": "job_seeker",
        "department": "93",
    },
    "grant.committed": {"call": "second_digital_chance", "siret": "23750007900312"},
    "grant.paid": {"call": "second_digital_chance", "siret": "23750007900312"},
    "dataset.released": {
        "title": "Jeu",
        "theme": "transport",
        "publisher": "Région",
        "licence": "odbl",
        "update_frequency": "monthly",
    },
}
_numbers = count(1)


def uai(digits: str) -> str:
    """Complete the seven digits of a UAI: `0750001` is in Paris, `0770001` in Seine-et-Marne."""
    return digits + uai_check_letter(digits)


def raw(  # noqa: PLR0913 - the parts of an event, each with a default
    name: str,
    entity: str,
    day: str,
    *,
    at: str | None = None,
    id: str | None = None,  # noqa: A002 - CloudEvents' own word
    source: str = "/test",
    partition: int | None = None,
    headers: Iterable[tuple[str, bytes]] = (),
    **fields: object,
) -> RawRecord:
    """Give the record of a fact about an entity on a day, on its own partition of 8.

    It is recorded `at` noon of the day, under a new id, unless said otherwise.
    """
    number = next(_numbers)
    fact = FACTS_BY_NAME[name]
    data = {**_DEFAULTS.get(name, {}), fact.KEY: entity, fact.DAY: day, **fields}
    event = CloudEvent(
        id=id or f"event-{number}",
        source=source,
        time=datetime.fromisoformat(at or f"{day}T12:00:00").replace(tzinfo=UTC),
        fact=fact.model_validate_json(to_json(data)),
    )
    encoded = encode_structured(event)
    home = partition_for(encoded.key, 8)
    return RawRecord(
        topic=topic_name(fact.FAMILY),
        partition=home if partition is None else partition,
        offset=number,
        key=encoded.key,
        value=encoded.value,
        headers=(*encoded.headers, *headers),
    )


def catalogue_of(measure: object, *, breakdown: str | None = None, **fields: object) -> Catalogue:
    """Give a catalogue with one indicator, `figure`, of the programme `test`."""
    declared: dict[str, Any] = {
        "id": INDICATOR,
        "title": "Figure",
        "definition": "Ce que l'exemple compte.",
        "unit": "count",
        "direction": "rising",
        "grain": "department",
        "measure": measure,
        "breakdown": breakdown,
        "periodicity": "monthly",
        "availability_delay_days": 0,
        **fields,
    }
    programme = Programme.model_validate(
        {
            "id": "test",
            "title": "Essai",
            "promise": "Compter juste.",
            "owner": "Essais",
            "indicators": [declared],
        }
    )
    return Catalogue(programmes=(programme,))


def audited(
    records: Iterable[RawRecord],
    measure: object,
    as_of: str,
    *,
    known_on: str | None = None,
    **fields: Any,
) -> Audit:
    """Audit records for one measure on a day."""
    return audit_records(
        records,
        catalogue_of(measure, **fields),
        date.fromisoformat(as_of),
        None if known_on is None else date.fromisoformat(known_on),
    )


def reading(
    records: Iterable[RawRecord],
    measure: object,
    as_of: str,
    *,
    department: str | None = None,
    **fields: Any,
) -> Reading:
    """Audit records for one measure on a day, and give one reading; None: the region's."""
    return audited(records, measure, as_of, **fields).readings[INDICATOR, department]
