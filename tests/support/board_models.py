"""Boards as JSON, small ones and arbitrary ones."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

Tree = dict[str, Any]


def panel(title: str, *expressions: str, **fields: object) -> Tree:
    targets = [{"refId": ref, "expr": text} for ref, text in zip("ABC", expressions, strict=False)]
    return {"title": title, "type": "stat", "targets": targets, **fields}


def board(uid: str = "smart-region-x", *panels: Tree, **fields: object) -> Tree:
    named = {"uid": uid, "title": f"Board {uid}", "tags": ["smart-region"]}
    return {**named, "schemaVersion": 42, "panels": list(panels), **fields}


json_values = st.recursive(  # Grafana's client sends no number that JSON does not have.
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(-1e6, 1e6, allow_nan=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)

panels = st.builds(
    lambda title, expressions, options: panel(title, *expressions, options=options),
    st.text(max_size=3),
    st.lists(st.text(max_size=5), max_size=3),
    json_values,
)
rows = st.builds(
    lambda title, inner: {"type": "row", "title": title, "panels": inner},
    st.text(max_size=3),
    st.lists(panels, max_size=2),
)


@st.composite
def boards(draw: st.DrawFn, uids: Sequence[str] = ("a", "b", "c", "d")) -> list[Tree]:
    return [
        board(
            uid,
            *draw(st.lists(panels | rows, max_size=3)),
            description=draw(st.none() | st.text(max_size=8)),
            time=draw(json_values),
        )
        for uid in draw(st.sets(st.sampled_from(uids)))
    ]
