"""Grafana's typed models, and the builders that fill them, all imported here.

The package warns, while it is imported, that it would prefer the newer dashboard model. The classic
one is meant: every Grafana that is in use takes it over its HTTP API.
"""
# ruff: noqa: F401 - the modules of builders are attributes of their package once they are imported

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import grafana_foundation_sdk.builders.bargauge
    import grafana_foundation_sdk.builders.common
    import grafana_foundation_sdk.builders.dashboard
    import grafana_foundation_sdk.builders.geomap
    import grafana_foundation_sdk.builders.prometheus
    import grafana_foundation_sdk.builders.stat
    import grafana_foundation_sdk.builders.table
    import grafana_foundation_sdk.builders.timeseries
    from grafana_foundation_sdk import builders
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import common, dashboard, geomap, prometheus

__all__ = ["JSONEncoder", "builders", "common", "dashboard", "geomap", "prometheus"]
