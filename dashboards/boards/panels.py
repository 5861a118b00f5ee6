"""The panels: figures, tables, trends, bars and the map, each of one style on all boards.

Every panel has a title, a description (what is measured, from which events), a position on the
grid of 24 columns, units, and the datasource that the reader chose. It is JSON of Grafana's classic
model; the tests compare it with Grafana's own schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import ascii_uppercase
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import yaml

from catalogue.formatting import STATUSES
from dashboards.boards.queries import Query, of_the_last_day

Json: TypeAlias = dict[str, Any]

DATASOURCE: Final = MappingProxyType({"type": "prometheus", "uid": "${datasource}"})

#: Grafana's names for the units. A day is written as French readers write it.
PERCENT: Final = "percentunit"
COUNT: Final = "locale"
DATE: Final = "time:DD/MM/YYYY"
DAYS: Final = "suffix: j"
#: For what has no unit: words, codes, names.
NO_UNIT: Final = "string"

POINTS: Final = 4000
"""More than a screen has: Grafana aligns the last point to the step, and ten years on a screen's
points would end a week ago."""

FEW: Final = 2
"""So many values of one panel have room for large digits; more of them have less."""
CROWDED: Final = 20
"""The size of the digits of more values, in pixels."""

BLANK: Final = "–"
NEUTRAL: Final = "text"
"""Grafana's colour of ordinary text, dark on light and light on dark."""
PROJECTED: Final = "semi-dark-yellow"
"""What is expected, not measured; no status has this colour."""


@dataclass(frozen=True, slots=True)
class GridPosition:
    """A position on the grid, in cells from the top left."""

    x: int
    y: int
    w: int
    h: int

    def json(self) -> Json:
        """Return the position as a panel has it."""
        return {"x": self.x, "y": self.y, "w": self.w, "h": self.h}


@dataclass(frozen=True, slots=True)
class Link:
    """What a panel or a value links to; the address may name fields and variables."""

    title: str
    url: str
    new_tab: bool = False

    def json(self) -> Json:
        """Return the link as a panel has it."""
        return {
            "title": self.title,
            "url": self.url,
            "type": "link",
            "icon": "external link",
            "tooltip": "",
            "tags": [],
            "asDropdown": False,
            "targetBlank": self.new_tab,
            "includeVars": False,
            "keepTime": False,
        }


@dataclass(frozen=True, slots=True)
class PanelFrame:
    """What every panel has: a title, what is measured and from which events, a position, links."""

    title: str
    description: str
    at: GridPosition
    links: Sequence[Link] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """From a value on, a colour."""

    value: float | None
    colour: str


@dataclass(frozen=True, slots=True)
class ValueFormat:
    """How a value is written."""

    unit: str
    decimals: int | None = None
    mappings: Sequence[Json] = ()
    steps: Sequence[Step] = (Step(None, NEUTRAL),)
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: a label of the series, or the values of a query."""

    title: str
    source: str | Query
    """A label's name, or a query."""
    form: ValueFormat = ValueFormat(NO_UNIT)
    width: int | None = None
    """In pixels; None takes what the others leave, and breaks the text into lines."""
    least: int = 150
    """What is left for it at least, in pixels."""
    cell: Mapping[str, str] | None = None
    links: Sequence[Link] = ()
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Dash:
    """How a line is drawn that is no measurement; lengths are pixels drawn and left."""

    lengths: tuple[int, int]
    width: int
    colour: str
    in_legend: bool = True


TARGET: Final = Dash((10, 10), 1, NEUTRAL)
EXPECTED: Final = Dash((6, 6), 2, PROJECTED)
#: The range around what is expected: its lines are named where one points at them.
BOUND: Final = Dash((2, 6), 1, PROJECTED, in_legend=False)


@dataclass(frozen=True, slots=True)
class Marker:
    """Which columns of a map are a marker's colour, text and size, by their titles."""

    colour: str
    text: str
    size: str


def words(
    texts: Mapping[str, str], colours: Mapping[str, str] = MappingProxyType({})
) -> tuple[Json, ...]:
    """Return the mapping of codes to words; a coloured word begins with a mark like it."""
    results: dict[str, Json] = {
        code: {"text": text, "index": index} for index, (code, text) in enumerate(texts.items())
    }
    for code, colour in colours.items():
        results[code]["color"] = colour
    return ({"type": "value", "options": results},)


def status_format() -> ValueFormat:
    """Return the format of a severity: the status' mark and word, in its colour."""
    results = {
        str(style.severity): {"text": style.text, "color": style.colour, "index": style.severity}
        for style in STATUSES.values()
    }
    return ValueFormat(NO_UNIT, mappings=({"type": "value", "options": results},))


#: A share of the way as a bar with its number.
BARS: Final = MappingProxyType({"type": "gauge", "mode": "basic", "valueDisplayMode": "text"})
COLOURED: Final = MappingProxyType({"type": "color-text"})


