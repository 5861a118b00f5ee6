"""The import format of PILOTE, the State's policy barometer: one value of an indicator a line.

Columns `identifiant_indic;zone_id;date_valeur;type_valeur;valeur`, of which all but the last are
the key of a value; `zone_nom` may be among them. As PILOTE's own Table Schema has it,
`public/schema/sans-contraintes.json` of github.com/DITP-pilotage/pilote-2 (2023-02-17).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from boundary.diagnostic import Diagnostic
from events.identifiers import DEPARTMENTS
from events.observation import DECIMALS, LARGEST_VALUE, IndicatorObserved, Territory
from events.territory import TERRITORY
from sources.importing.conversions import ParsingError, read_day, read_decimal, write_decimal
from sources.importing.event_building import (
    FileReader,
    Finding,
    FoundEvent,
    LineOrigin,
    SkippedLine,
    event_of_line,
)
from sources.importing.table import Table, TableLayout

if TYPE_CHECKING:
    from sources.importing.catalogue_changes import CatalogueChanges

COLUMNS: Final = ("identifiant_indic", "zone_id", "date_valeur", "type_valeur", "valeur")
LAYOUT: Final = TableLayout(columns=COLUMNS, optional=("zone_nom",))
DELIMITER: Final = ";"
SOURCE: Final = "urn:iledefrance:pilote"

OURS: Final = {territory.value: territory for territory in Territory}
_ELSEWHERE: Final = re.compile(r"D(?:[0-9]{2}|2[AB]|97[0-9])|R[0-9]{2}")
"""Territories by their Insee codes, including those in `OURS`."""

_INDICATOR: Final = re.compile(r"IND-([0-9]{3}|[1-9][0-9]{3})")
# Days as people and spreadsheets write them for PILOTE: 2023-1-31, 31/1/23, and Excel's 01-31-23.
_DAYS: Final = (
    re.compile(r"(?P<year>20[0-9]{2})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"),
    re.compile(r"(?P<day>[0-9]{1,2})/(?P<month>[0-9]{1,2})/(?P<year>[0-9]{2})"),
    re.compile(r"(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})-(?P<year>[0-9]{2})"),
)
_CENTURY: Final = 2000
OTHER_TERRITORIES: Final = f"another territory than {TERRITORY.name}"
_FIRST, *_, _REGION, _COUNTRY = OURS
_ZONES: Final = f"{_FIRST}, {_REGION} or {_COUNTRY}"
_ALL_ZONES: Final = f"{_FIRST} to D{max(DEPARTMENTS)}, {_REGION} or {_COUNTRY}"


class ValueKind(StrEnum):
    """What a line's value is."""

    INITIAL = "vi"
    CURRENT = "va"
    TARGET = "vc"


_KINDS: Final = {kind.value: kind for kind in ValueKind}
_FIELDS: Final = {
    "indicator": "identifiant_indic",
    "territory": "zone_id",
    "observed_on": "date_valeur",
    "value": "valeur",
}


@dataclass(frozen=True, slots=True)
class PiloteValue:
    """An indicator's value in a territory on a day; None retracts it."""

    indicator: str
    territory: Territory
    day: date
    kind: ValueKind
    value: Decimal | None

    @property
    def key(self) -> tuple[str, Territory, date, ValueKind]:
        """Return what identifies the value: two lines may not have the same."""
        return self.indicator, self.territory, self.day, self.kind


def is_indicator(name: str) -> bool:
    """Return whether a name is an indicator's in PILOTE: IND-001 to IND-9999."""
    return _INDICATOR.fullmatch(name) is not None and name != "IND-000"


