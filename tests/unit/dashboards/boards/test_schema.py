"""Every board is what Grafana's own schema says a board is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.support.boards import BOARDS

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "corpus/grafana/boards.schema.json").read_text(encoding="utf-8")
)
PARTS: dict[str, Any] = SCHEMA["definitions"]["Boards"]["properties"]

#: Fields of an annotation that belong to Prometheus' plugin, not to the board's schema.
OF_PROMETHEUS = {"expr", "step", "titleFormat", "useValueForTime"}
#: Fields of a query that every datasource has; the rest are Prometheus' own.
OF_ANY_QUERY = {"datasource", "hide", "queryType", "refId"}


def mistakes(part: str, value: object) -> list[str]:
    validator = Draft7Validator({"definitions": SCHEMA["definitions"], **PARTS[part]})
    return [f"{part} {error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def parts_of(board: dict[str, Any]) -> Iterator[tuple[str, object]]:
    annotations = [
        {name: value for name, value in one.items() if name not in OF_PROMETHEUS}
        for one in board["annotations"]["list"]
    ]
    yield "dashboard", board | {"panels": [], "annotations": {"list": annotations}}
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield "row", panel
            continue
        yield "panel", panel
        yield f"options:{panel['type']}", panel["options"]
        custom = panel["fieldConfig"]["defaults"].get("custom")
        if custom is not None:
            yield f"custom:{panel['type']}", custom
        for target in panel["targets"]:
            yield "query", {name: target[name] for name in target.keys() & OF_ANY_QUERY}


@pytest.mark.parametrize("uid", BOARDS)
def test_board_is_valid(uid: str) -> None:
    found = [mistake for part, value in parts_of(BOARDS[uid]) for mistake in mistakes(part, value)]

    assert found == []


def test_schema_is_strict() -> None:
    """A misspelt option is refused: the schema would otherwise prove nothing."""
    (options,) = (
        panel["options"] for panel in next(iter(BOARDS.values()))["panels"] if panel["id"] == 1
    )

    assert mistakes("options:stat", options) == []
    assert mistakes("options:stat", options | {"grafMode": "none"})
