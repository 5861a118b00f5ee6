"""Makes drawn events ones that the producer may send, so that nothing else refuses them.

The document has the form of sources, times, days and identifiers; which of them are valid it says
in words. Values that are wrong by their form stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from events.contracts.json_schema import schema_of
from events.identifiers import uai_check_letter
from events.registry import FACTS
from tests.support.facts import with_check_digit

SOURCE: Final = "/openapi"
"""Of the producer that `tests.openapi.run` declares."""
TIME: Final = "2019-03-11T09:30:00Z"
_FIRST_DAY: Final = "2010-01-01"
_DAY: Final = "2019-03-11"

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(
    rf"{_DATE.pattern}T[0-9:]{{8}}(\.[0-9]+)?(Z|[+-][0-9:]{{5}})", re.IGNORECASE
)
_REFERENCE: Final = re.compile(r"[A-Za-z0-9:/?#\[\]@!$&'()*+,;=._~%-]{1,256}")
_UAI: Final = re.compile(r"0(75|77|78|91|92|93|94|95)[0-9]{4}[A-HJ-NPR-Z]")
_SIRET: Final = re.compile(r"[0-9]{14}")


def sendable_event(event: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return an event in structured mode; what is none stays as it is."""
    if not isinstance(event, dict):
        return event
    attributes = {**event, **_sendable_attributes(event)}
    data = event.get("data")
    return {**attributes, "data": _sendable_data(data)} if isinstance(data, dict) else attributes


def sendable_binary(headers: Mapping[str, Any], data: Any) -> tuple[dict[str, str], Any]:  # noqa: ANN401
    """Return the headers to replace of an event in binary mode, and its data.

    Of the data the document says no more than that they are an object: those of the example of the
    event's contract stand for any object.
    """
    fact = FACTS.get(str(headers.get("ce-type")))
    if fact is not None and isinstance(data, dict):
        data = schema_of(fact)["examples"][0]["data"]
    return _sendable_attributes(headers, "ce-"), data


def _sendable_attributes(attributes: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    return {
        **_replaced(attributes, f"{prefix}source", _REFERENCE, lambda _: SOURCE),
        **_replaced(attributes, f"{prefix}time", _INSTANT, lambda _: TIME),
    }


def _sendable_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fact's data with days that it can have, and identifiers that pass their checks."""
    return {
        **{name: _past_day(value) for name, value in data.items()},
        **_replaced(data, "uai", _UAI, lambda uai: uai[:7] + uai_check_letter(uai[:7])),
        **_replaced(data, "siret", _SIRET, lambda siret: with_check_digit(siret[:13])),
    }


def _replaced(
    values: Mapping[str, Any], name: str, form: re.Pattern[str], replace: Callable[[str], str]
) -> dict[str, str]:
    value = values.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        return {}
    return {name: replace(value)}


def _past_day(value: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return value
    return value if _FIRST_DAY <= value <= _DAY else _DAY
