"""Grafana's typed models, all imported here.

The package warns, while it is imported, that it would prefer the newer dashboard model. The classic
one is meant: every Grafana that is in use takes it over its HTTP API.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import (
        bargauge,
        common,
        dashboard,
        geomap,
        prometheus,
        stat,
        table,
        timeseries,
    )

__all__ = [
    "JSONEncoder",
    "bargauge",
    "common",
    "dashboard",
    "geomap",
    "prometheus",
    "stat",
    "table",
    "timeseries",
]
