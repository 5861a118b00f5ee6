"""The panels: figures, tables, trends, bars and the map, each of one style on all boards.

Every panel has a title, a description (what is measured, from which events), a position on the
grid of 24 columns, units, and the datasource that the reader chose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

from catalogue.formatting import STATUSES
from dashboards.boards.queries import Query, of_the_last_day
from dashboards.boards.sdk import builders, common, dashboard, geomap, prometheus

Mapped: TypeAlias = dashboard.ValueMapping
Panel: TypeAlias = dashboard.Panel
Row: TypeAlias = dashboard.RowPanel
PanelBuilder = TypeVar(
    "PanelBuilder",
    builders.stat.Panel,
    builders.table.Panel,
    builders.timeseries.Panel,
    builders.bargauge.Panel,
    builders.geomap.Panel,
)

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
    """A position on the grid, in cells from the top left."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Link:
    """What a panel or a value links to; the address may name fields and variables."""

    title: str
    url: str
    new_tab: bool = False

    def builder(self) -> builders.dashboard.DashboardLink:
        """Return the link as Grafana has it, to be completed."""
        link = builders.dashboard.DashboardLink(self.title).url(self.url).icon("external link")
        return link.target_blank(self.new_tab)


@dataclass(frozen=True, slots=True)
class PanelFrame:
    """What every panel has: a title, what is measured and from which events, a position, links."""

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
    form: ValueFormat = ValueFormat(NO_UNIT)
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
    """Return the mapping of codes to words; a coloured word begins with a mark like it."""
    return (
        dashboard.ValueMap(
            options={
                code: dashboard.ValueMappingResult(text=text, color=colours.get(code), index=index)
                for index, (code, text) in enumerate(texts.items())
            }
        ),
    )


def status_format() -> ValueFormat:
    """Return the format of a severity: the status' mark and word, in its colour."""
    results = {
        str(style.severity): dashboard.ValueMappingResult(
            text=style.text, color=style.colour, index=style.severity
        )
        for style in STATUSES.values()
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
    """Return a few values side by side, each under its name and in its own unit."""
    several = len(values) > 1
    panel = (
        _framed(builders.stat.Panel(), frame, values[0][2])
        .targets(
            [
                _instant(Query(query.expression, name), ref)
                for ref, (name, query, _) in zip(ascii_uppercase, values, strict=False)
            ]
        )
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE if coloured else common.BigValueColorMode.NONE)
        .text_mode(
            common.BigValueTextMode.VALUE_AND_NAME if several else common.BigValueTextMode.VALUE
        )
        .justify_mode(common.BigValueJustifyMode.CENTER)
        .orientation(common.VizOrientation.VERTICAL)
        .reduce_options(builders.common.ReduceDataOptions().calcs(["lastNotNull"]))
        .text(
            builders.common.VizTextDisplayOptions()
            .title_size(SMALL)
            .value_size(LARGE if len(values) <= FEW else CROWDED)
        )
        .wide_layout(False)
    )
    return _overridden(panel, ((name, _properties(form)) for name, _, form in values[1:])).build()


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
    panel = (
        _tabular(builders.table.Panel(), frame, columns, _column_properties)
        .cell_options(common.TableAutoCellOptions())
        # A word column breaks into lines: there is room for two.
        .cell_height(common.TableCellHeight.LG if tall else common.TableCellHeight.SM)
    )
    if sort is not None:
        panel.sort_by([builders.common.TableSortByFieldState().display_name(sort[0]).desc(sort[1])])
    return panel.build()


