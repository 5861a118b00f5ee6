"""The page docs/metrics.md, written from the vocabulary of metrics."""

from __future__ import annotations

from catalogue.metrics import (
    ASSESSOR_METRICS,
    GATEWAY_METRICS,
    LABELS,
    PAGE_METRICS,
    PRODUCER_METRICS,
    WORKER_METRICS,
    Metric,
)

_HEAD = """\
<!-- Generated from catalogue/metrics.py by `smart-region generate`. Do not edit. -->

# Metrics

What a worker shows on `/metrics`. Figures are there once its events are read, and each worker
shows those of its own partitions: a figure of the Région is a sum over `partition`, and a ratio a
sum of numerators over a sum of denominators. What follows from a figure's whole history is
judged by the assessor.
"""

_ASSESSOR = """\
# Metrics of the assessor

It reads the states of all partitions, so its figures are those of the whole region or of a
département as they are: nothing is to be summed. They are there once it has read everything. It
also shows `smartregion_as_of_timestamp_seconds`.
"""

_PRODUCERS = """\
# Metrics of producers

Each worker also shows what became of what each declared producer sent, since the worker began:
sums over workers are those of the producer. `smart-region producers report` counts from the topics,
and does not depend on restarts.
"""

_GATEWAY = """\
# Metrics of the gateway

What `smart-region gateway` shows on its own `/metrics`.
"""

_PAGE = """\
# Metrics of the page

What `smart-region page` shows on its own `/metrics`.
"""


def metrics_page() -> str:
    """Return the page: every metric with its labels, its meaning and what to do about it."""
    sections = [_HEAD, *map(_section, WORKER_METRICS)]
    sections += [_PRODUCERS, *map(_section, PRODUCER_METRICS)]
    sections += [_ASSESSOR, *map(_section, ASSESSOR_METRICS)]
    sections += [_GATEWAY, *map(_section, GATEWAY_METRICS)]
    sections += [_PAGE, *map(_section, PAGE_METRICS)]
    labels = (f"| `{label}` | {meaning} |" for label, meaning in LABELS.items())
    sections += ["# Labels\n\n| label | what it says |\n|---|---|", *labels]
    return "\n".join(sections) + "\n"


def _section(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "no labels"
    paragraphs = [f"## `{metric.name}`", f"{metric.kind}, {labels}", metric.meaning]
    if metric.remedy:
        paragraphs.append(f"**What to do**: {metric.remedy}")
    return "\n\n".join(paragraphs) + "\n"
