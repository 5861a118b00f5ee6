"""A programme's board: its indicators over time and by département, how fresh, what moves them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from catalogue import metric_names as names
from catalogue import rule_names as recorded
from catalogue.model import Grain, Indicator, Milestone, Programme, Unit
from dashboards import conventions as ours
from dashboards.boards.board import Board, department_variable, link_to
from dashboards.boards.delegate import as_of_panel, completeness_panel
from dashboards.boards.figures import (
    CHANGE,
    CHOSEN,
    TERRITORIES,
    UNIT_SHOWN,
    change,
    figure,
    has_target,
    milestone_columns,
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
    At,
    Column,
    Frame,
    Panel,
    Row,
    Shown,
    Step,
    bars,
    deadline_marks,
    row,
    stats,
    status_look,
    table_of,
    trend,
    words,
)
from dashboards.boards.queries import (
    DAY_SECONDS,
    MILESTONE,
    Query,
    date_of,
    latest,
    select,
    status_code,
)
from dashboards.boards.sdk import dashboard
from dashboards.conventions import Links
from dashboards.territory import REGION_NAME
from dashboards.wording import BREAKDOWNS, CATEGORIES

__all__ = ["programme_board"]


TREND_HEIGHT: Final = 9
DETAIL_HEIGHT: Final = 8

#: A day's point of a backfill, or the last scrape: whatever lies between two points of the screen.
OVER_TIME: Final = "last_over_time({series}[$__rate_interval])"


def programme_board(programme: Programme, links: Links, since: str) -> Board:
    """Build the board of one programme."""
    promised = sum(len(one.milestones) for one in programme.indicators if has_target(one))
    height = max(promised, 1) + 3
    head: list[Panel | Row] = [
        as_of_panel(At(0, 0, 4, 3)),
        completeness_panel(At(0, 3, 4, max(height - 3, 3))),
    ]
    if promised:
        head.append(_milestones(programme, links, At(4, 0, 20, max(height, 6))))
    top = max(height, 6)
    for indicator in programme.indicators:
        panels = list(_indicator(programme, indicator, top))
        head += panels
        top = max(_bottom(panel) for panel in panels)
    return Board(
        uid=ours.programme_board(programme.id),
        title=f"Smart Région : {programme.title}",
        description=f"{programme.promise} Répond de ce programme : {programme.owner}.",
        since=since,
        variables=(department_variable(),),
        links=(
            link_to(ours.DELEGATE_BOARD, "Toutes les promesses"),
            link_to(ours.PRODUCERS_BOARD, "Producteurs"),
            *runbook_links(links),
        ),
        annotations=_deadlines(programme),
        panels=tuple(head),
    )


def _bottom(panel: Panel | Row) -> int:
    return 0 if panel.grid_pos is None else panel.grid_pos.y + panel.grid_pos.h


def _milestones(programme: Programme, links: Links, at: At) -> Panel:
    chosen = {"department": CHOSEN, "programme": programme.id}
    projected = latest(select(names.MILESTONE_PROJECTED_LATEST, **chosen), *MILESTONE)
    earliest = latest(select(names.MILESTONE_PROJECTED_EARLIEST, **chosen), *MILESTONE)
    observed = latest(select(names.INDICATOR_PACE, **chosen), "programme", "indicator")
    required = latest(select(names.MILESTONE_REQUIRED_PACE, **chosen), *MILESTONE)
    pace = f"{observed} / on (programme, indicator) group_right () ({required} != 0)"
    return table_of(
        Frame(
            "Jalons du territoire choisi",
            "Rythme : rythme observé (tendance de Theil–Sen) rapporté au rythme qu’il faut pour "
            "tenir l’échéance ; sous 100 %, l’échéance n’est pas tenue. Au plus tôt, au plus tard "
            ": jours projetés par les rythmes du quart le plus rapide et du quart le plus lent. "
            "* : supposé. Vide pour un territoire qui ne doit pas le jalon.",
            at,
            runbook_links(links),
        ),
        [
            promise_column([programme]),
            *milestone_columns([programme], **chosen),
            Column("Au plus tôt", Query(date_of(earliest)), Shown(DATE), 105),
            Column("Au plus tard", Query(date_of(projected)), Shown(DATE), 105),
            Column("Rythme", Query(pace), Shown(PERCENT, decimals=0), 85),
        ],
        sort=("État", True),
    )


def _indicator(programme: Programme, one: Indicator, top: int) -> Iterator[Panel | Row]:
    """Lay out an indicator: its figures in a line, its history and its départements, its detail."""
    yield row(one.title, top)
    yield _strip(programme, one, At(0, top + 1, 24, 4))
    wide = one.grain is Grain.REGION
    yield _history(programme, one, At(0, top + 5, 24 if wide else 14, TREND_HEIGHT))
    if not wide:
        yield _by_department(programme, one, At(14, top + 5, 10, TREND_HEIGHT + 2))
    detail = top + 5 + TREND_HEIGHT + (0 if wide else 2)
    halves = [0, 12]
    if one.breakdown is not None:
        yield _by_category(programme, one, At(halves.pop(0), detail, 12, DETAIL_HEIGHT))
    if one.unit is Unit.RATIO:
        yield _parts(programme, one, At(halves.pop(0), detail, 12, DETAIL_HEIGHT))


def _strip(programme: Programme, one: Indicator, at: At) -> Panel:
    territory = names.REGION if one.grain is Grain.REGION else CHOSEN
    of = {"programme": programme.id, "indicator": one.id, "department": territory}
    shown = UNIT_SHOWN[one.unit]
    reported = latest(select(recorded.TERRITORY_LAST_REPORTED, **of))
    moved = Shown(shown.unit, shown.decimals, steps=CHANGE.steps)
    values = [
        ("Valeur", Query(f"max{figure('programme', **of)}"), shown),
        ("Variation sur 30 jours", Query(change("value", **of)), moved),
    ]
    if one.unit is Unit.RATIO:
        values += [
            ("due au numérateur", Query(change("numerator", **of)), moved),
            ("due au dénominateur", Query(change("denominator", **of)), moved),
        ]
    age = f"(scalar({recorded.AS_OF.name}) - {reported}) / {DAY_SECONDS}"
    values += [
        ("Dernier relevé", Query(date_of(reported)), Shown(DATE)),
        ("Âge du relevé", Query(age), Shown(DAYS, decimals=0, steps=_patience(one))),
    ]
    secret = (
        ""
        if one.min_cell is None
        else f" Secret statistique : un effectif de moins de {one.min_cell} n’est pas montré."
    )
    return stats(
        Frame(
            f"{one.title} : {_place(one)}",
            f"{one.definition} {_expected(one)}{secret}",
            at,
        ),
        values,
        coloured=True,
    )


def _place(one: Indicator) -> str:
    return REGION_NAME if one.grain is Grain.REGION else "le territoire choisi"


def _expected(one: Indicator) -> str:
    if one.patience_days is None:
        return "Relevés sans périodicité : leur âge ne dit rien."
    return f"Non renseigné quand le dernier relevé a plus de {one.patience_days} jours."


def _patience(one: Indicator) -> tuple[Step, ...]:
    """Turn when the indicator is unreported, as the catalogue has it."""
    always = Step(None, "text")
    return (always,) if one.patience_days is None else (always, Step(one.patience_days, "purple"))


def _history(programme: Programme, one: Indicator, at: At) -> Panel:
    of = {"programme": programme.id, "indicator": one.id}

    def over_time(series: str) -> str:
        return OVER_TIME.format(series=series)

    queries = [Query(over_time(select(recorded.REGION_VALUE, **of)), REGION_NAME)]
    if one.grain is Grain.DEPARTMENT:
        series = select(recorded.DEPARTMENT_VALUE, department=(CHOSEN, f"!={names.REGION}"), **of)
        queries.append(Query(over_time(series), "{{department}}"))
    targets = [(one_of, _target_legend(one_of)) for one_of in one.milestones if one_of.target]
    for milestone, legend in targets:
        series = over_time(select(names.MILESTONE_TARGET, milestone=milestone.id, **of))
        queries.append(Query(latest(series), legend))
    return trend(
        Frame(
            f"{one.title} dans le temps",
            f"{one.definition} Le trait continu est la Région, avec le département choisi ; le "
            "tireté est la cible. Une marque verticale est une échéance.",
            at,
        ),
        queries,
        UNIT_SHOWN[one.unit],
        dashed=[legend for _, legend in targets],
    )


def _target_legend(milestone: Milestone) -> str:
    day = "" if milestone.day is None else f" au {milestone.day:%d/%m/%Y}"
    assumed = " (supposé)" if milestone.assumed else ""
    return f"Cible{day}{assumed}"


def _by_department(programme: Programme, one: Indicator, at: At) -> Panel:
    of = {"programme": programme.id, "indicator": one.id, "department": f"!={names.REGION}"}
    place = "department"
    shown = UNIT_SHOWN[one.unit]
    columns = [
        Column("Département", place, Shown(NO_UNIT, mappings=TERRITORIES)),
        Column("Valeur", Query(figure(place, **of)), shown, 85),
    ]
    if one.unit is Unit.RATIO:
        columns.append(
            Column(
                "Sur",
                Query(latest(select(recorded.DEPARTMENT_DENOMINATOR, **of), place)),
                Shown(COUNT),
                85,
            )
        )
    if any(milestone.departments for milestone in one.milestones if milestone.target is not None):
        columns.append(
            Column("État", Query(status_code(place, **of)), status_look(), 140, COLOURED)
        )
    reported = latest(select(recorded.TERRITORY_LAST_REPORTED, **of), place)
    columns += [
        Column("30 jours", Query(change("value", place, **of)), _moved(shown), 85),
        Column("Dernier relevé", Query(date_of(reported)), Shown(DATE), 105),
    ]
    return table_of(
        Frame(
            f"{one.title} : par département",
            f"{one.definition} « Sur » est le dénominateur ; « 30 jours » la variation sur les 30 "
            "jours qui finissent au jour du moniteur.",
            at,
        ),
        columns,
        sort=("Valeur", False),
    )


def _moved(shown: Shown) -> Shown:
    return Shown(shown.unit, shown.decimals, steps=CHANGE.steps)


def _by_category(programme: Programme, one: Indicator, at: At) -> Panel:
    of = {"programme": programme.id, "indicator": one.id}
    dimension = BREAKDOWNS.get(one.breakdown or "", one.breakdown or "")
    title = f"{one.title} : par {dimension}"
    if one.min_cell is not None:
        return _protected(one, Frame(title, _secret(one), at), of)
    shown = Shown(COUNT, decimals=0) if one.unit is Unit.RATIO else UNIT_SHOWN[one.unit]
    what = "Le numérateur du taux, " if one.unit is Unit.RATIO else ""
    region = latest(select(recorded.REGION_CATEGORY, **of), "category")
    return bars(
        Frame(title, f"{what}Île-de-France entière. {one.definition}", at),
        Query(region, "{{category}}"),
        shown,
        {code: CATEGORIES.get(code, code) for code in one.categories},
    )


def _secret(one: Indicator) -> str:
    return (
        f"{one.definition} Un effectif de moins de {one.min_cell} personnes n’est pas montré, ni "
        "ce qui permettrait de le retrouver : « secret statistique »."
    )


def _protected(one: Indicator, frame: Frame, of: dict[str, str]) -> Panel:
    """Say of each category how many, or that it may not be said."""
    place = {**of, "department": CHOSEN}
    return table_of(
        frame,
        [
            Column(
                "Catégorie",
                "category",
                Shown(
                    NO_UNIT,
                    mappings=words({code: CATEGORIES.get(code, code) for code in one.categories}),
                ),
            ),
            Column(
                "Valeur",
                Query(latest(select(names.CELL_VALUE, **place), "category")),
                UNIT_SHOWN[one.unit],
                110,
            ),
            Column(
                "Secret statistique",
                Query(latest(select(names.CELL_SUPPRESSED, **place), "category")),
                Shown(NO_UNIT, mappings=words({"0": "montré", "1": "■ protégé"})),
                150,
            ),
        ],
    )


def _parts(programme: Programme, one: Indicator, at: At) -> Panel:
    of = {"programme": programme.id, "indicator": one.id}
    return trend(
        Frame(
            f"{one.title} : numérateur et dénominateur",
            "Île-de-France entière. Quand le taux baisse, on voit ici si le numérateur a baissé ou "
            "si le dénominateur a été recompté.",
            at,
        ),
        [
            Query(OVER_TIME.format(series=select(series, **of)), legend)
            for series, legend in (
                (recorded.REGION_NUMERATOR, "Numérateur"),
                (recorded.REGION_DENOMINATOR, "Dénominateur"),
            )
        ],
        Shown(COUNT),
    )


def _deadlines(programme: Programme) -> tuple[dashboard.AnnotationQuery, ...]:
    """Mark each deadline on the axis of time, where it is in the range."""
    milestones = (milestone for one in programme.indicators for milestone in one.milestones)
    if all(milestone.day is None for milestone in milestones):
        return ()
    series = select(names.MILESTONE_DEADLINE, programme=programme.id)
    return (deadline_marks(date_of(latest(series, *MILESTONE))),)
