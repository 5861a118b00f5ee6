"""Metric families of the catalogue itself: they do not depend on events."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue import metrics
from catalogue.model import Catalogue
from streams.metric_families import MetricFamily, family_of, midnight


def catalogue_families(catalogue: Catalogue) -> Iterator[MetricFamily]:
    """Yield the indicators' descriptions and baselines, and their milestones' targets and days."""
    info = family_of(metrics.INDICATOR_INFO)
    baseline = family_of(metrics.INDICATOR_BASELINE)
    own = family_of(metrics.INDICATOR_OWN_BASELINE)
    target = family_of(metrics.MILESTONE_TARGET)
    deadline = family_of(metrics.MILESTONE_DEADLINE)
    for programme in catalogue.programmes:
        for indicator in programme.indicators:
            who = [programme.id, indicator.id]
            info.add_metric(
                [*who, str(indicator.unit), str(indicator.direction), indicator.title], 1
            )
            if indicator.baseline is not None:
                baseline.add_metric(who, float(indicator.baseline.value))
            for territory, start in indicator.baselines.items():
                own.add_metric([*who, territory], float(start.value))
            for milestone in indicator.milestones:
                if milestone.target is not None:
                    target.add_metric([*who, milestone.id], float(milestone.target))
                if milestone.day is not None:
                    deadline.add_metric([*who, milestone.id], midnight(milestone.day))
    yield from (info, baseline, own, target, deadline)
