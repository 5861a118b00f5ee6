"""A programme's board: its indicators over time and by département, how fresh, what moves them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import ceil
from types import MappingProxyType
from typing import Final

from catalogue import metrics
from catalogue.metrics import Metric
from catalogue.model import Grain, Indicator, Milestone, Programme, Unit
from catalogue.publication import Publication, PublicationStep
from catalogue.territories import REGION_NAME, TERRITORY_TITLES
from dashboards import conventions
from dashboards.boards.board import Board, department_variable, link_to
from dashboards.boards.delegate import as_of_panel, completeness_panel
from dashboards.boards.figures import (
    CHANGE,
    CHANGE_IN_UNIT,
    CHOSEN,
    DAY,
    IN_UNIT,
    NAME,
    NUMBER,
    PROJECTION_TEXT,
    STATUS,
    TERRITORIES,
    UNEXPLAINED_TEXT,
    VALUE,
    displayed_changes,
    displayed_figure,
    milestone_columns,
    most_lines,
    number_of,
    promise_column,
    runbook_links,
)
from dashboards.boards.panels import (
    COLOURED,
    COUNT,
    DATE,
    DAYS,
    NO_UNIT,
    PERCENT,
    TARGET,
    Column,
    GridPosition,
    Json,
    Link,
    PanelFrame,
    Step,
    ValueFormat,
    bars,
    deadline_marks,
    of_last_day,
    row,
    stats,
    status_format,
    table_of,
    trend,
    words,
)
from dashboards.boards.projections import Line, Target, expected_lines, lines_to_the_target
from dashboards.boards.queries import Query, date_of, share, status_code, throughout
from dashboards.conventions import Links
from dashboards.promql import (
    DAY_SECONDS,
    INDICATOR,
    MILESTONE,
    latest,
    on,
    one_of,
    over,
    select,
    with_label,
)
from events.identifiers import DEPARTMENTS

TREND_HEIGHT: Final = 10
DEPARTMENTS_HEIGHT: Final = 10
TITLE: Final = "title"
"""The label of a mark on the axis of time: what falls due, in French."""
DETAIL_HEIGHT: Final = 8
LATEST: Final = 98
"""The width of a column of days, in pixels, whose head is longer than a day."""
LINE: Final = 1.3
"""A line of the milestones, in rows of the grid: a promise may break into two lines of text."""

SECRET: Final = ValueFormat(
    NO_UNIT, mappings=words({"0": "montré", "1": "■ protégé"}, {"1": "purple"})
)


def programme_board(programme: Programme, links: Links, since: str) -> Board:
    """Build the board of one programme."""
    lines = most_lines(programme.indicators)
    panels: list[Json] = [
        as_of_panel(GridPosition(0, 0, 12, 3)),
        completeness_panel(GridPosition(12, 0, 12, 3)),
    ]
    if lines:
        panels += _milestones(programme, links, lines, 3)
    for indicator in programme.indicators:
        panels += _indicator(programme, indicator, since, max(_bottom(panel) for panel in panels))
    return Board(
        uid=conventions.programme_board(programme.id),
        title=f"Smart Région : {programme.title}",
        description=f"{programme.promise} Répond de ce programme : {programme.owner}.",
        since=since,
        variables=(department_variable(),),
        links=(
            link_to(conventions.DELEGATE_BOARD, "Toutes les promesses"),
            link_to(conventions.PRODUCERS_BOARD, "Producteurs"),
        ),
        annotations=_deadlines(programme),
        panels=of_last_day(panels),
    )


def _bottom(panel: Json) -> int:
    at = panel["gridPos"]
    return int(at["y"] + at["h"])


def _milestones(programme: Programme, links: Links, lines: int, top: int) -> Iterator[Json]:
    """Yield where each milestone stands, and when it will be reached."""
    chosen = {"department": f"=~{metrics.REGION}|{CHOSEN}", "programme": programme.id}

    def of_each(metric: Metric) -> str:
        return latest(select(metric, **chosen), *MILESTONE, "department")

    observed = latest(select(metrics.INDICATOR_PACE, **chosen), *INDICATOR, "department")
    required = f"({of_each(metrics.MILESTONE_REQUIRED_PACE)} != 0)"
    pace = f"{observed} / {on(*INDICATOR, 'department')} group_right () {required}"
    *standing, projection, unexplained = milestone_columns([programme], **chosen)
    (status,) = (column for column in standing if column.title == "État")
    named = (
        promise_column([programme]),
        Column("Territoire", "department", ValueFormat(NO_UNIT, mappings=TERRITORIES), NAME),
    )
    # Lines for the region and, where it is held to one, the chosen département.
    height = ceil(2 * lines * LINE) + 2
    yield table_of(
        PanelFrame(
            "Jalons",
            "Ceux de la Région, et ceux du département choisi s’il doit les tenir aussi. "
            "* : supposé, la promesse ne le fixe pas.",
            GridPosition(0, top, 24, height),
            runbook_links(links),
        ),
        [*named, *standing],
        sort=("État", True),
        tall=True,
    )
    yield table_of(
        PanelFrame(
            "Jalons : la projection",
            f"{PROJECTION_TEXT} Au plus tôt, au plus tard : jours projetés par les rythmes du "
            "quart le plus rapide et du quart le plus lent. Rythme : rythme observé rapporté au "
            "rythme qu’il faut pour tenir l’échéance ; sous 100 %, elle n’est pas tenue. "
            f"{UNEXPLAINED_TEXT}",
            GridPosition(0, top + height, 24, height),
        ),
        [
            *named,
            status,
            projection,
            Column(
                "Au plus tôt",
                Query(date_of(of_each(metrics.MILESTONE_PROJECTED_EARLIEST))),
                ValueFormat(DATE),
                DAY,
            ),
            Column(
                "Au plus tard",
                Query(date_of(of_each(metrics.MILESTONE_PROJECTED_LATEST))),
                ValueFormat(DATE),
                LATEST,
            ),
            Column("Rythme", Query(share(pace)), ValueFormat(PERCENT, decimals=0), VALUE),
            unexplained,
        ],
        sort=("État", True),
        tall=True,
    )


def _indicator(programme: Programme, one: Indicator, since: str, top: int) -> Iterator[Json]:
    """Yield an indicator's panels: figures in a line, history, départements, detail."""
    yield row(one.title, top)
    yield _strip(programme, one, GridPosition(0, top + 1, 24, 4))
    top += 5
    panels = [
        (_by_department, one.grain is Grain.DEPARTMENT, DEPARTMENTS_HEIGHT),
        (_by_category, one.breakdown is not None, DETAIL_HEIGHT),
        (_parts, one.measure.denominator is not None and not one.publication, DETAIL_HEIGHT),
    ]
    # Each over the whole width: on a narrow screen titles and columns take it.
    yield _history(programme, one, since, GridPosition(0, top, 24, TREND_HEIGHT))
    top += TREND_HEIGHT
    for panel, is_there, height in panels:
        if is_there:
            yield panel(programme, one, GridPosition(0, top, 24, height))
            top += height


