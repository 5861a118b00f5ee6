"""The delegate's board: one screen that says which promises are kept, which slip, and where."""

from __future__ import annotations

from typing import Final

from catalogue import metrics
from catalogue.formatting import STATUSES
from catalogue.model import Catalogue
from catalogue.progress import MilestoneStatus
from dashboards import conventions
from dashboards.boards.board import Board, department_variable, link_to, programme_variable
from dashboards.boards.figures import (
    CHOSEN,
    PROJECTION_TEXT,
    TERRITORIES,
    UNEXPLAINED_TEXT,
    change_columns,
    has_target,
    indicator_names,
    milestone_columns,
    most_lines,
    promise_column,
    runbook_links,
    value_columns,
)
from dashboards.boards.panels import (
    COUNT,
    DATE,
    NO_UNIT,
    Column,
    GridPosition,
    Json,
    Marker,
    PanelFrame,
    Step,
    ValueFormat,
    departments_map,
    of_last_day,
    stats,
    status_format,
    table_of,
    words,
)
from dashboards.boards.queries import Query, date_of, with_geohash, worst_status
from dashboards.conventions import Links
from dashboards.promql import latest, select, total

BEHIND: Final = "Manqués ou à risque (jalons)"
PROGRAMMES: Final = f"=~${conventions.PROGRAMME_VARIABLE}"
#: Where the rules are evaluated and no worker exposes anything, all totals are withheld; where they
#: are not, and the monitor's day is there, a backfill wrote them, of all partitions.
COMPLETENESS: Final = (
    f"{conventions.PARTITIONS_OWNED} >= bool {conventions.PARTITIONS_EXPECTED}"
    f" or 0 * {latest(conventions.TERRITORY_INFO)} or 2 + 0 * {conventions.AS_OF}"
)
ELSEWHERE: Final = f"!={metrics.REGION}"


def delegate_board(catalogue: Catalogue, links: Links, since: str) -> Board:
    """Build the board that opens first."""
    # A line for each milestone, of which some break into two lines.
    height = max(most_lines(catalogue.indicators) + 5, 8)
    below = 7 + height
    return Board(
        uid=conventions.DELEGATE_BOARD,
        title="Smart Région : les promesses",
        description=(
            "Où en sont les promesses de 2016 : valeur, cible, avancement, état, échéance et "
            "projection. Un clic sur une promesse mène à son programme."
        ),
        since=since,
        variables=(department_variable(), programme_variable(catalogue)),
        links=(
            *(
                link_to(conventions.programme_board(programme.id), programme.title)
                for programme in catalogue.programmes
            ),
            link_to(conventions.PRODUCERS_BOARD, "Producteurs"),
            link_to(conventions.PIPELINE_BOARD, "Chaîne de traitement"),
        ),
        panels=of_last_day(
            (
                as_of_panel(GridPosition(0, 0, 12, 3)),
                _statuses(
                    "Jalons de la Région",
                    "Nombre de jalons de la Région entière, par état. L’état est recalculé à "
                    "chaque évènement ; un jalon atteint puis perdu n’est plus compté "
                    "comme atteint.",
                    GridPosition(0, 3, 12, 4),
                    metrics.REGION,
                ),
                _statuses(
                    "Jalons des départements",
                    "Nombre de jalons dus département par département, par état.",
                    GridPosition(12, 3, 12, 4),
                    ELSEWHERE,
                ),
                completeness_panel(GridPosition(12, 0, 12, 3)),
                _promises(catalogue, links, GridPosition(0, 7, 24, height)),
                _map(GridPosition(0, below, 9, 9)),
                _changes(catalogue, GridPosition(9, below, 15, 9)),
                _without_target(catalogue, GridPosition(0, below + 9, 24, 9)),
            )
        ),
    )


def as_of_panel(at: GridPosition) -> Json:
    """Return the panel of the monitor's own day."""
    return stats(
        PanelFrame(
            "Chiffres arrêtés au",
            "Le jour du moniteur : tout ce que montrent les tableaux de bord est vu de ce jour.",
            at,
        ),
        [("Jour", Query(date_of(conventions.AS_OF.name)), ValueFormat(DATE))],
    )


def completeness_panel(at: GridPosition) -> Json:
    """Return the panel that displays whether the figures are of all partitions."""
    return stats(
        PanelFrame(
            "Les chiffres sont",
            "Les totaux ne sont montrés que si toutes les partitions des évènements sont lues. "
            "Retenus : voir la chaîne de traitement. Recalculés : ceux d’un jour passé, refaits "
            "à partir de tous les évènements connus à présent.",
            at,
        ),
        [
            (
                "Complets",
                Query(COMPLETENESS),
                ValueFormat(
                    NO_UNIT,
                    mappings=words(
                        {"1": "✔ complets", "0": "✖ retenus", "2": "↺ recalculés"}, {"0": "red"}
                    ),
                ),
            )
        ],
        coloured=True,
    )


