"""The SQL file of the outbox: written by hand, except for the table of event types."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from typing import Final

from events.fact import Fact
from events.registry import FACTS_BY_NAME
from events.topics import topic_name

_MARK: Final = "-- event types\n"


def outbox_sql() -> str:
    """Return the file that creates or updates an outbox, with the contracts of this release."""
    text = files("sources.relay").joinpath("outbox.sql").read_text(encoding="utf-8")
    return text.replace(_MARK, ",\n".join(map(_row, FACTS_BY_NAME.values())) + "\n")


def _row(fact: type[Fact]) -> str:
    own = (fact.KEY, fact.DAY, "retracted")
    others = {name: field for name, field in fact.model_fields.items() if name not in own}
    required = [name for name, field in others.items() if field.is_required()]
    lists = (
        fact.key_fields(),
        required,
        [name for name in others if name not in required],
    )
    keys, needed, optional = map(_array, lists)
    texts = ", ".join(map(_text, (fact.NAME, fact.TYPE, topic_name(fact.FAMILY))))
    return f"  ({texts},\n    {keys}, {_text(fact.DAY)}, {needed}, {optional})"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _array(values: Iterable[str]) -> str:
    return _text("{" + ",".join(values) + "}")