def _strip(programme: Programme, one: Indicator, at: GridPosition) -> Json:
    territory = metrics.REGION if one.grain is Grain.REGION else CHOSEN
    of = {"programme": programme.id, "indicator": one.id, "department": territory}
    points, changed = CHANGE_IN_UNIT[one.unit], number_of(one, form=CHANGE)
    varied = (
        "Variation sur 30 jours" if one.publication is None else "Depuis la publication précédente"
    )
    values = [
        (f"Valeur{IN_UNIT[one.unit]}", displayed_figure(one, "indicator", **of), number_of(one)),
        (f"{varied}{points}", displayed_changes(one, "value", **of), changed),
    ]
    if one.measure.denominator is not None:
        values += [
            ("due au numérateur", displayed_changes(one, "numerator", **of), changed),
            ("due au dénominateur", displayed_changes(one, "denominator", **of), changed),
        ]
    secret = ""
    if one.publication is None:
        reported = latest(select(conventions.TERRITORY_LAST_REPORTED, **of))
        age = f"(scalar({conventions.AS_OF}) - {reported}) / {DAY_SECONDS}"
        values += [
            ("Dernier relevé", Query(date_of(reported)), ValueFormat(DATE)),
            ("Âge du relevé", Query(age), ValueFormat(DAYS, decimals=0, steps=_overdue_steps(one))),
        ]
    else:
        secret = f" {_secret(one.publication)}"
        day = latest(select(metrics.INDICATOR_PUBLISHED, programme=programme.id, indicator=one.id))
        values += [
            ("Publié au", Query(date_of(day)), ValueFormat(DATE)),
            ("Secret statistique", _suppressed(category="", **of), SECRET),
        ]
    return stats(
        PanelFrame(
            f"{one.title} : {_territory_name(one)}",
            f"{one.definition} {_expected(one)}{secret}",
            at,
        ),
        values,
        coloured=True,
    )


