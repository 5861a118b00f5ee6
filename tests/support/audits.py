"""Builders for audits: raw records in one line each, and catalogues of one indicator."""

from collections.abc import Iterable
from datetime import date
from itertools import count
from typing import Any, Final

from audit.recount import Audit, audit_records
from broker.stored_record import RawRecord
from catalogue.history import Reading
from catalogue.model import Catalogue, Programme
from events.cloudevent import CloudEvent, encode_structured
from events.partitioning import partition_for
from events.record_rules import microseconds
from events.topics import DEFAULT_PARTITIONS, topic_name
from tests.support.histories import event

INDICATOR: Final = "figure"

_offsets = count()


def raw(
    name: str,
    entity: str,
    day: str,
    /,
    *,
    partition: int | None = None,
    headers: Iterable[tuple[str, bytes]] = (),
    **fields: Any,
) -> RawRecord:
    """Return the record of a fact about an entity on a day; `fields` are those of `event`.

    It is on the entity's own partition of 8 unless said otherwise; `headers` are added.
    """
    return raw_record(event(name, entity, day, **fields), partition=partition, headers=headers)


def raw_record(
    event: CloudEvent, *, partition: int | None = None, headers: Iterable[tuple[str, bytes]] = ()
) -> RawRecord:
    """Return the record of an event, on its entity's own partition of 8 unless said otherwise."""
    encoded = encode_structured(event)
    home = partition_for(encoded.key, DEFAULT_PARTITIONS)
    return RawRecord(
        topic=topic_name(event.fact.FAMILY),
        partition=home if partition is None else partition,
        offset=next(_offsets),
        key=encoded.key,
        value=encoded.value,
        headers=(*encoded.headers, *headers),
        timestamp=microseconds(event.time) // 1000,
    )


def catalogue_of(measure: object, *, breakdown: str | None = None, **fields: object) -> Catalogue:
    """Return a catalogue with one indicator, `figure`, of the programme `test`."""
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
    """Audit records for one measure on a day, and return one reading; None for the region's."""
    return audited(records, measure, as_of, **fields).readings[INDICATOR, department]
