"""Initial and target values merged into a programme's declaration.

A declaration is the plain data of a programme's file (see docs/catalogue.md). Only the baselines
and the milestones of observed indicators are changed, and only where a value differs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final, TypeAlias

from boundary.diagnostic import Diagnostic
from catalogue.model import LAST_DAY
from catalogue.territories import REGION
from events.identifiers import FIRST_DAY, Department
from events.observation import Territory
from operations.importing.event_building import LineOrigin
from operations.importing.findings import Finding, SkippedLine
from operations.importing.pilote import PiloteValue, ValueKind

__all__ = [
    "AGAINST",
    "KEPT",
    "LATER",
    "UNDECIDED",
    "Declaration",
    "ImportHints",
    "Promise",
    "merge",
]

Declaration: TypeAlias = dict[str, Any]

KEPT: Final = "an initial or a target value, now in the catalogue"
AGAINST: Final = "a target value against its indicator's direction, now in the catalogue"
LATER: Final = "an initial value later than the first"
UNDECIDED: Final = "an initial or a target value of an indicator whose direction is not known"

DEPARTMENTS: Final = tuple(department.value for department in Department)
COUNTRY: Final = "country"
RISING: Final = "rising"
FALLING: Final = "falling"
HUNDRED: Final = 100


@dataclass(frozen=True, slots=True)
class Promise:
    """An initial or a target value, with its line."""

    value: PiloteValue
    origin: LineOrigin
    time: datetime


@dataclass(frozen=True, slots=True)
class ImportHints:
    """What is not in PILOTE's files and is given with them: indicators by name."""

    percent: Collection[str] = ()
    rising: Collection[str] = ()
    falling: Collection[str] = ()

    def direction(self, name: str) -> str | None:
        """Return the direction that is given for an indicator; None where none is."""
        if name in self.falling:
            return FALLING
        return RISING if name in self.rising else None


def merge(
    declared: Declaration, values: Iterable[Promise], hints: ImportHints | None = None
) -> tuple[Declaration, list[Finding]]:
    """Merge values into a copy of a declaration; return it, and what has become of each line.

    An indicator that is not there yet is added. The first initial value of a territory is its
    baseline; each target value is a milestone of its territory and day; France's are kept apart.
    A second merge of the same values changes nothing.
    """
    merged = deepcopy(declared)
    indicators: list[Declaration] = merged["indicators"]
    findings: list[Finding] = []
    by_indicator: dict[str, list[Promise]] = defaultdict(list)
    for promise in values:
        by_indicator[promise.value.indicator].append(promise)
    for name, promises in sorted(by_indicator.items()):
        at = next(
            (at for at, one in enumerate(indicators) if one["measure"].get("observed") == name),
            None,
        )
        before = None if at is None else indicators[at]
        entry, found = _merged(before, name, promises, hints or ImportHints())
        findings += found
        if at is not None:
            indicators[at] = entry
        elif entry.keys() & {"baselines", "milestones", COUNTRY}:
            indicators.append(entry)
    return merged, findings


def _merged(
    before: Declaration | None, name: str, promises: Collection[Promise], hints: ImportHints
) -> tuple[Declaration, list[Finding]]:
    """Merge the values of one indicator; where its direction is in doubt, nothing is changed.

    The direction (PILOTE's tendance) is the indicator's, whatever the territory, and is not in the
    files: it is in the hints, or in the catalogue, or the one that all targets have.
    """
    is_percent = name in hints.percent
    entry = deepcopy(before) if before else _new_entry(name, promises, percent=is_percent)
    nation = _nation(entry)
    findings = [
        *_Territories(entry).take(one for one in promises if not _is_national(one)),
        *_Territories(nation).take(one for one in promises if _is_national(one)),
    ]
    _keep_nation(entry, nation)
    ways = _ways(entry)
    direction = hints.direction(name)
    if direction is None and before is not None:
        direction = before["direction"]
        is_doubtful = entry != before and bool(ways) and direction not in ways.values()
    else:
        is_doubtful = direction is None and len(set(ways.values())) > 1
    if is_doubtful and (doubted := _doubted(promises, ways)):
        return before or {}, _doubts(findings, promises, doubted, ways)
    entry["direction"] = direction or next(iter(ways.values()), RISING)
    against = {
        SkippedLine(one.origin.line, KEPT)
        for one in promises
        if one.value.kind is ValueKind.TARGET
        and ways.get(_territory(one), entry["direction"]) != entry["direction"]
    }
    return entry, [
        SkippedLine(one.line, AGAINST) if isinstance(one, SkippedLine) and one in against else one
        for one in findings
    ]