def _territory_name(one: Indicator) -> str:
    return REGION_NAME if one.grain is Grain.REGION else "le territoire choisi"


def _expected(one: Indicator) -> str:
    if one.reporting_delay_days is None:
        return "Relevés sans périodicité : leur âge ne dit rien."
    return f"Non renseigné quand le dernier relevé a plus de {one.reporting_delay_days} jours."


def _overdue_steps(one: Indicator) -> tuple[Step, ...]:
    """Return the colours of an age: another one once the indicator is unreported."""
    always = Step(None, "text")
    return (
        (always,)
        if one.reporting_delay_days is None
        else (always, Step(one.reporting_delay_days + 1, "purple"))
    )


def _history(programme: Programme, one: Indicator, since: str, at: GridPosition) -> Json:
    of = {"programme": programme.id, "indicator": one.id}
    queries = [Query(_over_time(one, select(conventions.REGION_VALUE, **of)), REGION_NAME)]
    if one.grain is Grain.DEPARTMENT:
        series = select(
            conventions.DEPARTMENT_VALUE, department=(CHOSEN, f"!={metrics.REGION}"), **of
        )
        queries.append(Query(_over_time(one, series), "{{department}}"))
    compared = ""
    if one.comparison is not None:
        country = latest(_over(select(metrics.INDICATOR_COUNTRY, **of)), *INDICATOR)
        queries.append(Query(_scale(one) + country, "France entière"))
        compared = " La France entière est donnée à titre de comparaison."
    targets = list(_targets(one, of))
    lines = [line for target in targets for line in _target_lines(target)]
    return trend(
        PanelFrame(
            f"{one.title} dans le temps{IN_UNIT[one.unit]}",
            f"{one.definition} Les traits continus sont la Région et le département choisi. Une "
            f"marque verticale est une échéance.{compared}{HOW_TO_READ if targets else ''}",
            at,
            _into_the_future(programme, since) if targets else (),
        ),
        [*queries, *(line.query for line in lines)],
        NUMBER,
        dashed={line.query.legend: line.dash for line in lines},
        texts={code: TERRITORY_TITLES[code] for code in DEPARTMENTS},
    )


#: What the dashed lines mean, after what the other ones are.
HOW_TO_READ: Final = (
    " Tiretés : la cible, et ce que le rythme observé laisse attendre du territoire choisi. "
    "« Attendu » : la valeur à l’échéance, telle qu’on la projetait chaque jour ; là où ce tireté "
    "touche la cible, la promesse serait tenue à temps, au-dessous il s’en faut d’autant. "
    "« Projection vers la cible » : le chemin depuis la dernière valeur, là où la période va "
    "au-delà du jour du moniteur. Pointillés : les mêmes, au rythme du quart le plus rapide et du "
    "quart le plus lent."
)


def _into_the_future(programme: Programme, since: str) -> tuple[Link, ...]:
    """Return the link to the same board with an axis that goes on for a year."""
    uid = conventions.programme_board(programme.id)
    chosen = "&".join(
        f"${{{name}:queryparam}}" for name in ("datasource", conventions.DEPARTMENT_VARIABLE)
    )
    return (Link("Voir la projection sur un an", f"/d/{uid}?from={since}&to=now%2B1y&{chosen}"),)


def _target_lines(target: Target) -> Iterator[Line]:
    """Yield a target, also where the range reaches beyond the last day, and the lines to it."""
    over_time, last = target.value(_over), target.value(lambda series: series)
    yield Line(Query(f"{over_time} or {throughout(last)}", f"Cible{target.day}"), TARGET)
    yield from expected_lines(target, _over)
    yield from lines_to_the_target(target)


