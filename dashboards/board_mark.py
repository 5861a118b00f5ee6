"""The mark of a published board, by which a change by hand is detected.

It is at the end of the board's description, where an editor reads it, and contains a digest of the
board. A version's message does not serve: Grafana replaces that of a first version. A tag would
appear in every list of boards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, TypeAlias

Model: TypeAlias = Mapping[str, Any]
"""A board's JSON."""

#: Fields that Grafana numbers itself.
NUMBERED: Final = frozenset({"id", "version", "iteration"})
DIGITS: Final = 16
MARK: Final = "Généré par smart-region, à ne pas modifier à la main (empreinte {digest})."
FOUND: Final = re.compile(
    r"(?:\n\n)?" + re.escape(MARK).replace(r"\{digest\}", f"([0-9a-f]{{{DIGITS}}})") + r"\Z"
)


def normalised(model: Model) -> dict[str, Any]:
    """Return a board without Grafana's own numbers and without nulls, to be compared."""
    tree: dict[str, Any] = _plain({k: v for k, v in model.items() if k not in NUMBERED})
    if not tree.get("description"):
        tree.pop("description", None)
    return tree


def unmarked(model: Model) -> dict[str, Any]:
    """Return the normalised board without its mark."""
    return normalised({**model, "description": _own_description(model)})


def marked(model: Model) -> dict[str, Any]:
    """Return the board with the mark of its content; the rest is unchanged."""
    mark = MARK.format(digest=_digest(model))
    own = _own_description(model)
    return {**model, "description": f"{own}\n\n{mark}" if own else mark}


def intact(model: Model) -> bool:
    """Return whether a board is as it was published: its mark is that of its content."""
    found = FOUND.search(_description(model))
    return found is not None and found[1] == _digest(model)


def _description(model: Model) -> str:
    description = model.get("description")
    return description if isinstance(description, str) else ""


def _own_description(model: Model) -> str:
    return FOUND.sub("", _description(model))


def _digest(model: Model) -> str:
    text = json.dumps(unmarked(model), sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:DIGITS]


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON is any tree
    """Return a tree with 1.0 as 1, as Grafana stores it, and without nulls."""
    match value:
        case Mapping():
            return {name: _plain(one) for name, one in value.items() if one is not None}
        case list():
            return [_plain(one) for one in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