def _doubted(promises: Iterable[Promise], ways: Mapping[str, str]) -> list[Promise]:
    """Return the lines to refuse: those of the rarer direction, the targets if there are any."""
    ((rarer, _),) = Counter(sorted(ways.values(), reverse=True)).most_common()[-1:]
    lines = [
        one
        for one in promises
        if one.value.value is not None and ways.get(_territory(one)) == rarer
    ]
    return [one for one in lines if one.value.kind is ValueKind.TARGET] or lines


def _doubts(
    findings: Iterable[Finding],
    promises: Iterable[Promise],
    doubted: Iterable[Promise],
    ways: Mapping[str, str],
) -> list[Finding]:
    """Return the refusals of the doubted lines, and the others as skipped unless refused anyway."""
    found: list[Finding] = [one for one in findings if isinstance(one, Diagnostic)]
    for one in doubted:
        name, way = one.value.indicator, {RISING: "up", FALLING: "down"}[ways[_territory(one)]]
        problem = f"leads {way}, against the indicator's other targets or its direction"
        remedy = (
            f"say --rising {name} or --falling {name}, as PILOTE's tendance is hausse or baisse"
        )
        found.append(one.origin.refusal("valeur", problem, remedy))
    known = {(one.origin.file, one.origin.line) for one in doubted} | {
        (one.file, one.line) for one in found if isinstance(one, Diagnostic)
    }
    asides = [one.origin for one in promises if (one.origin.file, one.origin.line) not in known]
    return [*found, *(SkippedLine(origin.line, UNDECIDED) for origin in asides)]


def _ways(entry: Declaration) -> dict[str, str]:
    """Return the direction from start to last target of each territory that has both."""
    country = entry.get(COUNTRY, {})
    starts = {
        REGION: entry.get("baseline"),
        **entry.get("baselines", {}),
        COUNTRY: country.get("baseline"),
    }
    targets = {
        territory: one
        for one in sorted(_targets(entry.get("milestones", ())), key=itemgetter("day"))
        for territory in _scope(one)
    }
    if country.get("targets"):
        targets[COUNTRY] = max(country["targets"], key=itemgetter("day"))
    return {
        territory: FALLING if target["target"] < start["value"] else RISING
        for territory, target in targets.items()
        if (start := starts.get(territory)) is not None and target["target"] != start["value"]
    }


def _targets(milestones: Iterable[Declaration]) -> Iterator[Declaration]:
    return (one for one in milestones if one.get("day") and one.get("target") is not None)


def _nation(entry: Declaration) -> Declaration:
    """Return what an entry has of France as an indicator of a single territory."""
    country = entry.get(COUNTRY, {})
    nation: Declaration = {"unit": entry["unit"], "measure": entry["measure"], "grain": REGION}
    if country.get("baseline"):
        nation["baselines"] = {REGION: country["baseline"]}
    if country.get("targets"):
        nation["milestones"] = [{"id": COUNTRY, **target} for target in country["targets"]]
    return nation


def _keep_nation(entry: Declaration, nation: Declaration) -> None:
    """Write France's values back into the entry; the other keys of `country` stay."""
    targets = [
        {part: one[part] for part in ("target", "day", "source")}
        for one in nation.get("milestones", ())
    ]
    parts = {"baseline": nation.get("baselines", {}).get(REGION), "targets": targets}
    rest = {part: one for part, one in entry.pop(COUNTRY, {}).items() if part not in parts}
    kept = rest | {part: one for part, one in parts.items() if one}
    if kept:
        entry[COUNTRY] = kept