def stats(
    frame: PanelFrame, values: Sequence[tuple[str, Query, ValueFormat]], *, coloured: bool = False
) -> Json:
    """Return a few values side by side, each under its name and in its own unit."""
    panel = _panel(
        "stat",
        frame,
        values[0][2],
        [
            _target(Query(query.expression, name), ref, "time_series")
            for ref, (name, query, _) in zip(ascii_uppercase, values, strict=False)
        ],
        ((name, _properties(form)) for name, _, form in values[1:]),
    )
    if coloured:
        panel["options"]["colorMode"] = "value"
    if len(values) > 1:
        panel["options"]["textMode"] = "value_and_name"
    if len(values) > FEW:
        panel["options"]["text"]["valueSize"] = CROWDED
    return panel


def table_of(
    frame: PanelFrame,
    columns: Sequence[Column],
    *,
    sort: tuple[str, bool] | None = None,
    tall: bool = False,
) -> Json:
    """Join instant queries on the labels they share into one line for each set of them.

    `sort` is a column's title, and True for the greatest first; `tall` lines have room for two
    lines of text.
    """
    panel = _tabular("table", frame, columns, _column_properties)
    if tall:
        panel["options"]["cellHeight"] = "lg"
    if sort is not None:
        panel["options"]["sortBy"] = [{"displayName": sort[0], "desc": sort[1]}]
    return panel


def trend(
    frame: PanelFrame,
    queries: Sequence[Query],
    form: ValueFormat,
    *,
    dashed: Mapping[str, Dash] = MappingProxyType({}),
    texts: Mapping[str, str] = MappingProxyType({}),
    stacked: bool = False,
) -> Json:
    """Return values over time; `dashed` are lines that are no measurements, by their legends."""
    lines = ((legend, _dashed(dash)) for legend, dash in dashed.items())
    panel = _panel(
        "timeseries",
        frame,
        form,
        [
            _target(query, ref, "time_series", over_time=True)
            for ref, query in zip(ascii_uppercase, queries, strict=False)
        ],
        (*lines, *_renamed(texts)),
    )
    panel["maxDataPoints"] = POINTS
    defaults = panel["fieldConfig"]["defaults"]
    defaults["color"] = {"mode": "palette-classic"}
    if stacked:
        defaults["custom"] |= {"fillOpacity": 20, "stacking": {"mode": "normal"}}
    return panel


def bars(
    frame: PanelFrame,
    query: Query,
    form: ValueFormat,
    texts: Mapping[str, str] = MappingProxyType({}),
) -> Json:
    """Return one bar with its number for each series, named by the query's legend or its text."""
    return _panel("bargauge", frame, form, [_target(query, "A", "time_series")], _renamed(texts))


def departments_map(frame: PanelFrame, columns: Sequence[Column], marker: Marker) -> Json:
    """Return a marker for each département on an empty ground.

    The series have the label `geohash`. All columns are in the marker's tooltip.
    """
    panel = _tabular("geomap", frame, columns, _tooltip_properties)
    style = panel["options"]["layers"][0]["config"]["style"]
    style["color"]["field"] = marker.colour
    style["text"]["field"] = marker.text
    style["size"]["field"] = marker.size
    return panel


def of_last_day(panels: Iterable[Json]) -> tuple[Json, ...]:
    """Return panels whose instant queries are of the last day in the range that has figures.

    For panels of what a backfill writes; what only the running monitor exposes is of the moment.
    """
    made = tuple(panels)
    for panel in made:
        for target in panel.get("targets", ()):
            if target["instant"]:
                target["expr"] = of_the_last_day(target["expr"])
    return made


def row(title: str, y: int) -> Json:
    """Return the head of a part of a board."""
    at = GridPosition(0, y, 24, 1)
    return {"type": "row", "title": title, "gridPos": at.json(), "collapsed": False, "panels": []}


def deadline_marks(expression: str, *, named: str) -> Json:
    """Return the marks of moments on the axis of time: the values of a query, in milliseconds.

    The label `named` says what falls due.
    """
    return {
        "name": "Échéances",
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "builtIn": 0,
        "iconColor": "purple",
        "expr": expression,
        "step": "1d",
        "useValueForTime": True,
        "titleFormat": f"Échéance : {{{{{named}}}}}",
    }


@cache
def _styles() -> Mapping[str, Json]:
    text = Path(__file__).with_name("styles.yaml").read_text(encoding="utf-8")
    styles: dict[str, Json] = yaml.safe_load(text)
    return styles