def read_value(origin: LineOrigin) -> PiloteValue | SkippedLine | list[Diagnostic]:
    """Return a row's value, or all that is wrong with it.

    A row of a territory outside the Région is skipped, whatever else it has.
    """
    cells = origin.cells
    refusals: list[Diagnostic] = []

    def refuse(column: str, problem: str, remedy: str) -> None:
        refusals.append(origin.refusal(column, problem, remedy))

    zone = cells["zone_id"].upper()
    territory = OURS.get(zone)
    if territory is None and _ELSEWHERE.fullmatch(zone):
        return SkippedLine(origin.line, OTHER_TERRITORIES)
    if territory is None:
        refuse("zone_id", *_zone_problem(zone))
    indicator = cells["identifiant_indic"].upper()
    if not is_indicator(indicator):
        problem = "is not an indicator's identifier" if indicator else "is empty"
        refuse("identifiant_indic", problem, "write IND-001 to IND-9999")
    kind = _KINDS.get(cells["type_valeur"].lower())
    if kind is None:
        problem = "is not a type of value" if cells["type_valeur"] else "is empty"
        refuse("type_valeur", problem, "write vi (initial), va (current) or vc (target)")
    day = value = None
    try:
        day = _read_day(cells["date_valeur"])
    except ParsingError as error:
        refuse("date_valeur", error.problem, error.remedy)
    try:
        value = _bounded(read_decimal(cells["valeur"])) if cells["valeur"] else None
    except ParsingError as error:
        refuse("valeur", error.problem, error.remedy)
    if refusals or territory is None or kind is None or day is None:
        return refusals
    return PiloteValue(indicator, territory, day, kind, value)


def _read_day(text: str) -> date:
    """Read a day in any form that PILOTE accepts. Raises ParsingError."""
    found = next(filter(None, (form.fullmatch(text) for form in _DAYS)), None)
    if found is None:
        return read_day(text)
    day, month, year = (int(found[part]) for part in ("day", "month", "year"))
    return read_day(f"{day:02}/{month:02}/{_CENTURY + year % 100}")


def _bounded(value: Decimal) -> Decimal:
    """Return the value of an observation. Raises ParsingError if it is too large."""
    if abs(value) > LARGEST_VALUE:
        remedy = f"write a number from -{LARGEST_VALUE} to {LARGEST_VALUE}"
        raise ParsingError("is out of range", remedy)
    rounded = value.quantize(Decimal(1).scaleb(-DECIMALS), ROUND_HALF_UP)
    return value if value == rounded else rounded


def _zone_problem(zone: str) -> tuple[str, str]:
    if not zone:
        return "is empty", f"write {_ALL_ZONES}"
    if zone in {"NAT-FR", "NAT", "FR"}:
        return "is not a zone", "write FRANCE"
    digits = zone.removeprefix("DEPT-").removeprefix("REG-")
    codes = (f"D{digits}", f"R{digits}")
    meant = [code for code in codes if code in OURS] or [*filter(_ELSEWHERE.fullmatch, codes)]
    return "is not a zone", f"write {' or '.join(meant)}" if meant else f"write {_ZONES}"


def pilote_text(values: Iterable[PiloteValue]) -> str:
    """Return values as a file of the format, in the order of their keys."""
    text = io.StringIO()
    table = csv.writer(text, delimiter=DELIMITER)
    table.writerow(COLUMNS)
    for one in sorted(values, key=lambda value: value.key):
        table.writerow(
            (
                one.indicator,
                one.territory.value,
                one.day.isoformat(),
                one.kind.value,
                "" if one.value is None else write_decimal(one.value),
            )
        )
    return text.getvalue()


class PiloteReader(FileReader):
    """Current values (va) become observations; `promises` takes the others (vi, vc)."""

    layout = LAYOUT

    def __init__(self, promises: CatalogueChanges) -> None:
        self._promises = promises

    def read(self, table: Table, time: datetime) -> Iterator[Finding]:
        """Yield the findings; an empty value is a retraction."""
        for row in table.rows():
            if isinstance(row, Diagnostic):
                yield row
                continue
            origin = LineOrigin(table.name, row.line, row.cells, _FIELDS)
            value = read_value(origin)
            if isinstance(value, list):
                yield from value
            elif isinstance(value, SkippedLine):
                yield value
            elif value.kind is ValueKind.CURRENT:
                yield from _observation(value, origin, time)
            else:
                self._promises.take(value, origin, time)

    def rest(self) -> Iterator[Finding]:
        """Yield the findings of the initial and the target values."""
        return self._promises.rest()


def _observation(
    value: PiloteValue, origin: LineOrigin, time: datetime
) -> list[FoundEvent] | list[Diagnostic]:
    fields = {
        "indicator": value.indicator,
        "territory": value.territory,
        "observed_on": value.day,
        # A retraction identifies its value by the day; the contract requires a number.
        "value": value.value or Decimal(0),
        "retracted": value.value is None,
    }
    return event_of_line(IndicatorObserved, fields, origin, source=SOURCE, time=time)
