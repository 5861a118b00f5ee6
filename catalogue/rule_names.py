"""The names of the recorded series: what Prometheus' rules record, and a backfill writes.

`level:metric:operation`, as Prometheus' own practice has it. The level says over what a series is
summed: `department` (one series a département, and `region` for what names none), `region` (all of
them together), `territory` (one series a département, and `region` for all of them together), or
`monitor` (all workers together). The rules, the boards and the backfill take the names from here,
so that the years before the first scrape and the days after it are one series.
"""

from __future__ import annotations

from catalogue.metric_names import Metric

__all__ = ["RECORDED"]

_DEPARTMENT = ("programme", "indicator", "department")
_REGION = ("programme", "indicator")
_CATEGORY = ("programme", "indicator", "dimension", "category")

DEPARTMENT_NUMERATOR = Metric(
    "department:smartregion_indicator_numerator:sum",
    "gauge",
    _DEPARTMENT,
    "A ratio indicator's numerator, all partitions together.",
)
DEPARTMENT_DENOMINATOR = Metric(
    "department:smartregion_indicator_denominator:sum",
    "gauge",
    _DEPARTMENT,
    "A ratio indicator's denominator, all partitions together.",
)
DEPARTMENT_SUM = Metric(
    "department:smartregion_indicator_value:sum",
    "gauge",
    _DEPARTMENT,
    "An additive or observed indicator's value in its unit, all partitions together.",
)
DEPARTMENT_RATIO = Metric(
    "department:smartregion_indicator_value:ratio",
    "gauge",
    _DEPARTMENT,
    "A ratio indicator's value (0 to 1); absent over 0.",
)
DEPARTMENT_VALUE = Metric(
    "department:smartregion_indicator_value:current",
    "gauge",
    _DEPARTMENT,
    "An indicator's value in its unit, by département.",
)

REGION_NUMERATOR = Metric(
    "region:smartregion_indicator_numerator:sum",
    "gauge",
    _REGION,
    "A ratio indicator's numerator, for the whole region.",
)
REGION_DENOMINATOR = Metric(
    "region:smartregion_indicator_denominator:sum",
    "gauge",
    _REGION,
    "A ratio indicator's denominator, for the whole region.",
)
REGION_SUM = Metric(
    "region:smartregion_indicator_value:sum",
    "gauge",
    _REGION,
    "An additive indicator's value in its unit, for the whole region; an observed one's, as it was "
    "observed there.",
)
REGION_RATIO = Metric(
    "region:smartregion_indicator_value:ratio",
    "gauge",
    _REGION,
    "A ratio indicator's value (0 to 1) for the whole region; absent over 0.",
)
REGION_VALUE = Metric(
    "region:smartregion_indicator_value:current",
    "gauge",
    _REGION,
    "An indicator's value in its unit, for the whole region.",
)

TERRITORY_VALUE = Metric(
    "territory:smartregion_indicator_value:current",
    "gauge",
    _DEPARTMENT,
    "An indicator's value in its unit, for the whole region (`region`) and by département.",
)
TERRITORY_LAST_REPORTED = Metric(
    "territory:smartregion_indicator_last_reported_timestamp_seconds:max",
    "gauge",
    _DEPARTMENT,
    "The latest effective day, up to as_of, of a fact behind an indicator (midnight UTC).",
)

REGION_CATEGORY = Metric(
    "region:smartregion_indicator_category_value:sum",
    "gauge",
    _CATEGORY,
    "An indicator's numerator by category of its breakdown, for the whole region.",
)
DEPARTMENT_CATEGORY = Metric(
    "department:smartregion_indicator_category_value:sum",
    "gauge",
    (*_CATEGORY, "department"),
    "An indicator's numerator by category of its breakdown, by département.",
)

AS_OF = Metric(
    "monitor:smartregion_as_of_timestamp_seconds:max",
    "gauge",
    (),
    "The monitor's own day (midnight UTC): the latest that a process tells.",
)

RECORDED: tuple[Metric, ...] = (
    DEPARTMENT_NUMERATOR,
    DEPARTMENT_DENOMINATOR,
    DEPARTMENT_SUM,
    DEPARTMENT_RATIO,
    DEPARTMENT_VALUE,
    REGION_NUMERATOR,
    REGION_DENOMINATOR,
    REGION_SUM,
    REGION_RATIO,
    REGION_VALUE,
    TERRITORY_VALUE,
    TERRITORY_LAST_REPORTED,
    REGION_CATEGORY,
    DEPARTMENT_CATEGORY,
    AS_OF,
)