def _panel(
    kind: str,
    frame: PanelFrame,
    form: ValueFormat,
    targets: Sequence[Json],
    overrides: Iterable[tuple[str, Json]],
) -> Json:
    style = deepcopy(_styles()[kind])
    defaults: Json = {
        "unit": form.unit,
        "thresholds": _thresholds(form.steps),
        "color": {"mode": "thresholds"},
        "noValue": BLANK,
        **_limits(form),
    }
    if form.mappings:
        defaults["mappings"] = list(form.mappings)
    if "custom" in style:
        defaults["custom"] = style["custom"]
    panel = {
        "type": kind,
        "title": frame.title,
        "description": frame.description,
        "datasource": DATASOURCE,
        "gridPos": frame.at.json(),
        "targets": targets,
        "options": style["options"],
        "fieldConfig": {
            "defaults": defaults,
            "overrides": [
                {
                    "matcher": {"id": "byName", "options": field},
                    "properties": [{"id": name, "value": one} for name, one in properties.items()],
                }
                for field, properties in overrides
            ],
        },
        "transparent": False,
        "repeatDirection": "h",
    }
    return panel | ({"links": [link.json() for link in frame.links]} if frame.links else {})


def _tabular(
    kind: str,
    frame: PanelFrame,
    columns: Sequence[Column],
    properties_of: Callable[[Column], Json],
) -> Json:
    """Fill a panel with one table: of each query one column, of each label one."""
    refs = iter(ascii_uppercase)
    sources = [
        (column, column.source if isinstance(column.source, str) else next(refs))
        for column in columns
    ]
    queries = {ref: column.source for column, ref in sources if isinstance(column.source, Query)}
    value = "Value" if len(queries) == 1 else "Value #{}"
    fields = {
        value.format(ref) if isinstance(column.source, Query) else ref: column
        for column, ref in sources
    }
    transformations = {
        "merge": {},
        "filterFieldsByName": {"include": {"names": list(fields)}},
        "organize": {
            "indexByName": {name: index for index, name in enumerate(fields)},
            "renameByName": {name: column.title for name, column in fields.items()},
            "excludeByName": {},
        },
    }
    panel = _panel(
        kind,
        frame,
        ValueFormat(NO_UNIT),
        [_target(query, ref, "table") for ref, query in queries.items()],
        ((column.title, properties_of(column)) for column in columns),
    )
    steps = [{"id": name, "options": details} for name, details in transformations.items()]
    return panel | {"transformations": steps}


def _renamed(texts: Mapping[str, str]) -> Iterable[tuple[str, Json]]:
    return ((code, {"displayName": text}) for code, text in texts.items())


def _target(query: Query, ref: str, form: str, *, over_time: bool = False) -> Json:
    target = {
        "refId": ref,
        "datasource": DATASOURCE,
        "expr": query.expression,
        "editorMode": "code",
        "format": form,
        "instant": not over_time,
        "range": over_time,
    }
    return target | ({"legendFormat": query.legend} if query.legend else {})


def _thresholds(steps: Sequence[Step]) -> Json:
    return {
        "mode": "absolute",
        "steps": [{"value": step.value, "color": step.colour} for step in steps],
    }


def _limits(form: ValueFormat) -> Json:
    limits = {"decimals": form.decimals, "min": form.least, "max": form.most}
    return {name: value for name, value in limits.items() if value is not None}


def _properties(form: ValueFormat) -> Json:
    return {
        "unit": form.unit,
        "thresholds": _thresholds(form.steps),
        # The panel's defaults, which are another value's, must not hold for this one.
        "mappings": list(form.mappings),
        **_limits(form),
    }


def _tooltip_properties(column: Column) -> Json:
    """Return a column's properties without those of a table's own: a tooltip has no width."""
    properties = _column_properties(column)
    return {name: value for name, value in properties.items() if not name.startswith("custom.")}


def _column_properties(column: Column) -> Json:
    properties = _properties(column.form)
    if column.form.unit == NO_UNIT:
        # A word, although its code may be a number.
        properties["custom.align"] = "left"
    properties["custom.wrapHeaderText"] = True
    if column.width is not None:
        properties["custom.width"] = column.width
    else:
        properties["custom.minWidth"] = column.least
        # Set in two ways: as Grafana has it from 12.2 on, and before.
        properties["custom.wrapText"] = True
        properties["custom.cellOptions"] = {"type": "auto", "wrapText": True}
    if column.cell is not None:
        properties["custom.cellOptions"] = column.cell
    if column.links:
        properties["links"] = [
            {"title": link.title, "url": link.url, "targetBlank": link.new_tab}
            for link in column.links
        ]
    if column.hidden:
        properties["custom.hidden"] = True
    return properties


def _dashed(dash: Dash) -> Json:
    properties: Json = {
        "custom.lineStyle": {"fill": "dash", "dash": list(dash.lengths)},
        "custom.lineWidth": dash.width,
        "color": {"mode": "fixed", "fixedColor": dash.colour},
    }
    if dash is not TARGET:
        properties["custom.lineInterpolation"] = "linear"
    if not dash.in_legend:
        properties["custom.hideFrom"] = {"legend": True, "tooltip": False, "viz": False}
    return properties