def trend(
    frame: PanelFrame,
    queries: Sequence[Query],
    form: ValueFormat,
    *,
    dashed: Mapping[str, Dash] = MappingProxyType({}),
    texts: Mapping[str, str] = MappingProxyType({}),
    stacked: bool = False,
) -> Panel:
    """Return values over time; `dashed` are lines that are no measurements, by their legends."""
    panel = (
        _framed(builders.timeseries.Panel(), frame, form)
        .color_scheme(_colours(dashboard.FieldColorModeId.PALETTE_CLASSIC))
        .targets(
            [
                _target(query, ref).range().format(prometheus.PromQueryFormat.TIME_SERIES)
                for ref, query in zip(ascii_uppercase, queries, strict=False)
            ]
        )
        .max_data_points(POINTS)
        .legend(
            builders.common.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(
            builders.common.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
        .draw_style(common.GraphDrawStyle.LINE)
        .line_interpolation(common.LineInterpolation.STEP_AFTER)
        .line_width(2)
        .fill_opacity(20 if stacked else 0)
        .show_points(common.VisibilityMode.NEVER)
        # A year of days on a screen leaves gaps between the points, not in the facts.
        .span_nulls(True)
    )
    if stacked:
        panel.stacking(builders.common.StackingConfig().mode(common.StackingMode.NORMAL))
    _overridden(panel, ((legend, _dashed(dash)) for legend, dash in dashed.items()))
    return _overridden(panel, _renamed(texts)).build()


def bars(
    frame: PanelFrame,
    query: Query,
    form: ValueFormat,
    texts: Mapping[str, str] = MappingProxyType({}),
) -> Panel:
    """Return one bar with its number for each series, named by the query's legend or its text."""
    panel = (
        _framed(builders.bargauge.Panel(), frame, form)
        .targets([_instant(query, "A")])
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .value_mode(common.BarGaugeValueMode.TEXT)
        .name_placement(common.BarGaugeNamePlacement.LEFT)
        .orientation(common.VizOrientation.HORIZONTAL)
        .reduce_options(builders.common.ReduceDataOptions().calcs(["lastNotNull"]))
        # Without a size of the names: Grafana leaves room for the one that it chooses itself.
        .text(builders.common.VizTextDisplayOptions().value_size(MEDIUM))
    )
    return _overridden(panel, _renamed(texts)).build()


def departments_map(frame: PanelFrame, columns: Sequence[Column], marker: Marker) -> Panel:
    """Return a marker for each département on an empty ground: no tile server receives a request.

    The series have the label `geohash`. All columns are in the marker's tooltip.
    """
    style = {
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
    }
    return (
        _tabular(builders.geomap.Panel(), frame, columns, _tooltip_properties)
        .view(builders.geomap.MapViewConfig().id("fit").all_layers(True).padding(25).zoom(12))
        .controls(
            builders.geomap.ControlsOptions()
            .show_zoom(False)
            .mouse_wheel_zoom(False)
            .show_attribution(False)
            .show_scale(False)
            .show_debug(False)
            .show_measure(False)
        )
        .basemap(
            builders.common.MapLayerOptions()
            .type("xyz")
            .name("fond vide")
            .config({"url": EMPTY_TILE, "attribution": ""})
        )
        .layers(
            [
                builders.common.MapLayerOptions()
                .type("markers")
                .name("Départements")
                .tooltip(True)
                .location(
                    builders.common.FrameGeometrySource()
                    .mode(common.FrameGeometrySourceMode.GEOHASH)
                    .geohash("geohash")
                )
                .config({"showLegend": False, "style": style})
            ]
        )
        .tooltip(builders.geomap.TooltipOptions().mode(geomap.TooltipMode.DETAILS))
        .build()
    )


#: One transparent pixel, for every tile.
EMPTY_TILE: Final = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def of_last_day(panels: Iterable[Panel | Row]) -> tuple[Panel | Row, ...]:
    """Return panels whose instant queries are of the last day in the range that has figures.

    For panels of what a backfill writes; what only the running monitor exposes is of the moment.
    """
    made = tuple(panels)
    for panel in made:
        for target in panel.targets or () if isinstance(panel, Panel) else ():
            if isinstance(target, prometheus.Dataquery) and target.instant:
                target.expr = of_the_last_day(target.expr)
    return made


def row(title: str, y: int) -> Row:
    """Return the head of a part of a board."""
    return Row(title=title, grid_pos=dashboard.GridPos(x=0, y=y, w=24, h=1))


def deadline_marks(expression: str, *, named: str) -> dashboard.AnnotationQuery:
    """Return the marks of moments on the axis of time: the values of a query, in milliseconds.

    The label `named` says what falls due.
    """
    return dashboard.AnnotationQuery(
        name="Échéances",
        datasource=DATASOURCE,
        enable=True,
        icon_color="purple",
        expr=expression,
        step="1d",
        use_value_for_time=True,
        title_format=f"Échéance : {{{{{named}}}}}",
    )


def _framed(panel: PanelBuilder, frame: PanelFrame, form: ValueFormat) -> PanelBuilder:
    at = frame.at
    panel = (
        panel.title(frame.title)
        .description(frame.description)
        .datasource(DATASOURCE)
        .grid_pos(dashboard.GridPos(x=at.x, y=at.y, w=at.w, h=at.h))
        .unit(form.unit)
        .thresholds(_thresholds(form.steps))
        .color_scheme(_colours(dashboard.FieldColorModeId.THRESHOLDS))
        .no_value(BLANK)
    )
    if frame.links:
        panel.links([link.builder() for link in frame.links])
    if form.decimals is not None:
        panel.decimals(form.decimals)
    if form.mappings:
        panel.mappings(list(form.mappings))
    if form.least is not None:
        panel.min(form.least)
    if form.most is not None:
        panel.max(form.most)
    return panel


def _tabular(
    panel: PanelBuilder,
    frame: PanelFrame,
    columns: Sequence[Column],
    properties_of: Callable[[Column], Mapping[str, object]],
) -> PanelBuilder:
    """Fill a panel with one table: of each query one column, of each label one."""
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
    transformations = {
        "merge": {},
        "filterFieldsByName": {"include": {"names": list(fields)}},
        "organize": {
            "indexByName": {name: index for index, name in enumerate(fields)},
            "renameByName": {name: column.title for name, column in fields.items()},
            "excludeByName": {},
        },
    }
    panel = (
        _framed(panel, frame, ValueFormat(NO_UNIT))
        .targets([_instant(query, ref, tabular=True) for ref, query in queries.items()])
        .transformations(
            [
                dashboard.DataTransformerConfig(id_val=name, options=options)
                for name, options in transformations.items()
            ]
        )
    )
    return _overridden(panel, ((column.title, properties_of(column)) for column in columns))


def _overridden(
    panel: PanelBuilder, overrides: Iterable[tuple[str, Mapping[str, object]]]
) -> PanelBuilder:
    for field, properties in overrides:
        panel.override_by_name(
            field,
            [
                dashboard.DynamicConfigValue(id_val=name, value=value)
                for name, value in properties.items()
            ],
        )
    return panel


def _renamed(texts: Mapping[str, str]) -> Iterable[tuple[str, Mapping[str, object]]]:
    return ((code, {"displayName": text}) for code, text in texts.items())


def _target(query: Query, ref: str) -> builders.prometheus.Dataquery:
    target = (
        builders.prometheus.Dataquery()
        .datasource(DATASOURCE)
        .expr(query.expression)
        .ref_id(ref)
        .editor_mode(prometheus.QueryEditorMode.CODE)
    )
    return target.legend_format(query.legend) if query.legend else target


def _instant(query: Query, ref: str, *, tabular: bool = False) -> builders.prometheus.Dataquery:
    kinds = prometheus.PromQueryFormat
    return _target(query, ref).instant().format(kinds.TABLE if tabular else kinds.TIME_SERIES)


def _colours(mode: dashboard.FieldColorModeId) -> builders.dashboard.FieldColor:
    return builders.dashboard.FieldColor().mode(mode)


def _thresholds(steps: Sequence[Step]) -> builders.dashboard.ThresholdsConfig:
    return (
        builders.dashboard.ThresholdsConfig()
        .mode(dashboard.ThresholdsMode.ABSOLUTE)
        .steps([dashboard.Threshold(value=step.value, color=step.colour) for step in steps])
    )


def _properties(form: ValueFormat) -> dict[str, object]:
    properties: dict[str, object] = {
        "unit": form.unit,
        "thresholds": _thresholds(form.steps).build(),
        # The panel's defaults, which are another value's, must not hold for this one.
        "mappings": list(form.mappings),
    }
    limits = {"decimals": form.decimals, "min": form.least, "max": form.most}
    properties |= {name: value for name, value in limits.items() if value is not None}
    return properties


def _tooltip_properties(column: Column) -> dict[str, object]:
    """Return a column's properties without those of a table's own: a tooltip has no width."""
    properties = _column_properties(column)
    return {name: value for name, value in properties.items() if not name.startswith("custom.")}


def _column_properties(column: Column) -> dict[str, object]:
    properties = _properties(column.form)
    if column.form.unit == NO_UNIT:
        # A word, although its code may be a number.
        properties["custom.align"] = common.FieldTextAlignment.LEFT
    properties["custom.wrapHeaderText"] = True
    if column.width is not None:
        properties["custom.width"] = column.width
    else:
        properties["custom.minWidth"] = column.least
        # Set in two ways: as Grafana has it from 12.2 on, and before.
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
