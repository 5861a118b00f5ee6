"""What a rule file is made of: groups of recording rules and alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class Recording:
    """A series that Prometheus computes at each evaluation."""

    name: str
    expression: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return its entry in a rule file."""
        document: dict[str, Any] = {"record": self.name, "expr": self.expression}
        return document | ({"labels": dict(self.labels)} if self.labels else {})


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert for each series of its expression; times are in seconds."""

    name: str
    expression: str
    pending: float
    """`for`: how long the expression must hold before the alert fires."""
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    keep_firing_for: float = 0
    """How long it goes on firing once the expression no longer holds."""

    def document(self) -> dict[str, Any]:
        """Return its entry in a rule file."""
        document = {"alert": self.name, "expr": self.expression, "for": duration(self.pending)}
        if self.keep_firing_for:
            document["keep_firing_for"] = duration(self.keep_firing_for)
        return document | {"labels": dict(self.labels), "annotations": dict(self.annotations)}


Rule: TypeAlias = Recording | Alert


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated one after the other, each seeing what those before it recorded."""

    name: str
    rules: Sequence[Rule]
    interval: float | None = None
    """Seconds between two evaluations; None: as the configuration of Prometheus has it."""

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Return those of its rules that may fire."""
        return tuple(rule for rule in self.rules if isinstance(rule, Alert))


def rule_document(group: RuleGroup) -> dict[str, Any]:
    """Return the content of a rule file with one group."""
    every = {} if group.interval is None else {"interval": duration(group.interval)}
    rules = [rule.document() for rule in group.rules]
    return {"groups": [{"name": group.name, **every, "rules": rules}]}


def duration(seconds: float) -> str:
    """Write a time as Prometheus and Alertmanager read it: `90s`, `5m`, `2d`."""
    whole = round(seconds)
    for unit, size in UNITS:
        if whole >= size and whole % size == 0:
            return f"{whole // size}{unit}"
    return "0s"
