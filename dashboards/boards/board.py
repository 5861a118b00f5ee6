"""A board: panels in their positions, the reader's choices, and how it is written as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from catalogue.model import Catalogue
from catalogue.territories import TERRITORY_TITLES
from dashboards import conventions
from dashboards.boards.panels import DATASOURCE, Json, Link

#: The mark of the boards that are ours: publishing touches no other.
TAG: Final = "smart-region"
PARIS: Final = "Europe/Paris"
UTC: Final = "utc"
"""For boards on an axis of days: they begin at midnight UTC, as the figures' samples do."""
ALL: Final = ".+"
"""What a variable stands for when all of its values are chosen."""

#: Of Grafana's classic model.
SCHEMA_VERSION: Final = 42
SHARED_CROSSHAIR: Final = 1
#: No line is longer but for a text, which is never broken.
WIDTH: Final = 80
STEP: Final = 2


@dataclass(frozen=True, slots=True)
class Board:
    """A board before it is numbered and written."""

    uid: str
    title: str
    description: str
    panels: Sequence[Json]
    since: str
    """What it shows over time: from here to now, as Grafana says it (`now-1h`, or an instant)."""
    refresh: str = "1m"
    timezone: str = UTC
    variables: Sequence[Json] = ()
    links: Sequence[Link] = ()
    annotations: Sequence[Json] = ()


def document(board: Board) -> str:
    """Write a board as JSON text, the same for the same board; panels are numbered in order."""
    tree = {
        "uid": board.uid,
        "title": board.title,
        "description": board.description,
        "tags": [TAG],
        "timezone": board.timezone,
        "editable": True,
        "graphTooltip": SHARED_CROSSHAIR,
        "time": {"from": board.since, "to": "now"},
        "refresh": board.refresh,
        "schemaVersion": SCHEMA_VERSION,
        "fiscalYearStartMonth": 0,
        "weekStart": "monday",
        "panels": [panel | {"id": number} for number, panel in enumerate(board.panels, start=1)],
        "templating": {"list": [_datasource_variable(), *board.variables]},
        "annotations": {"list": [*board.annotations]},
        "links": [_board_link(link) for link in board.links],
    }
    text = json.dumps(tree, default=dict, sort_keys=True)
    return json_text(json.loads(text)) + "\n"


def link_to(uid: str, title: str, **variables: str) -> Link:
    """Return a link to another board, with the time and the datasource that the reader has here."""
    chosen = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return Link(title, f"/d/{uid}?${{__url_time_range}}&${{datasource:queryparam}}{chosen}")


def department_variable() -> Json:
    """Return the variable of the territory: the whole region, or one département."""
    return _choice(conventions.DEPARTMENT_VARIABLE, "Territoire", TERRITORY_TITLES)


def programme_variable(catalogue: Catalogue) -> Json:
    """Return the variable of the programmes: some, or all."""
    options = {programme.id: programme.title for programme in catalogue.programmes}
    variable = _choice(conventions.PROGRAMME_VARIABLE, "Programme", options)
    return variable | {
        "multi": True,
        "includeAll": True,
        "allValue": ALL,
        "current": {"selected": True, "text": ["Tous"], "value": ["$__all"]},
        "options": [
            {"selected": True, "text": "Tous", "value": "$__all"},
            *(one | {"selected": False} for one in variable["options"]),
        ],
    }


def _choice(name: str, label: str, options: Mapping[str, str]) -> Json:
    """Make a variable of fixed values; the first is chosen."""
    listed = [
        {"selected": index == 0, "text": text, "value": value}
        for index, (value, text) in enumerate(options.items())
    ]
    # A comma that is not escaped separates two values.
    escaped = {value: text.replace(",", "\\,") for value, text in options.items()}
    return {
        "type": "custom",
        "name": name,
        "label": label,
        "query": ", ".join(f"{text} : {value}" for value, text in escaped.items()),
        "options": listed,
        "current": listed[0],
        "allowCustomValue": False,
        "includeAll": False,
        "multi": False,
        "skipUrlSync": False,
    }


def _datasource_variable() -> Json:
    """Return the variable of the Prometheus; Grafana takes its default one."""
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Prometheus",
        "query": DATASOURCE["type"],
        "current": {"text": "default", "value": "default"},
        "options": [],
        "refresh": 1,
        "allowCustomValue": True,
        "includeAll": False,
        "multi": False,
        "skipUrlSync": False,
    }


def _board_link(link: Link) -> Json:
    if not link.url.startswith("/d/"):
        return link.json()
    kept = {"icon": "dashboard", "keepTime": True, "includeVars": True}
    return {**link.json(), **kept, "url": link.url.partition("?")[0]}


def json_text(value: Any, indent: int = 0, before: int = 0) -> str:  # noqa: ANN401 - JSON of any shape
    """Write a value; objects keep the order of their names.

    What fits on a line is on one, so that a change is few lines of a diff. `indent` is that of the
    line which the value begins on, `before` what stands on it already, in characters.
    """
    line = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, dict | list) or before + len(line) <= WIDTH - indent:
        return line
    inner = " " * (indent + STEP)
    if isinstance(value, list):
        parts = [json_text(one, indent + STEP, 1) for one in value]
    else:
        parts = []
        for name, one in value.items():
            label = f"{json.dumps(name, ensure_ascii=False)}: "
            parts.append(label + json_text(one, indent + STEP, len(label) + 1))
    opening, closing = "[]" if isinstance(value, list) else "{}"
    lines = ",\n".join(f"{inner}{part}" for part in parts)
    return f"{opening}\n{lines}\n{' ' * indent}{closing}"
