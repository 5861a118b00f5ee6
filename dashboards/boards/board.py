"""A board: its template filled in, its panels in their positions, and how it is written as JSON.

`delegate.yaml.jinja` and `programme.yaml.jinja` follow the catalogue: which promises are kept,
which slip and where, and the indicators of each programme. `pipeline.yaml.jinja` is the operator's
board: whether the monitor is healthy, keeps up, and can be restarted. `producers.yaml.jinja` shows
what producers sent, what was refused, and who is silent. `shared.jinja` has what several boards
show.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from catalogue import territories
from catalogue.model import Catalogue
from dashboards import conventions, promql, wording
from dashboards.boards import figures, queries
from dashboards.boards.panels import STYLES, Json, PanelWriter, Tree, board_link
from dashboards.conventions import Links
from dashboards.rules.templates import filled_tree

#: The mark of the boards that are ours: publishing touches no other.
TAG: Final = "smart-region"
#: No line is longer but for a text, which is never broken.
WIDTH: Final = 80
STEP: Final = 2

#: What every template may name: all that these modules do.
_NAMES: Final = {
    name: value
    for module in (territories, promql, queries, wording, figures)
    for name, value in vars(module).items()
}


def board(name: str, links: Links, **words: object) -> Json:
    """Return a board's model: its template filled in with words, and panels numbered in order."""
    folder = Path(__file__).parent
    text = "".join(
        (folder / one).read_text(encoding="utf-8") for one in ("shared.jinja", f"{name}.yaml.jinja")
    )
    tree: Tree = filled_tree(text, {**_NAMES, **words})
    writer = PanelWriter(tree["forms"], links, is_of_last_day=tree.get("last_day", False))
    panels = [writer.write(panel) for panel in tree["panels"]]
    chosen = {name: tree[name] for name in ("timezone", "refresh") if name in tree}
    return {
        **STYLES["board"],
        **chosen,
        "tags": [TAG],
        "uid": tree["uid"],
        "title": tree["title"],
        "description": tree["says"],
        "time": {"from": tree["since"], "to": "now"},
        "panels": [panel | {"id": number} for number, panel in enumerate(panels, start=1)],
        "templating": {"list": [STYLES["datasource"], *tree.get("variables", ())]},
        "annotations": {"list": tree.get("annotations", [])},
        "links": [board_link(uid, title) for uid, title in tree["links"].items()],
    }


def document(model: Json) -> str:
    """Write a board as JSON text, the same for the same board."""
    text = json.dumps(model, default=dict, sort_keys=True)
    return json_text(json.loads(text)) + "\n"


def department_variable() -> Json:
    """Return the variable of the territory: the whole region, or one département."""
    return _choice(conventions.DEPARTMENT_VARIABLE, "Territoire", territories.TERRITORY_TITLES)


def programme_variable(catalogue: Catalogue) -> Json:
    """Return the variable of the programmes: some, or all."""
    options = {programme.id: programme.title for programme in catalogue.programmes}
    variable = _choice(conventions.PROGRAMME_VARIABLE, "Programme", options)
    others = [one | {"selected": False} for one in variable["options"]]
    every = {"selected": True, "text": "Tous", "value": "$__all"}
    return {**variable, **STYLES["choices"], "options": [every, *others]}


def _choice(name: str, label: str, options: Mapping[str, str]) -> Json:
    """Make a variable of fixed values; the first is chosen."""
    listed = [
        {"selected": index == 0, "text": text, "value": value}
        for index, (value, text) in enumerate(options.items())
    ]
    # A comma that is not escaped separates two values.
    escaped = {value: text.replace(",", "\\,") for value, text in options.items()}
    return {
        **STYLES["choice"],
        "name": name,
        "label": label,
        "query": ", ".join(f"{text} : {value}" for value, text in escaped.items()),
        "options": listed,
        "current": listed[0],
    }


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
