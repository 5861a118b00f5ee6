"""The house's panels: figures, tables, trends, bars and the map, each with one look for all boards.

Every panel has a title, a description (what is measured, from which events), a place on the grid
of 24 columns, units, and the datasource that the reader chose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from string import ascii_uppercase
from types import MappingProxyType
from typing import Final, TypeAlias

from dashboards.boards.queries import Query, of_the_last_day
from dashboards.boards.sdk import (
    bargauge,
    common,
    dashboard,
    geomap,
    prometheus,
    stat,
    table,
    timeseries,
)
from dashboards.statuses import STATUSES

__all__ = [
    "BARS",
    "BOUND",
    "COLOURED",
    "COUNT",
    "DATE",
    "DAYS",
    "EXPECTED",
    "NO_UNIT",
    "PERCENT",
    "RECORDS_PER_SECOND",
    "SECONDS",
    "TARGET",
    "Column",
    "Dash",
    "GridPosition",
    "Link",
    "Marker",
    "Panel",
    "PanelFrame",
    "Row",
    "Step",
    "ValueFormat",
    "bars",
    "deadline_marks",
    "departments_map",
    "looking_back",
    "row",
    "stats",
    "status_look",
    "table_of",
    "trend",
    "words",
]

Mapped: TypeAlias = dashboard.ValueMapping
Panel: TypeAlias = dashboard.Panel
Row: TypeAlias = dashboard.RowPanel

DATASOURCE: Final = common.DataSourceRef(type_val="prometheus", uid="${datasource}")

#: Grafana's names for the units. A day is written as French readers write it.
PERCENT: Final = "percentunit"
COUNT: Final = "locale"
DATE: Final = "time:DD/MM/YYYY"
DAYS: Final = "suffix: j"
SECONDS: Final = "s"
RECORDS_PER_SECOND: Final = "suffix: /s"
#: For what has no unit: words, codes, names.
NO_UNIT: Final = "string"

POINTS: Final = 4000
"""More than a screen has: Grafana aligns the last point to the step, and ten years on a screen's
points would end a week ago."""

#: Sizes of text, in pixels.
SMALL: Final = 14
MEDIUM: Final = 18
LARGE: Final = 34
FEW: Final = 2
"""So many values of one panel have room for large digits; more of them have less."""
CROWDED: Final = 20

BLANK: Final = "–"
NEUTRAL: Final = "text"
"""Grafana's colour of ordinary text, dark on light and light on dark."""
PROJECTED: Final = "semi-dark-yellow"
"""What is expected, not measured; no status has this colour."""


@dataclass(frozen=True, slots=True)
class GridPosition:
    """A place on the grid, in cells from the top left."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Link:
    """Where a panel or a value leads; the address may name fields and variables."""

    title: str
    url: str
    new_tab: bool = False

    def model(self) -> dashboard.DashboardLink:
        """Give it as Grafana has it."""
        return dashboard.DashboardLink(
            title=self.title, url=self.url, target_blank=self.new_tab, icon="external link"
        )


@dataclass(frozen=True, slots=True)
class PanelFrame:
    """What every panel has: a title, what is measured and from which events, a place, links."""

    title: str
    description: str
    at: GridPosition
    links: Sequence[Link] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """From a value on, a colour."""

    value: float | None
    colour: str


@dataclass(frozen=True, slots=True)
class ValueFormat:
    """How a value is written."""

    unit: str
    decimals: int | None = None
    mappings: Sequence[Mapped] = ()
    steps: Sequence[Step] = (Step(None, NEUTRAL),)
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: a label of the series, or the values of a query."""

    title: str
    source: str | Query
    """A label's name, or a query."""
    shown: ValueFormat = ValueFormat(NO_UNIT)
    width: int | None = None
    """In pixels; None takes what the others leave, and breaks the text into lines."""
    least: int = 150
    """What is left for it at least, in pixels."""
    cell: common.TableCellOptions | None = None
    links: Sequence[Link] = ()
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Dash:
    """How a line is drawn that is no measurement; lengths are pixels drawn and left."""

    lengths: tuple[int, int]
    width: int
    colour: str
    in_legend: bool = True


