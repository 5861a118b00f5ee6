"""The panels: figures, tables, trends, bars and the map, each of one style on all boards.

A board's template declares each panel: a title, what is measured and from which events (`says`), a
position on the grid of 24 columns (`at`), and its queries with the form of their values. Here it
becomes JSON of Grafana's classic model; the tests compare it with Grafana's own schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from string import ascii_uppercase
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from dashboards.boards.queries import of_the_last_day
from dashboards.conventions import Links
from events.document import data_beside

Json: TypeAlias = dict[str, Any]
Tree: TypeAlias = Mapping[str, Any]
"""What a template declares."""

DATASOURCE: Final = MappingProxyType({"type": "prometheus", "uid": "${datasource}"})

POINTS: Final = 4000
"""More than a screen has: Grafana aligns the last point to the step, and ten years on a screen's
points would end a week ago."""

FEW: Final = 2
"""So many values of one panel have room for large digits; more of them have less."""
CROWDED: Final = 20
"""The size of the digits of more values, in pixels."""
LEAST: Final = 150
"""What is left at least for a column without a width, in pixels."""

BLANK: Final = "–"
NO_UNIT: Final = "string"
"""Grafana's unit of what has none: words, codes, names."""
_PLAIN: Final[Tree] = {"unit": NO_UNIT}
#: A colour of Grafana: that of ordinary text, dark on light and light on dark.
_ANY_VALUE: Final = ((None, "text"),)

STYLES: Final[Tree] = data_beside(__file__)
"""What is the same on all boards: how each kind of panel looks, and the parts of a board."""


class PanelWriter:
    """Writes the panels of one board, from the top to the bottom."""

    def __init__(self, forms: Tree, links: Links, *, is_of_last_day: bool) -> None:
        """Create it; `forms` are the board's named forms of values.

        On a board of what a backfill writes, instant queries are of the last day in the range that
        has figures; what only the running monitor exposes is of the moment.
        """
        self._forms = forms
        self._links = links
        self._is_of_last_day = is_of_last_day
        self._bottom = 0

    def write(self, tree: Tree) -> Json:
        """Return a panel; its position may be `below` all of those before."""
        kind, title = next(iter(tree.items()))
        x, y, width, height = tree["at"]
        y = self._bottom if y == "below" else y
        self._bottom = max(self._bottom, y + height)
        at = {"x": x, "y": y, "w": width, "h": height}
        if kind == "row":
            return {"type": kind, "title": title, "gridPos": at, "collapsed": False, "panels": []}
        made: Json = getattr(self, f"_{kind}")(tree)
        says = tree["says"]
        links = [
            _link(text, self._links.runbook(alert), new_tab=True)
            for alert, text in tree.get("runbooks", {}).items()
        ]
        links += [_link(text, url) for text, url in tree.get("opens", {}).items()]
        return {
            **made,
            "title": title,
            "description": says if isinstance(says, str) else " ".join(says),
            "gridPos": at,
            **({"links": links} if links else {}),
        }

    def _stats(self, tree: Tree) -> Json:
        """Return a few values side by side, each under its name and in its own unit."""
        values = tree["values"]
        panel = self._panel(
            "stat",
            values[0]["form"],
            [
                self._target(one["expr"], ref, "time_series", one["name"])
                for ref, one in zip(ascii_uppercase, values, strict=False)
            ],
            ((one["name"], _values(self._form(one["form"]))) for one in values[1:]),
        )
        if not tree.get("plain"):
            panel["options"]["colorMode"] = "value"
        if len(values) > 1:
            panel["options"]["textMode"] = "value_and_name"
        if len(values) > FEW:
            panel["options"]["text"]["valueSize"] = CROWDED
        return panel

    def _table(self, tree: Tree) -> Json:
        """Join instant queries on the labels they share into one line for each set of them."""
        panel = self._tabular("table", tree["columns"], self._column_properties)
        if tree.get("tall"):  # Lines have room for two lines of text.
            panel["options"]["cellHeight"] = "lg"
        if "sort" in tree:  # A column's title, and true for the greatest first.
            title, is_descending = tree["sort"]
            panel["options"]["sortBy"] = [{"displayName": title, "desc": is_descending}]
        return panel

    def _trend(self, tree: Tree) -> Json:
        """Return values over time; lines with a `dash` are no measurements."""
        lines = tree["lines"]
        panel = self._panel(
            "timeseries",
            tree["form"],
            [
                self._target(line["expr"], ref, "time_series", line["legend"], over_time=True)
                for ref, line in zip(ascii_uppercase, lines, strict=False)
            ],
            (
                *((one["legend"], STYLES["dashes"][one["dash"]]) for one in lines if "dash" in one),
                *_renamed(tree),
            ),
        )
        panel["maxDataPoints"] = POINTS
        defaults = panel["fieldConfig"]["defaults"]
        defaults["color"] = {"mode": "palette-classic"}
        if tree.get("stacked"):
            defaults["custom"] |= {"fillOpacity": 20, "stacking": {"mode": "normal"}}
        return panel

    def _bars(self, tree: Tree) -> Json:
        """Return one bar with its number for each series, named by its legend or its text."""
        target = self._target(tree["expr"], "A", "time_series", tree["legend"])
        return self._panel("bargauge", tree["form"], [target], _renamed(tree))

    def _map(self, tree: Tree) -> Json:
        """Return a marker for each département on an empty ground.

        The series have the label `geohash`. All columns are in the marker's tooltip.
        """
        panel = self._tabular("geomap", tree["columns"], self._tooltip_properties)
        style = panel["options"]["layers"][0]["config"]["style"]
        for part, column in tree["marker"].items():
            style[part]["field"] = column
        return panel

    def _tabular(
        self, kind: str, columns: Sequence[Tree], properties_of: Callable[[Tree], Json]
    ) -> Json:
        """Fill a panel with one table: of each query one column, of each label one."""
        refs = iter(ascii_uppercase)
        queries = {next(refs): one["expr"] for one in columns if "expr" in one}
        value = "Value" if len(queries) == 1 else "Value #{}"
        values = iter(value.format(ref) for ref in queries)
        fields = {next(values) if "expr" in one else one["label"]: one["title"] for one in columns}
        transformations = {
            "merge": {},
            "filterFieldsByName": {"include": {"names": list(fields)}},
            "organize": {
                "indexByName": {name: index for index, name in enumerate(fields)},
                "renameByName": fields,
                "excludeByName": {},
            },
        }
        panel = self._panel(
            kind,
            None,
            [self._target(expression, ref, "table") for ref, expression in queries.items()],
            ((one["title"], properties_of(one)) for one in columns),
        )
        steps = [{"id": name, "options": details} for name, details in transformations.items()]
        return panel | {"transformations": steps}

    def _panel(
        self,
        kind: str,
        named_form: str | Tree | None,
        targets: Sequence[Json],
        overrides: Iterable[tuple[str, Tree]],
    ) -> Json:
        style, form = deepcopy(STYLES[kind]), self._form(named_form)
        defaults = {
            **{name: value for name, value in _values(form).items() if value != []},
            "color": {"mode": "thresholds"},
            "noValue": BLANK,
            **({"custom": style["custom"]} if "custom" in style else {}),
        }
        return {
            "type": kind,
            "datasource": DATASOURCE,
            "targets": targets,
            "options": style["options"],
            "fieldConfig": {
                "defaults": defaults,
                "overrides": [
                    {
                        "matcher": {"id": "byName", "options": field},
                        "properties": [
                            {"id": name, "value": one} for name, one in properties.items()
                        ],
                    }
                    # Of two lines with one name, the last one's.
                    for field, properties in dict(overrides).items()
                ],
            },
            "transparent": False,
            "repeatDirection": "h",
        }

    def _target(
        self, expression: str, ref: str, kind: str, legend: str = "", *, over_time: bool = False
    ) -> Json:
        is_of_last_day = self._is_of_last_day and not over_time
        target = {
            "refId": ref,
            "datasource": DATASOURCE,
            "expr": of_the_last_day(expression) if is_of_last_day else expression,
            "editorMode": "code",
            "format": kind,
            "instant": not over_time,
            "range": over_time,
        }
        return target | ({"legendFormat": legend} if legend else {})

    def _form(self, form: str | Tree | None) -> Tree:
        """Return the form of values: a named one, one declared in place, or that of words."""
        named: Tree = self._forms[form] if isinstance(form, str) else form or _PLAIN
        return named

    def _tooltip_properties(self, column: Tree) -> Json:
        """Return a column's properties without those of a table's own: a tooltip has no width."""
        properties = self._column_properties(column)
        return {name: value for name, value in properties.items() if not name.startswith("custom.")}

    def _column_properties(self, column: Tree) -> Json:
        form = self._form(column.get("form"))
        properties = _values(form)
        if form["unit"] == NO_UNIT:
            # A word, although its code may be a number.
            properties["custom.align"] = "left"
        properties["custom.wrapHeaderText"] = True
        if "width" in column:
            properties["custom.width"] = column["width"]
        else:
            properties["custom.minWidth"] = column.get("least", LEAST)
            # Set in two ways: as Grafana has it from 12.2 on, and before.
            properties["custom.wrapText"] = True
            properties["custom.cellOptions"] = {"type": "auto", "wrapText": True}
        if "cell" in column:
            properties["custom.cellOptions"] = STYLES["cells"][column["cell"]]
        if "links" in column:
            properties["links"] = [
                {"title": text, "url": url, "targetBlank": False}
                for text, url in column["links"].items()
            ]
        if column.get("hidden"):
            properties["custom.hidden"] = True
        return properties


