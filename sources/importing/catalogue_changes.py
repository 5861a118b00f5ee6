"""PILOTE's initial and target values, compared with the catalogue: the YAML to paste into it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from textwrap import indent
from typing import Any, Final, TypeAlias

from pydantic import ValidationError

from boundary.diagnostic import Diagnostic
from boundary.terminal import legible
from catalogue.loader import load_documents
from catalogue.model import Direction, Indicator
from catalogue.territories import REGION, territory_key
from events.document import plain_yaml
from events.explanation import declaration_diagnostics
from events.identifiers import Department
from events.observation import Territory
from sources.importing.event_building import Finding, LineOrigin, SkippedLine
from sources.importing.pilote import PiloteValue, ValueKind
from sources.importing.sender import REPEATED

_Entry: TypeAlias = dict[str, Any]
"""An indicator, or a part of one, as its file declares it."""

NO_CATALOGUE: Final = "an initial or a target value, for which --catalogue is not given"
UNKNOWN: Final = "an initial or a target value of an indicator that the catalogue does not observe"
SAME: Final = "an initial or a target value that the catalogue has"
CHANGED: Final = "an initial or a target value to paste into the catalogue"
LATER: Final = "an initial value later than the first"
CORRECTED: Final = "corrected by a later file"

_COUNTRY: Final = "country"
_KEYS: Final = ("baseline", "baselines", "milestones", _COUNTRY)
_COLUMNS: Final = {"value": "valeur", "target": "valeur", "day": "date_valeur"}
_REMEDY: Final = "correct the line, or the indicator in the catalogue"


@dataclass(frozen=True, slots=True)
class _Promise:
    """An initial or a target value, its line, and when it was recorded."""

    value: PiloteValue
    origin: LineOrigin
    time: datetime

    @property
    def territory(self) -> str:
        """The territory as the catalogue names it: `region`, an INSEE code, or `country`."""
        if self.value.territory is Territory.COUNTRY:
            return _COUNTRY
        department = self.value.territory.department
        return territory_key(department and department.value)

    @property
    def order(self) -> tuple[bool, bool, bool, tuple[object, ...]]:
        """Retracted targets come first, to make room; each target follows its initial value."""
        is_target, is_given = self.value.kind is ValueKind.TARGET, self.value.value is not None
        return is_target and is_given, not is_target, is_given, self.value.key


class CatalogueChanges:
    """Compares initial and target values with the catalogue, and reports its changes.

    `path` is a programme's file or a folder of them; without it, every value is skipped. No file
    is written. Raises InvalidDeclarationError.
    """

    def __init__(self, path: Path | None) -> None:
        self.report: list[str] = []
        """Blocks of YAML under a comment each, and a comment for each unknown indicator."""
        self.has_changes = False
        self._skipped = NO_CATALOGUE if path is None else UNKNOWN
        self._entries: dict[str, tuple[Path, _Entry]] = {}
        for document in () if path is None else load_documents(path)[1]:
            assert isinstance(document.data, dict)  # noqa: S101 - it has been loaded as a programme
            for one in document.data["indicators"]:
                name = one["measure"].get("observed")
                self._entries.setdefault(name, (document.file, one))
        self._kept: dict[object, _Promise] = {}
        self._others: list[Finding] = []

    def take(self, value: PiloteValue, origin: LineOrigin, time: datetime) -> None:
        """Receive a value. The file that was recorded last counts."""
        promise = _Promise(value, origin, time)
        known = self._kept.setdefault(value.key, promise)
        if known is promise:
            return
        if value == known.value:
            self._others.append(SkippedLine(origin.line, REPEATED))
        elif time == known.time:
            where = f"line {known.origin.line}"
            if known.origin.file != origin.file:
                where = f"{known.origin.file}:{known.origin.line}"
            problem = f"contradicts {where}, about the same on the same day"
            self._others.append(origin.refusal("valeur", problem, "keep one of the two"))
        else:
            earlier, later = sorted((known, promise), key=lambda one: one.time)
            self._kept[value.key] = later
            self._others.append(SkippedLine(earlier.origin.line, CORRECTED))

    def rest(self) -> Iterator[Finding]:
        """Compare the values with the catalogue, and yield the finding of each line."""
        yield from self._others
        by_indicator: dict[str, list[_Promise]] = defaultdict(list)
        for promise in self._kept.values():
            by_indicator[promise.value.indicator].append(promise)
        for name, promises in sorted(by_indicator.items()):
            if name in self._entries:
                yield from self._compare(name, promises)
                continue
            yield from (SkippedLine(one.origin.line, self._skipped) for one in promises)
            if self._skipped == UNKNOWN:
                self.report.append(f"# {name}: no indicator of the catalogue observes it")

    def _compare(self, name: str, promises: Collection[_Promise]) -> Iterator[Finding]:
        file, before = self._entries[name]
        entry = before
        for one in sorted(promises, key=lambda one: one.order):
            changed = deepcopy(entry)
            why = _change(changed, one)
            if why == CHANGED:
                try:
                    Indicator.model_validate(changed)
                except ValidationError as error:
                    yield _refusal(one, next(iter(declaration_diagnostics(error, Indicator))))
                    continue
                entry = changed
            yield SkippedLine(one.origin.line, why)
        values = ((key, entry.get(key), before.get(key)) for key in _KEYS)
        parts = {key: after for key, after, known in values if (after or None) != (known or None)}
        if parts:
            self.has_changes = True
            lines = [f"# {legible(str(file))}: {before['id']} ({name}): replace {', '.join(parts)}"]
            if against := _against(Indicator.model_validate(entry)):
                where = f"direction: {entry['direction']}, in {', '.join(against)}"
                lines.append(f"# {name}: the last target leads against {where}")
            self.report.append("\n".join([*lines, indent(plain_yaml(parts), " " * 4)]))


def _refusal(promise: _Promise, found: Diagnostic) -> Diagnostic:
    """Return the refusal of a line that would be a mistake in the catalogue."""
    path = ".".join(map(str, found.path))
    column = _COLUMNS.get(path.rpartition(".")[2], "zone_id")
    problem = f"does not fit the catalogue, where {path} {found.problem}"
    return promise.origin.refusal(column, problem, _REMEDY)


def _change(entry: _Entry, promise: _Promise) -> str:
    """Change an entry by a value; return the reason why its line is skipped."""
    number = promise.value.value
    if number is not None and entry["measure"].get("percent"):
        number /= 100
    name = promise.origin.file.replace("\\", "/").rpartition("/")[2]
    stated = {"day": promise.value.day, "source": f"PILOTE, fichier {name}"[:1000]}
    change = _change_start if promise.value.kind is ValueKind.INITIAL else _change_target
    return change(entry, promise.territory, number, stated)


def _change_start(entry: _Entry, key: str, value: Decimal | None, stated: _Entry) -> str:
    holder, name = _holder(entry, key), "baseline"
    if key != _COUNTRY and (key != REGION or not entry.get("baseline")):
        holder, name = entry.setdefault("baselines", {}), key
    known, day = holder.get(name), stated["day"]
    if value is None:
        if known is None or known["day"] != day:
            return SAME
        del holder[name]
        return CHANGED
    if known is not None and known["day"] < day:
        return LATER
    if known is not None and (known["day"], known["value"]) == (day, value):
        return SAME
    holder[name] = {"value": value, **stated}
    return CHANGED


def _change_target(entry: _Entry, key: str, target: Decimal | None, stated: _Entry) -> str:
    name, day = "targets" if key == _COUNTRY else "milestones", stated["day"]
    listed = _holder(entry, key).get(name, [])
    on_day = (one for one in listed if one.get("day") == day and one.get("target") is not None)
    known = next((one for one in on_day if key in _scope(one, key)), None)
    if target == (known and known["target"]):
        return SAME
    if known is not None:
        others = [one for one in _scope(known, key) if one != key]
        if others:
            known["scope"] = others
        elif target is not None:
            known.update(target=target, **stated)
            return CHANGED
        else:
            listed.remove(known)
    if target is not None:
        added = {"target": target, **stated}
        if key != _COUNTRY:
            identifier, taken = f"vc_{day:%Y%m%d}_{key}", {one["id"] for one in listed}
            while identifier in taken:
                identifier += "_bis"
            added = {"id": identifier, **added, "scope": [key]}
        before = [at for at, one in enumerate(listed, 1) if one.get("day") and one["day"] <= day]
        listed.insert(max(before, default=0), added)
        _holder(entry, key)[name] = listed
    return CHANGED


def _holder(entry: _Entry, key: str) -> _Entry:
    """Return the part with a territory's baseline and targets: the entry, or its `country`."""
    if key != _COUNTRY:
        return entry
    entry[_COUNTRY] = country = entry.get(_COUNTRY) or {}
    return country


def _scope(milestone: _Entry, key: str) -> list[str]:
    """Return each territory of a milestone; the targets of France have none."""
    if key == _COUNTRY:
        return [key]
    declared = milestone.get("scope", [REGION])
    codes = [one.value for one in Department if one in declared or "departments" in declared]
    return [REGION, *codes] if REGION in declared else codes


def _against(indicator: Indicator) -> list[str]:
    """Return the territories whose last target leads against the indicator's direction."""
    found = []
    for department in indicator.territories:
        start = indicator.baseline_for(department)
        targets = [
            one.target
            for one in indicator.milestones
            if one.holds(department) and one.day and one.target is not None
        ]
        if start is not None and targets and targets[-1] != start.value:
            is_falling = targets[-1] < start.value
            if is_falling is not (indicator.direction is Direction.FALLING):
                found.append(territory_key(department))
    return found