def _targets(one: Indicator, of: dict[str, str]) -> Iterator[Target]:
    """Yield the targets of the region or of all départements, then those of some départements.

    Of the latter only the chosen one's is drawn, of each day.
    """
    figure = {**of, "department": metrics.REGION if one.grain is Grain.REGION else CHOSEN}
    same_day: dict[str, list[str]] = {}
    for milestone in one.milestones:
        if milestone.target is None:
            continue
        if _is_some_departments(milestone):
            after = f"{_after(milestone)}, département choisi"
            same_day.setdefault(after, []).append(milestone.id)
        else:
            series = select(metrics.MILESTONE_TARGET, milestone=milestone.id, **of)
            yield Target(_after(milestone), figure, milestone.id, _scale(one), series)
    held = select(metrics.MILESTONE_STATUS, department=CHOSEN, **of)
    for after, milestones in same_day.items():
        series = select(metrics.MILESTONE_TARGET, milestone=one_of(milestones), **of)
        yield Target(after, figure, one_of(milestones), _scale(one), series, held)


def _is_some_departments(milestone: Milestone) -> bool:
    return not milestone.holds(None) and len(milestone.departments) < len(DEPARTMENTS)


def _over_time(one: Indicator, series: str) -> str:
    """Return a curve in the unit of its column: a ratio in percent."""
    return _scale(one) + _over(series)


def _over(series: str) -> str:
    """Return a day's point of a backfill, or the last scrape, between two points of the screen."""
    return over("last_over_time", series, "$__rate_interval")


def _scale(one: Indicator) -> str:
    return "100 * " if one.unit is Unit.RATIO else ""


def _after(milestone: Milestone) -> str:
    """Return the deadline, as it stands after the name of a line."""
    day = "" if milestone.day is None else f" au {milestone.day:%d/%m/%Y}"
    assumed = " (supposé)" if milestone.assumed else ""
    return f"{day}{assumed}"


def _by_department(programme: Programme, one: Indicator, at: GridPosition) -> Json:
    of = {"programme": programme.id, "indicator": one.id, "department": f"!={metrics.REGION}"}
    columns = [
        Column("Département", "department", ValueFormat(NO_UNIT, mappings=TERRITORIES), least=NAME),
        Column("Valeur", displayed_figure(one, "department", **of), number_of(one), VALUE),
    ]
    if one.measure.denominator is not None and one.publication is None:
        under = latest(select(conventions.DEPARTMENT_DENOMINATOR, **of), "department")
        columns.append(Column("Sur", Query(_in_euros(one, under)), NUMBER, VALUE))
    if one.publication is not None:
        columns.append(
            Column("Secret", _suppressed("department", category="", **of), SECRET, VALUE)
        )
    if any(milestone.departments for milestone in one.milestones if milestone.target is not None):
        columns.append(
            Column(
                "État",
                Query(status_code("department", **of)),
                status_format(),
                STATUS,
                cell=COLOURED,
            )
        )
    columns.append(
        Column(
            "30 jours" if one.publication is None else "Variation",
            displayed_changes(one, "value", "department", **of),
            number_of(one, form=CHANGE),
            VALUE,
        )
    )
    if one.publication is None:
        reported = latest(select(conventions.TERRITORY_LAST_REPORTED, **of), "department")
        columns.append(Column("Relevé", Query(date_of(reported)), ValueFormat(DATE), DAY))
        varied = "« 30 jours » est la variation sur les 30 jours qui finissent au jour du moniteur"
        last = ", « Relevé » le jour du dernier fait."
    else:
        varied = "« Variation » est celle depuis la publication précédente"
        last = f". {_secret(one.publication)}"
    has_denominator = one.measure.denominator is not None and one.publication is None
    under = f" « Sur » est le dénominateur{IN_UNIT[one.term_unit]}." if has_denominator else ""
    return table_of(
        PanelFrame(
            f"{one.title} : par département{IN_UNIT[one.unit]}",
            f"{one.definition}{under} {varied}{CHANGE_IN_UNIT[one.unit]}{last}",
            at,
        ),
        columns,
        sort=("Valeur", False),
    )