TARGET: Final = Dash((10, 10), 1, NEUTRAL)
EXPECTED: Final = Dash((6, 6), 2, PROJECTED)
#: The range around what is expected: its lines are named where one points at them.
BOUND: Final = Dash((2, 6), 1, PROJECTED, in_legend=False)


@dataclass(frozen=True, slots=True)
class Marker:
    """Which columns of a map are a marker's colour, text and size, by their titles."""

    colour: str
    text: str
    size: str


def words(
    texts: Mapping[str, str], colours: Mapping[str, str] = MappingProxyType({})
) -> tuple[Mapped, ...]:
    """Show codes as words; a word in a colour begins with a mark that says the same."""
    return (
        dashboard.ValueMap(
            options={
                code: dashboard.ValueMappingResult(text=text, color=colours.get(code), index=index)
                for index, (code, text) in enumerate(texts.items())
            }
        ),
    )


def status_look() -> ValueFormat:
    """Show a severity as the status' mark and word, in its colour."""
    results = {
        str(look.severity): dashboard.ValueMappingResult(
            text=look.text, color=look.colour, index=look.severity
        )
        for look in STATUSES.values()
    }
    return ValueFormat(NO_UNIT, mappings=(dashboard.ValueMap(options=results),))


#: A share of the way as a bar with its number.
BARS: Final = common.TableBarGaugeCellOptions(
    mode=common.BarGaugeDisplayMode.BASIC, value_display_mode=common.BarGaugeValueMode.TEXT
)
COLOURED: Final = common.TableColorTextCellOptions()


def stats(
    frame: PanelFrame, values: Sequence[tuple[str, Query, ValueFormat]], *, coloured: bool = False
) -> Panel:
    """Show a few values side by side, each under its name and in its own unit."""
    first = values[0][2]
    return _panel(
        "stat",
        frame,
        [_instant(Query(query.expression, name), ref) for ref, name, query in _lettered(values)],
        options=stat.Options(
            graph_mode=common.BigValueGraphMode.NONE,
            color_mode=(
                common.BigValueColorMode.VALUE if coloured else common.BigValueColorMode.NONE
            ),
            text_mode=common.BigValueTextMode.VALUE_AND_NAME
            if len(values) > 1
            else common.BigValueTextMode.VALUE,
            justify_mode=common.BigValueJustifyMode.CENTER,
            orientation=common.VizOrientation.VERTICAL,
            reduce_options=common.ReduceDataOptions(calcs=["lastNotNull"]),
            text=common.VizTextDisplayOptions(
                title_size=SMALL, value_size=LARGE if len(values) <= FEW else CROWDED
            ),
            wide_layout=False,
        ),
        fields=dashboard.FieldConfigSource(
            defaults=_field(first),
            overrides=[_override(name, _properties(look)) for name, _, look in values[1:]],
        ),
    )


def table_of(
    frame: PanelFrame,
    columns: Sequence[Column],
    *,
    sort: tuple[str, bool] | None = None,
    tall: bool = False,
) -> Panel:
    """Join instant queries on the labels they share into one line for each set of them.

    `sort` is a column's title, and True for the greatest first; `tall` lines have room for two
    lines of text.
    """
    refs = iter(ascii_uppercase)
    sources = [
        (column, column.source if isinstance(column.source, str) else next(refs))
        for column in columns
    ]
    queries = {ref: column.source for column, ref in sources if isinstance(column.source, Query)}
    value = "Value" if len(queries) == 1 else "Value #{}"
    fields = {
        value.format(ref) if isinstance(column.source, Query) else ref: column
        for column, ref in sources
    }
    return _panel(
        "table",
        frame,
        [_instant(query, ref, tabular=True) for ref, query in queries.items()],
        options=table.Options(
            # A word column breaks into lines: there is room for two.
            cell_height=common.TableCellHeight.LG if tall else common.TableCellHeight.SM,
            sort_by=None
            if sort is None
            else [common.TableSortByFieldState(display_name=sort[0], desc=sort[1])],
        ),
        fields=dashboard.FieldConfigSource(
            defaults=_field(
                ValueFormat(NO_UNIT),
                custom=table.FieldConfig(cell_options=common.TableAutoCellOptions()),
            ),
            overrides=[_override(column.title, _column_properties(column)) for column in columns],
        ),
        transformations=[
            dashboard.DataTransformerConfig(id_val="merge", options={}),
            dashboard.DataTransformerConfig(
                id_val="filterFieldsByName", options={"include": {"names": list(fields)}}
            ),
            dashboard.DataTransformerConfig(
                id_val="organize",
                options={
                    "indexByName": {name: index for index, name in enumerate(fields)},
                    "renameByName": {name: column.title for name, column in fields.items()},
                    "excludeByName": {},
                },
            ),
        ],
    )