class _Territories:
    """The baselines and milestones of one indicator, by territory."""

    def __init__(self, entry: Declaration) -> None:
        self._entry = entry
        self._is_percent = bool(entry["measure"].get("percent"))

    def take(self, promises: Iterable[Promise]) -> Iterator[Finding]:
        """Merge the values of the indicator, and yield what has become of each line."""
        ordered = sorted(promises, key=lambda one: one.value.key)
        fitting = []
        for promise in ordered:
            problem = self._misfit(promise)
            if problem is None:
                fitting.append(promise)
            else:
                yield promise.origin.refusal(*problem)
        starts: dict[str, list[Promise]] = defaultdict(list)
        for promise in fitting:
            if promise.value.kind is ValueKind.INITIAL:
                starts[_entry_key(promise)].append(promise)
        # Targets first, so that a line that takes one back makes room for an initial value.
        for promise in fitting:
            if promise.value.kind is ValueKind.TARGET and promise.value.value is None:
                self._set_target(promise)
                yield SkippedLine(promise.origin.line, KEPT)
        for territory, values in starts.items():
            yield from self._start(territory, values)
        for promise in fitting:
            if promise.value.kind is ValueKind.TARGET and promise.value.value is not None:
                yield self._target(promise)

    def _misfit(self, promise: Promise) -> tuple[str, str, str] | None:
        """Return column, problem and remedy where the indicator cannot have a value; else None."""
        if promise.value.value is None:
            return None
        if not FIRST_DAY <= promise.value.day <= LAST_DAY:
            remedy = f"write a day from {FIRST_DAY} to {LAST_DAY}, or leave the line out"
            return "date_valeur", "is out of the catalogue's range", remedy
        if self._entry["grain"] == REGION and _entry_key(promise) != REGION:
            remedy = "write grain: department for it in the catalogue, or leave the line out"
            return "zone_id", "is finer than what the catalogue follows of this indicator", remedy
        value = self._in_unit(promise)
        if self._entry["unit"] == "ratio" and not 0 <= value <= 1:
            remedy = f"write a number from 0 to {HUNDRED if self._is_percent else 1}, or give the"
            return "valeur", "is out of range for a ratio", f"{remedy} indicator another unit"
        return None

    def _in_unit(self, promise: Promise) -> Decimal:
        value = promise.value.value or Decimal(0)
        return value / HUNDRED if self._is_percent else value

    # Baselines.

    def _start(self, territory: str, promises: Iterable[Promise]) -> Iterator[Finding]:
        known = self._baseline(territory)
        by_day = {promise.value.day: promise for promise in promises}
        if known is not None and _is_taken_back(by_day.get(known["day"])):
            self._drop_baseline(territory)
            known = None
        days = {day for day, promise in by_day.items() if not _is_taken_back(promise)}
        first = min(days | ({known["day"]} if known is not None else set()), default=None)
        chosen = None if first is None else by_day.get(first)
        if first is not None and chosen is not None:
            ends = [one["day"] for one in self._milestones_of(territory) if one.get("day")]
            if ends and min(ends) <= first:
                problem = f"is not before the milestone of {min(ends)}"
                yield chosen.origin.refusal("date_valeur", problem, "correct the day of one")
                promises = [promise for promise in promises if promise is not chosen]
            elif known is None or (known["day"], known["value"]) != (first, self._in_unit(chosen)):
                self._set_baseline(territory, chosen)
        for promise in promises:
            is_late = not _is_taken_back(promise) and promise.value.day != first
            yield SkippedLine(promise.origin.line, LATER if is_late else KEPT)

    def _baseline(self, territory: str) -> Declaration | None:
        own: Declaration | None = self._entry.get("baselines", {}).get(territory)
        return self._entry.get("baseline") if own is None and territory == REGION else own

    def _set_baseline(self, territory: str, promise: Promise) -> None:
        start = {
            "value": self._in_unit(promise),
            "day": promise.value.day,
            "source": _source(promise),
        }
        if territory == REGION and "baseline" in self._entry:
            self._entry["baseline"] = start
        else:
            starts = {**self._entry.get("baselines", {}), territory: start}
            in_order = sorted(starts.items(), key=lambda one: (one[0] != REGION, one[0]))
            self._entry["baselines"] = dict(in_order)

    def _drop_baseline(self, territory: str) -> None:
        self._entry.get("baselines", {}).pop(territory, None)
        if territory == REGION:
            self._entry.pop("baseline", None)
        if not self._entry.get("baselines", True):
            del self._entry["baselines"]

    # Milestones.

    def _target(self, promise: Promise) -> Finding:
        start = self._baseline(_entry_key(promise))
        if start is not None and promise.value.day <= start["day"]:
            problem = f"is not after the initial value's ({start['day']})"
            return promise.origin.refusal("date_valeur", problem, "correct the day of one of them")
        self._set_target(promise)
        return SkippedLine(promise.origin.line, KEPT)

    def _set_target(self, promise: Promise) -> None:
        territory, day = _entry_key(promise), promise.value.day
        target = None if promise.value.value is None else self._in_unit(promise)
        known = next(
            (
                one
                for one in self._milestones_of(territory)
                if one.get("day") == day and one.get("target") is not None
            ),
            None,
        )
        if known is not None and known["target"] == target:
            return
        if known is not None and target is not None and _scope(known) == [territory]:
            known |= {"target": target, "source": _source(promise)}
            return
        milestones: list[Declaration] = self._entry.get("milestones", [])
        if known is not None:
            left = [one for one in _scope(known) if one != territory]
            known["scope"] = left
            if not left:
                milestones.remove(known)
        if target is not None:
            milestones.insert(_after(milestones, day), self._milestone(promise, target))
        self._entry["milestones"] = milestones
        if not milestones:
            del self._entry["milestones"]

    def _milestones_of(self, territory: str) -> list[Declaration]:
        return [one for one in self._entry.get("milestones", []) if territory in _scope(one)]

    def _milestone(self, promise: Promise, target: Decimal) -> Declaration:
        territory, day = _entry_key(promise), promise.value.day
        taken = {one["id"] for one in self._entry.get("milestones", [])}
        identifier = f"vc_{day:%Y%m%d}_{territory}"
        while identifier in taken:
            identifier += "_bis"
        return {
            "id": identifier,
            "target": target,
            "day": day,
            "scope": [territory],
            "source": _source(promise),
        }