def _by_category(programme: Programme, one: Indicator, at: GridPosition) -> Json:
    of = {"programme": programme.id, "indicator": one.id}
    title = f"{one.title} : par {one.dimension}"
    if one.publication is not None:
        description = f"{one.definition} {_secret(one.publication)}"
        return _protected(one, PanelFrame(title, description, at), of)
    what = "Le numérateur du taux, pour la" if one.unit is Unit.RATIO else "La"
    region = _in_euros(one, latest(select(conventions.REGION_CATEGORY, **of), "category"))
    return bars(
        PanelFrame(f"{title}, {REGION_NAME}", f"{what} Région entière. {one.definition}", at),
        Query(region, "{{category}}"),
        ValueFormat(COUNT, decimals=0, steps=(Step(None, "blue"),), least=0),
        one.category_words,
    )


#: The last day of what is published.
PERIOD_ENDS: Mapping[PublicationStep, str] = MappingProxyType(
    {
        PublicationStep.MONTHLY: "du mois",
        PublicationStep.QUARTERLY: "du trimestre",
        PublicationStep.ANNUAL: "de l’année",
    }
)


def _secret(publication: Publication) -> str:
    return (
        f"Secret statistique : un effectif de moins de {publication.min_cell} personnes n’est pas "
        f"montré ; les autres sont ceux de la fin {PERIOD_ENDS[publication.step]}, chacun arrondi "
        f"à un multiple de {publication.min_cell}. Les totaux et les parts en sont calculés."
    )


def _protected(one: Indicator, frame: PanelFrame, of: dict[str, str]) -> Json:
    """Return how many persons each category has, or that the number is withheld."""
    chosen = {**of, "department": CHOSEN}
    return table_of(
        frame,
        [
            Column(
                "Catégorie", "category", ValueFormat(NO_UNIT, mappings=words(one.category_words))
            ),
            Column(
                "Valeur",
                Query(latest(select(metrics.CELL_VALUE, **chosen), "category")),
                NUMBER,
                VALUE,
            ),
            Column("Secret", _suppressed("category", category="!=", **chosen), SECRET, VALUE),
        ],
    )


def _suppressed(*by: str, **labels: str) -> Query:
    """Return what is withheld; without a category it is the figure of all of them together."""
    return Query(latest(select(metrics.CELL_SUPPRESSED, **labels), *by))


def _in_euros(one: Indicator, expression: str) -> str:
    """Return a term of a ratio; a sum of cents in euros, as whole as an amount is shown."""
    divides_cents = one.unit is Unit.RATIO and one.term_unit is Unit.EUROS
    return f"floor({expression} / {one.term_divisor})" if divides_cents else expression


def _parts(programme: Programme, one: Indicator, at: GridPosition) -> Json:
    of = {"programme": programme.id, "indicator": one.id}
    return trend(
        PanelFrame(
            f"{one.title} : numérateur et dénominateur, {REGION_NAME}{IN_UNIT[one.term_unit]}",
            "Région entière. Quand le taux baisse, on voit ici si le numérateur a baissé ou "
            "si le dénominateur a été recompté.",
            at,
        ),
        [
            Query(_in_euros(one, _over(select(series, **of))), legend)
            for series, legend in (
                (conventions.REGION_NUMERATOR, "Numérateur"),
                (conventions.REGION_DENOMINATOR, "Dénominateur"),
            )
        ],
        NUMBER,
    )


def _deadlines(programme: Programme) -> tuple[Json, ...]:
    """Return the marks of the deadlines on the axis of time."""
    milestones = (milestone for one in programme.indicators for milestone in one.milestones)
    if all(milestone.day is None for milestone in milestones):
        return ()
    series = latest(select(metrics.MILESTONE_DEADLINE, programme=programme.id), *MILESTONE)
    named = f'label_join({series}, "{TITLE}", "/", "indicator", "milestone")'
    for one in programme.indicators:
        for milestone in one.milestones:
            title = (milestone.title or one.title).replace("$", "$$")
            named = with_label(
                named,
                TITLE,
                TITLE,
                json.dumps(title, ensure_ascii=False)[1:-1],
                f"{one.id}/{milestone.id}",
            )
    return (deadline_marks(date_of(named), named=TITLE),)