def trend(
    frame: PanelFrame,
    queries: Sequence[Query],
    shown: ValueFormat,
    *,
    dashed: Mapping[str, Dash] = MappingProxyType({}),
    texts: Mapping[str, str] = MappingProxyType({}),
    stacked: bool = False,
) -> Panel:
    """Draw values over time; `dashed` are lines that are no measurements, by their legends."""
    panel = _panel(
        "timeseries",
        frame,
        [_ranged(query, ref) for ref, query in zip(ascii_uppercase, queries, strict=False)],
        options=timeseries.Options(
            legend=common.VizLegendOptions(
                display_mode=common.LegendDisplayMode.LIST,
                placement=common.LegendPlacement.BOTTOM,
                show_legend=True,
            ),
            tooltip=common.VizTooltipOptions(
                mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING
            ),
        ),
        fields=dashboard.FieldConfigSource(
            defaults=_field(
                shown,
                mode=dashboard.FieldColorModeId.PALETTE_CLASSIC,
                custom=timeseries.FieldConfig(
                    draw_style=common.GraphDrawStyle.LINE,
                    line_interpolation=common.LineInterpolation.STEP_AFTER,
                    line_width=2,
                    fill_opacity=20 if stacked else 0,
                    show_points=common.VisibilityMode.NEVER,
                    # A year of days on a screen leaves gaps between the points, not in the facts.
                    span_nulls=True,
                    stacking=common.StackingConfig(mode=common.StackingMode.NORMAL)
                    if stacked
                    else None,
                ),
            ),
            overrides=[
                *(_override(legend, _dashed(dash)) for legend, dash in dashed.items()),
                *(_override(code, {"displayName": text}) for code, text in texts.items()),
            ],
        ),
    )
    panel.max_data_points = POINTS
    return panel


def bars(
    frame: PanelFrame,
    query: Query,
    shown: ValueFormat,
    texts: Mapping[str, str] = MappingProxyType({}),
) -> Panel:
    """Show one bar with its number for each series, named by the query's legend or its text."""
    return _panel(
        "bargauge",
        frame,
        [_instant(query, "A")],
        options=bargauge.Options(
            display_mode=common.BarGaugeDisplayMode.BASIC,
            value_mode=common.BarGaugeValueMode.TEXT,
            name_placement=common.BarGaugeNamePlacement.LEFT,
            orientation=common.VizOrientation.HORIZONTAL,
            reduce_options=common.ReduceDataOptions(calcs=["lastNotNull"]),
            # Without a size of the names: Grafana leaves room for the one that it chooses itself.
            text=common.VizTextDisplayOptions(value_size=MEDIUM),
        ),
        fields=dashboard.FieldConfigSource(
            defaults=_field(shown),
            overrides=[_override(code, {"displayName": text}) for code, text in texts.items()],
        ),
    )