def _is_taken_back(promise: Promise | None) -> bool:
    return promise is not None and promise.value.value is None


def _is_national(promise: Promise) -> bool:
    return _territory(promise) == COUNTRY


def _territory(promise: Promise) -> str:
    """Return the territory's key: `region`, an Insee code, or `country`."""
    territory = promise.value.territory
    if territory is Territory.REGION:
        return REGION
    return COUNTRY if territory.department is None else territory.department.value


def _entry_key(promise: Promise) -> str:
    """Return the key in an entry; France's values have an entry of one territory of their own."""
    return REGION if _is_national(promise) else _territory(promise)


def _scope(milestone: Declaration) -> list[str]:
    """Return the territories that a milestone holds for, one by one."""
    declared = milestone.get("scope", [REGION])
    regions = [REGION] if REGION in declared else []
    codes = [code for code in DEPARTMENTS if code in declared or "departments" in declared]
    return regions + codes


def _after(milestones: list[Declaration], day: date) -> int:
    """Return the index of a milestone of a day: after the last one that is not later."""
    indices = [at for at, one in enumerate(milestones, 1) if one.get("day") and one["day"] <= day]
    return max(indices, default=0)


def _source(promise: Promise) -> str:
    name = promise.origin.file.replace("\\", "/").rpartition("/")[2]
    return f"PILOTE, fichier {name}"[:1000]


def _new_entry(name: str, promises: Iterable[Promise], *, percent: bool) -> Declaration:
    """Return the declaration of an indicator of which only values are known."""
    at_region = all(_entry_key(promise) == REGION for promise in promises)
    return {
        "id": name.lower().replace("-", "_"),
        "title": f"Indicateur {name}",
        "definition": f"Indicateur {name} de PILOTE, tel que l’État le publie.",
        "unit": "ratio" if percent else "count",
        "direction": RISING,  # PILOTE's default.
        "grain": REGION if at_region else "department",
        "measure": {"observed": name, "percent": True} if percent else {"observed": name},
        "periodicity": "irregular",
        "availability_delay_days": 0,
    }
