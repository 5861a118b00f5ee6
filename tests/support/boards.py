"""The boards of the Région's catalogue, read from their JSON."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalogue.loader import load_catalogue
from catalogue.metrics import REGION
from catalogue.model import Catalogue
from dashboards.boards.render import render

CATALOGUE = load_catalogue()

#: The values of variables: Grafana's own, and those of our boards.
SUBSTITUTES: Mapping[str, str] = {
    "$__rate_interval": "1m",
    "$__range": "4000d",
    "$department": REGION,
    "$programme": ".+",
}


@dataclass(frozen=True, slots=True)
class Question:
    """An expression of a panel, as sent to Prometheus."""

    board: str
    panel: str
    ref: str
    expression: str
    over_time: bool
    legend: str = ""

    def __str__(self) -> str:
        return f"{self.board} / {self.panel} / {self.ref}"


def documents(catalogue: Catalogue) -> dict[str, dict[str, Any]]:
    return {board["uid"]: board for board in map(json.loads, render(catalogue).values())}


BOARDS = documents(CATALOGUE)


def questions(
    boards: Mapping[str, Mapping[str, Any]], variables: Mapping[str, str] = SUBSTITUTES
) -> Iterator[Question]:
    """Yield every expression of every panel and annotation, its variables substituted."""
    for uid, board in boards.items():
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                expression = substituted(target["expr"], variables)
                ranged = bool(target.get("range"))
                legend = target.get("legendFormat", "")
                yield Question(uid, panel["title"], target["refId"], expression, ranged, legend)
        for mark in board["annotations"]["list"]:
            expression = substituted(mark["expr"], variables)
            yield Question(uid, mark["name"], "annotation", expression, over_time=True)


def substituted(expression: str, variables: Mapping[str, str] = SUBSTITUTES) -> str:
    for name, value in variables.items():
        expression = expression.replace(name, value)
    return expression