def departments_map(frame: PanelFrame, columns: Sequence[Column], marker: Marker) -> Panel:
    """Show a marker for each département on an empty ground: no server of tiles is asked.

    The series have the label `geohash`. All columns are in the marker's tooltip.
    """
    tabular = table_of(frame, columns)
    tabular.type_val = "geomap"
    tabular.options = geomap.Options(
        view=geomap.MapViewConfig(id_val="fit", all_layers=True, padding=25, zoom=12),
        controls=geomap.ControlsOptions(
            show_zoom=False,
            mouse_wheel_zoom=False,
            show_attribution=False,
            show_scale=False,
            show_debug=False,
            show_measure=False,
        ),
        basemap=common.MapLayerOptions(
            type_val="xyz", name="fond vide", config={"url": EMPTY_TILE, "attribution": ""}
        ),
        layers=[
            common.MapLayerOptions(
                type_val="markers",
                name="Départements",
                tooltip=True,
                location=common.FrameGeometrySource(
                    mode=common.FrameGeometrySourceMode.GEOHASH, geohash="geohash"
                ),
                config={
                    "showLegend": False,
                    "style": {
                        "color": {"field": marker.colour, "fixed": NEUTRAL},
                        "opacity": 0.35,
                        "size": {"field": marker.size, "fixed": 17, "min": 14, "max": 24},
                        "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
                        "text": {"mode": "field", "field": marker.text, "fixed": ""},
                        "textConfig": {
                            "fontSize": 12,
                            "textAlign": "center",
                            "textBaseline": "middle",
                            "offsetX": 0,
                            "offsetY": 0,
                        },
                    },
                },
            )
        ],
        tooltip=geomap.TooltipOptions(mode=geomap.TooltipMode.DETAILS),
    )
    config = tabular.field_config
    if config is not None:
        # A tooltip has no columns to be made wide.
        config.defaults.custom = None
        for override in config.overrides:
            override.properties = [
                one for one in override.properties if not one.id_val.startswith("custom.")
            ]
    return tabular


#: One transparent pixel, for every tile.
EMPTY_TILE: Final = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def looking_back(panels: Iterable[Panel | Row]) -> tuple[Panel | Row, ...]:
    """Let what is asked of one moment be of the last day in the range that has figures.

    For panels of what a backfill writes; what only the running monitor knows is of the moment.
    """
    made = tuple(panels)
    for panel in made:
        for target in panel.targets or () if isinstance(panel, Panel) else ():
            if isinstance(target, prometheus.Dataquery) and target.instant:
                target.expr = of_the_last_day(target.expr)
    return made


def row(title: str, y: int) -> Row:
    """Begin a part of a board."""
    return Row(title=title, grid_pos=dashboard.GridPos(x=0, y=y, w=24, h=1))


def deadline_marks(expression: str) -> dashboard.AnnotationQuery:
    """Mark moments on the axis of time: the values of a query, in milliseconds."""
    return dashboard.AnnotationQuery(
        name="Échéances",
        datasource=DATASOURCE,
        enable=True,
        icon_color="purple",
        expr=expression,
        step="1d",
        use_value_for_time=True,
        title_format="Échéance : {{milestone}}",
    )


def _panel(
    kind: str,
    frame: PanelFrame,
    targets: Sequence[prometheus.Dataquery],
    options: object,
    fields: dashboard.FieldConfigSource,
    transformations: Sequence[dashboard.DataTransformerConfig] = (),
) -> Panel:
    at = frame.at
    return dashboard.Panel(
        type_val=kind,
        title=frame.title,
        description=frame.description,
        datasource=DATASOURCE,
        grid_pos=dashboard.GridPos(x=at.x, y=at.y, w=at.w, h=at.h),
        targets=list(targets),
        options=options,
        field_config=fields,
        transformations=list(transformations) or None,
        links=[link.model() for link in frame.links] or None,
    )


def _lettered(
    values: Sequence[tuple[str, Query, ValueFormat]],
) -> Iterable[tuple[str, str, Query]]:
    return (
        (ascii_uppercase[index], name, query)
        for index, (name, query, _) in zip(count(), values, strict=False)
    )