def _link(title: str, url: str, *, new_tab: bool = False) -> Json:
    return {**STYLES["link"], "title": title, "url": url, "targetBlank": new_tab}


def board_link(uid: str, title: str) -> Json:
    """Return a link to another board, with the time and the choices that the reader has here."""
    kept = {"icon": "dashboard", "keepTime": True, "includeVars": True}
    return {**_link(title, f"/d/{uid}"), **kept}


def _renamed(tree: Tree) -> Iterable[tuple[str, Json]]:
    return ((code, {"displayName": text}) for code, text in tree.get("texts", {}).items())


def _values(form: Tree) -> Json:
    """Return how values of a form are written."""
    steps = [{"value": value, "color": colour} for value, colour in form.get("steps", _ANY_VALUE)]
    mappings = [_words(form)] if "words" in form else []
    limits = {"decimals": form.get("decimals"), "min": form.get("least"), "max": form.get("most")}
    return {
        "unit": form["unit"],
        "thresholds": {"mode": "absolute", "steps": steps},
        # Also without any: the panel's defaults, which are another value's, must not hold.
        "mappings": mappings,
        **{name: value for name, value in limits.items() if value is not None},
    }


def _words(form: Tree) -> Json:
    """Return the mapping of codes to words; a coloured word begins with a mark like it."""
    results: dict[str, Json] = {
        code: {"text": text, "index": index}
        for index, (code, text) in enumerate(form["words"].items(), form.get("first", 0))
    }
    for code, colour in form.get("colours", {}).items():
        results[code]["color"] = colour
    return {"type": "value", "options": results}
