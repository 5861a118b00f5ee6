"""A board: panels in their positions, the reader's choices, and how it is written as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from catalogue.model import Catalogue
from catalogue.territories import TERRITORY_TITLES
from dashboards import conventions
from dashboards.boards.panels import DATASOURCE, Link
from dashboards.boards.sdk import JSONEncoder, dashboard

Panel: TypeAlias = dashboard.Panel | dashboard.RowPanel

#: The mark of the boards that are ours: publishing touches no other.
TAG: Final = "smart-region"
PARIS: Final = "Europe/Paris"
UTC: Final = "utc"
"""For boards on an axis of days: they begin at midnight UTC, as the figures' samples do."""
ALL: Final = ".+"
"""What a variable stands for when all of its values are chosen."""

#: What the models always write and Grafana's schema does not have: fields of other kinds of
#: variables, and a table's footer, which later versions moved.
UNKNOWN: Final = frozenset({"auto", "auto_count", "auto_min", "footer"})
#: Likewise, and worse: it hides the links to the other boards in a menu.
HIDING: Final = ("placement", "inControlsMenu")
#: No line is longer but for a text, which is never broken.
WIDTH: Final = 80
STEP: Final = 2


@dataclass(frozen=True, slots=True)
class Board:
    """A board before it is numbered and written."""

    uid: str
    title: str
    description: str
    panels: Sequence[Panel]
    since: str
    """What it shows over time: from here to now, as Grafana says it (`now-1h`, or an instant)."""
    refresh: str = "1m"
    timezone: str = UTC
    variables: Sequence[dashboard.VariableModel] = ()
    links: Sequence[Link] = ()
    annotations: Sequence[dashboard.AnnotationQuery] = field(default=())


def document(board: Board) -> str:
    """Write a board as JSON text, the same for the same board; panels are numbered in order."""
    for number, panel in enumerate(board.panels, start=1):
        panel.id_val = number
    model = dashboard.Dashboard(
        uid=board.uid,
        title=board.title,
        description=board.description,
        tags=[TAG],
        timezone=board.timezone,
        editable=True,
        graph_tooltip=dashboard.DashboardCursorSync.CROSSHAIR,
        time=dashboard.DashboardDashboardTime(from_val=board.since, to="now"),
        refresh=board.refresh,
        week_start="monday",
        panels=list(board.panels),
        templating=dashboard.DashboardDashboardTemplating(
            list_val=[_datasource_variable(), *board.variables]
        ),
        annotations=dashboard.AnnotationContainer(list_val=list(board.annotations)),
        links=[_board_link(link) for link in board.links],
    )
    tree = json.loads(json.dumps(model, cls=JSONEncoder, sort_keys=True))
    return json_text(_known(tree)) + "\n"


def link_to(uid: str, title: str, **variables: str) -> Link:
    """Return a link to another board, with the time and the datasource that the reader has here."""
    chosen = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return Link(title, f"/d/{uid}?${{__url_time_range}}&${{datasource:queryparam}}{chosen}")


def department_variable() -> dashboard.VariableModel:
    """Return the variable of the territory: the whole region, or one département."""
    return _choice(conventions.DEPARTMENT_VARIABLE, "Territoire", TERRITORY_TITLES)


def programme_variable(catalogue: Catalogue) -> dashboard.VariableModel:
    """Return the variable of the programmes: some, or all."""
    options = {programme.id: programme.title for programme in catalogue.programmes}
    variable = _choice(conventions.PROGRAMME_VARIABLE, "Programme", options)
    variable.multi = True
    variable.include_all = True
    variable.all_value = ALL
    variable.current = dashboard.VariableOption(selected=True, text=["Tous"], value=["$__all"])
    everything = dashboard.VariableOption(selected=True, text="Tous", value="$__all")
    variable.options = [everything, *(_unselected(one) for one in variable.options or ())]
    return variable


def _choice(name: str, label: str, options: Mapping[str, str]) -> dashboard.VariableModel:
    """Make a variable of fixed values; the first is chosen."""
    listed = [
        dashboard.VariableOption(selected=index == 0, text=text, value=value)
        for index, (value, text) in enumerate(options.items())
    ]
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.CUSTOM,
        name=name,
        label=label,
        query=", ".join(f"{_escaped(text)} : {value}" for value, text in options.items()),
        options=listed,
        current=listed[0],
        allow_custom_value=False,
    )


def _escaped(text: str) -> str:
    return text.replace(",", "\\,")


def _unselected(option: dashboard.VariableOption) -> dashboard.VariableOption:
    return dashboard.VariableOption(selected=False, text=option.text, value=option.value)


def _datasource_variable() -> dashboard.VariableModel:
    """Return the variable of the Prometheus; Grafana takes its default one."""
    return dashboard.VariableModel(
        type_val=dashboard.VariableType.DATASOURCE,
        name="datasource",
        label="Prometheus",
        query=DATASOURCE.type_val,
        current=dashboard.VariableOption(text="default", value="default"),
        options=[],
        refresh=dashboard.VariableRefresh.ON_DASHBOARD_LOAD,
    )


def _board_link(link: Link) -> dashboard.DashboardLink:
    builder = link.builder()
    if link.url.startswith("/d/"):
        address = link.url.partition("?")[0]
        builder.url(address).icon("dashboard").keep_time(True).include_vars(True)
    return builder.build()


def _known(tree: Any) -> Any:  # noqa: ANN401 - JSON is any tree
    """Return a tree without what Grafana's schema does not have, and what would hide the links."""
    if isinstance(tree, dict):
        return {
            name: _known(value)
            for name, value in tree.items()
            if name not in UNKNOWN and (name, value) != HIDING
        }
    return [_known(value) for value in tree] if isinstance(tree, list) else tree


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
