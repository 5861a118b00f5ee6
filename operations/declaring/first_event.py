"""A producer's first event, to try: the example of its first fact, as of today."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, product
from types import MappingProxyType
from typing import Any, Final

from events.cloudevent import decode_json
from events.communes import COMMUNES
from events.contracts.json_schema import schema_of
from events.errors import ContractError
from events.fact import Fact, entity_key
from events.identifiers import DEPARTMENTS, uai_check_letter, uai_department
from events.observation import Territory
from events.producers.model import Producer, Producers
from events.registry import FACTS

#: A lycée's number is no more than well-formed: this program has no register of lycées.
_LYCEES: Final = tuple(
    f"{digits}{uai_check_letter(digits)}" for digits in (f"0{code}0001" for code in DEPARTMENTS)
)
#: What the fields that are part of an entity's identifier may be, where a place is in them.
_PLACES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"uai": _LYCEES, "insee": tuple(chain(*COMMUNES.values())), "territory": tuple(Territory)}
)
#: What `*` stands for in an identifier that is made: the first of these that the contract takes.
_NUMBERS: Final = ("1", "01", "001", "0001", "00001", "000001")


def first_event(producer: Producer, producers: Producers, now: datetime) -> dict[str, Any]:
    """Return an event in structured mode that the contract accepts; `now` is aware.

    Its entity is one that the producer owns, where such an identifier can be made.
    Raises ContractError where the clock is at a time that no event may have.
    """
    kind = next(kind for kind in FACTS if kind in producer.event_types)
    fact = FACTS[kind]
    example = schema_of(fact)["examples"][0]["data"]
    # A period of one day stays one.
    today = {name: now.date().isoformat() for name in example if example[name] == example[fact.DAY]}
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"{producer.id}-first-event",
        "source": producer.sources[0],
        "type": kind,
        "time": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "data": {**example, **today},
    }
    decode_json(json.dumps(event).encode())
    tried = (
        event | {"data": {**event["data"], **one}} for one in _entities(producer, fact, example)
    )
    return next((one for one in (event, *tried) if is_its_own(one, producers)), event)


def is_its_own(event: dict[str, Any], producers: Producers) -> bool:
    """Return False where the event's entity is another owner's, or nobody's."""
    try:
        producers.ownership.judge(decode_json(json.dumps(event).encode()))
    except ContractError:
        return False
    return True


def _fitting(pattern: str, example: Sequence[str]) -> Iterator[str]:
    """Yield identifiers that a pattern stands for, itself where it is one.

    `example` are the parts of an identifier, which `*` may stand for too, and of which a pattern
    may leave out the last ones (`ARCEP-*`).
    """
    if "*" not in pattern:
        yield pattern
        return
    for start in (*_NUMBERS, *example):
        for further in range(len(example)):
            yield pattern.replace("*", entity_key(start, *example[len(example) - further :]))


def _entities(
    producer: Producer, fact: type[Fact], example: Mapping[str, Any]
) -> Iterator[dict[str, str]]:
    """Yield fields of entities that may be the producer's: those that it names, then places."""
    keys = fact.key_fields()
    for pattern in chain.from_iterable(share.entities for share in producer.owns):
        for entity in _fitting(pattern, [str(example[key]) for key in keys]):
            if len(parts := entity.split("/")) == len(keys):
                yield dict(zip(keys, parts, strict=True))
    places = [name for name in keys if name in _PLACES]
    for values in product(*(_PLACES[name] for name in places)):
        found = dict(zip(places, values, strict=True))
        if "uai" in found and "commune" in fact.model_fields:
            # A lycée is in a commune of its département.
            found["commune"] = COMMUNES[uai_department(found["uai"])][0]
        yield found