def _statuses(title: str, description: str, at: GridPosition, department: str) -> Json:
    # The worst first: what is to be read first.
    by_severity = sorted(STATUSES.items(), key=lambda item: -item[1].severity)
    return stats(
        PanelFrame(title, description, at),
        [
            (
                style.text,
                Query(_count(status, department=department, programme=PROGRAMMES)),
                ValueFormat(COUNT, decimals=0, steps=(Step(None, "text"), Step(1, style.colour))),
            )
            for status, style in by_severity
        ],
        coloured=True,
    )


def _count(status: str, *by: str, **labels: str) -> str:
    chosen = select(metrics.MILESTONE_STATUS, status=status, **labels)
    return total(latest(chosen, "indicator", "milestone", "department"), *by)


def _promises(catalogue: Catalogue, links: Links, at: GridPosition) -> Json:
    chosen = {"department": CHOSEN, "programme": PROGRAMMES}
    to_programme = link_to(
        "${__data.fields.board}", "Voir le programme", **{conventions.DEPARTMENT_VARIABLE: CHOSEN}
    )
    return table_of(
        PanelFrame(
            "Les promesses : où en est-on ?",
            "Une ligne par jalon chiffré, le plus préoccupant d’abord. Avancement : part du "
            f"chemin entre la valeur initiale et la cible. {PROJECTION_TEXT} {UNEXPLAINED_TEXT} "
            "* : supposé, la promesse ne fixe pas la cible ou l’échéance.",
            at,
            runbook_links(links),
        ),
        [
            promise_column(catalogue.programmes, (to_programme,)),
            *milestone_columns(catalogue.programmes, **chosen),
            Column("board", "board", hidden=True),
        ],
        sort=("État", True),
        tall=True,
    )


def _map(at: GridPosition) -> Json:
    chosen = {"department": ELSEWHERE, "programme": PROGRAMMES}
    counts = [
        Column(
            f"{style.text} (jalons)",
            Query(_count(status, "department", **chosen)),
            ValueFormat(COUNT, decimals=0),
        )
        for status, style in STATUSES.items()
    ]
    behind = _count(f"=~{MilestoneStatus.MISSED}|{MilestoneStatus.AT_RISK}", "department", **chosen)
    return departments_map(
        PanelFrame(
            "Où ? Le pire état par département",
            "Chaque repère porte le numéro du département et la marque du pire de ses jalons : "
            + ", ".join(style.text for style in STATUSES.values())
            + ". Plus il est grand, plus de jalons sont manqués ou à risque. Le détail s’affiche "
            "au survol. Sans fond de carte : aucun serveur extérieur n’est appelé.",
            at,
        ),
        [
            Column("Repère", "marker"),
            Column("Département", "department", ValueFormat(NO_UNIT, mappings=TERRITORIES)),
            Column("Pire état", Query(with_geohash(worst_status(**chosen))), status_format()),
            Column("Position", "geohash"),
            Column(BEHIND, Query(behind), ValueFormat(COUNT, decimals=0)),
            *counts,
        ],
        Marker(colour="Pire état", text="Repère", size=BEHIND),
    )


def _without_target(catalogue: Catalogue, at: GridPosition) -> Json:
    free = [one for one in catalogue.indicators if not has_target(one)]
    chosen = {"department": CHOSEN, "programme": PROGRAMMES}
    return table_of(
        PanelFrame(
            "Suivis sans cible",
            "Les indicateurs pour lesquels la promesse ne fixe pas de cible.",
            at,
        ),
        [Column("Indicateur", "indicator", indicator_names(free)), *value_columns(free, **chosen)],
    )


def _changes(catalogue: Catalogue, at: GridPosition) -> Json:
    chosen = {"department": CHOSEN, "programme": PROGRAMMES}
    return table_of(
        PanelFrame(
            "Ce qui a changé en 30 jours",
            "Variation de chaque indicateur sur les 30 jours qui finissent au jour du moniteur ; "
            "d’un effectif de personnes, depuis la publication précédente. Un taux varie par son "
            "numérateur (des faits nouveaux) ou par son dénominateur (un recompte : des locaux "
            "recensés, un lycée fermé). Ce qui n’a pas bougé n’y est pas.",
            at,
        ),
        [
            Column("Indicateur", "indicator", indicator_names(catalogue.indicators)),
            *change_columns(catalogue.indicators, **chosen),
        ],
    )
