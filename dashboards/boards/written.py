"""The boards that do not follow the catalogue: panels as YAML, their expressions as they are sent.

`pipeline.yaml.jinja` is the operator's board: whether the monitor is healthy, keeps up, and can be
restarted. `producers.yaml.jinja` is that of those who send events: what was taken, what was
refused, who is silent.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from dashboards.boards.board import PARIS, Board, link_to
from dashboards.boards.delegate import as_of_panel
from dashboards.boards.figures import runbook_links
from dashboards.boards.panels import (
    NO_UNIT,
    TARGET,
    Column,
    GridPosition,
    Json,
    PanelFrame,
    Step,
    ValueFormat,
    bars,
    row,
    stats,
    table_of,
    trend,
    words,
)
from dashboards.boards.queries import Query, fact_of
from dashboards.conventions import Links
from dashboards.rules.templates import filled
from dashboards.wording import GATEWAY_OUTCOMES, GATEWAY_REASONS, OUTCOMES, UNDECLARED

Tree: TypeAlias = dict[str, Any]
FormOf: TypeAlias = Callable[[str | Tree | None], ValueFormat]

_WORDS = {
    "GATEWAY_OUTCOMES": GATEWAY_OUTCOMES,
    "GATEWAY_REASONS": GATEWAY_REASONS,
    "OUTCOMES": OUTCOMES,
    "UNDECLARED": UNDECLARED,
    "fact_of": fact_of,
}


def written_board(name: str, links: Links) -> Board:
    """Build the board of a file."""
    text = Path(__file__).with_name(f"{name}.yaml.jinja").read_text(encoding="utf-8")
    tree: Tree = yaml.safe_load(filled(text, _WORDS))
    forms = {known: _form(form) for known, form in tree["forms"].items()}

    def form_of(form: str | Tree | None) -> ValueFormat:
        if form is None:
            return ValueFormat(NO_UNIT)
        return forms[form] if isinstance(form, str) else _form(form)

    return Board(
        uid=tree["uid"],
        title=tree["title"],
        description=tree["says"],
        since=tree["since"],
        refresh=tree["refresh"],
        timezone=PARIS,
        links=[link_to(uid, title) for uid, title in tree["links"].items()],
        panels=(
            as_of_panel(GridPosition(0, 0, 6, 4)),
            *(_panel(panel, form_of, links) for panel in tree["panels"]),
        ),
    )


def _form(tree: Tree) -> ValueFormat:
    usual = ValueFormat(tree["unit"])
    return ValueFormat(
        tree["unit"],
        tree.get("decimals"),
        words(tree["words"], tree.get("colours", {})) if "words" in tree else (),
        tuple(Step(*step) for step in tree["steps"]) if "steps" in tree else usual.steps,
        tree.get("least"),
    )


def _panel(tree: Tree, form_of: FormOf, links: Links) -> Json:
    kind, title = next(iter(tree.items()))
    at = GridPosition(*tree["at"])
    if kind == "row":
        return row(title, at.y)
    runbooks = tree.get("runbooks", {}).items()
    answers = runbook_links(links, *runbooks) if runbooks else ()
    frame = PanelFrame(title, tree["says"], at, answers)
    texts = tree.get("texts", {})
    if kind == "stats":
        values = [(one["name"], Query(one["expr"]), form_of(one["form"])) for one in tree["values"]]
        return stats(frame, values, coloured=True)
    if kind == "table":
        columns = [_column(one, form_of) for one in tree["columns"]]
        return table_of(frame, columns, sort=tuple(tree["sort"]), tall=tree.get("tall", False))
    if kind == "bars":
        query = Query(tree["expr"], tree["legend"])
        return bars(frame, query, form_of(tree["form"]), texts)
    lines = tree["lines"]
    return trend(
        frame,
        [Query(line["expr"], line["legend"]) for line in lines],
        form_of(tree["form"]),
        dashed={line["legend"]: TARGET for line in lines if line.get("target")},
        texts=texts,
        stacked=tree.get("stacked", False),
    )


def _column(tree: Tree, form_of: FormOf) -> Column:
    source = tree["label"] if "label" in tree else Query(tree["expr"])
    sizes = {size: tree[size] for size in ("width", "least") if size in tree}
    return Column(tree["title"], source, form_of(tree.get("form")), **sizes)