def _instant(query: Query, ref: str, *, tabular: bool = False) -> prometheus.Dataquery:
    return prometheus.Dataquery(
        datasource=DATASOURCE,
        expr=query.expression,
        ref_id=ref,
        instant=True,
        range_val=False,
        format_val=(
            prometheus.PromQueryFormat.TABLE if tabular else prometheus.PromQueryFormat.TIME_SERIES
        ),
        legend_format=query.legend or None,
        editor_mode=prometheus.QueryEditorMode.CODE,
    )


def _ranged(query: Query, ref: str) -> prometheus.Dataquery:
    return prometheus.Dataquery(
        datasource=DATASOURCE,
        expr=query.expression,
        ref_id=ref,
        instant=False,
        range_val=True,
        format_val=prometheus.PromQueryFormat.TIME_SERIES,
        legend_format=query.legend or None,
        editor_mode=prometheus.QueryEditorMode.CODE,
    )


def _field(
    shown: ValueFormat,
    *,
    mode: dashboard.FieldColorModeId = dashboard.FieldColorModeId.THRESHOLDS,
    custom: object = None,
) -> dashboard.FieldConfig:
    return dashboard.FieldConfig(
        unit=shown.unit,
        decimals=shown.decimals,
        mappings=list(shown.mappings) or None,
        thresholds=_thresholds(shown.steps),
        color=dashboard.FieldColor(mode=mode),
        min_val=shown.least,
        max_val=shown.most,
        no_value=BLANK,
        custom=custom,
    )


def _thresholds(steps: Sequence[Step]) -> dashboard.ThresholdsConfig:
    return dashboard.ThresholdsConfig(
        mode=dashboard.ThresholdsMode.ABSOLUTE,
        steps=[dashboard.Threshold(value=step.value, color=step.colour) for step in steps],
    )


def _override(
    field: str, properties: Mapping[str, object]
) -> dashboard.DashboardFieldConfigSourceOverrides:
    return dashboard.DashboardFieldConfigSourceOverrides(
        matcher=dashboard.MatcherConfig(id_val="byName", options=field),
        properties=[
            dashboard.DynamicConfigValue(id_val=name, value=value)
            for name, value in properties.items()
        ],
    )


def _properties(shown: ValueFormat) -> dict[str, object]:
    properties: dict[str, object] = {
        "unit": shown.unit,
        "thresholds": _thresholds(shown.steps),
        # What the panel's defaults say of another value must not hold for this one.
        "mappings": list(shown.mappings),
    }
    limits = {"decimals": shown.decimals, "min": shown.least, "max": shown.most}
    properties |= {name: value for name, value in limits.items() if value is not None}
    return properties


def _column_properties(column: Column) -> dict[str, object]:
    properties = _properties(column.shown)
    if column.shown.unit == NO_UNIT:
        # A word, although its code may be a number.
        properties["custom.align"] = common.FieldTextAlignment.LEFT
    properties["custom.wrapHeaderText"] = True
    if column.width is not None:
        properties["custom.width"] = column.width
    else:
        properties["custom.minWidth"] = column.least
        # Said in two ways: as Grafana has it from 12.2 on, and before.
        properties["custom.wrapText"] = True
        properties["custom.cellOptions"] = common.TableAutoCellOptions(wrap_text=True)
    if column.cell is not None:
        properties["custom.cellOptions"] = column.cell
    if column.links:
        properties["links"] = [
            {"title": link.title, "url": link.url, "targetBlank": link.new_tab}
            for link in column.links
        ]
    if column.hidden:
        properties["custom.hidden"] = True
    return properties


def _dashed(dash: Dash) -> dict[str, object]:
    properties: dict[str, object] = {
        "custom.lineStyle": common.LineStyle(fill="dash", dash=list(dash.lengths)),
        "custom.lineWidth": dash.width,
        "color": dashboard.FieldColor(
            mode=dashboard.FieldColorModeId.FIXED, fixed_color=dash.colour
        ),
    }
    if dash is not TARGET:
        properties["custom.lineInterpolation"] = common.LineInterpolation.LINEAR
    if not dash.in_legend:
        properties["custom.hideFrom"] = common.HideSeriesConfig(legend=True)
    return properties
