"""The operator's board: whether the monitor is healthy, keeps up, and can be restarted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from catalogue import metrics
from dashboards import conventions
from dashboards.boards.board import PARIS, Board, link_to
from dashboards.boards.delegate import as_of_panel
from dashboards.boards.figures import runbook_links
from dashboards.boards.panels import (
    COUNT,
    DAYS,
    NO_UNIT,
    RECORDS_PER_SECOND,
    SECONDS,
    Column,
    GridPosition,
    Json,
    Link,
    PanelFrame,
    Step,
    ValueFormat,
    bars,
    stats,
    table_of,
    trend,
    words,
)
from dashboards.boards.queries import Query, fact_of, rate_by
from dashboards.conventions import Links
from dashboards.promql import DAY_SECONDS, latest, over, select, total
from dashboards.wording import FAMILIES, OUTCOMES, REASONS

WHOLE: Final = ValueFormat(COUNT, decimals=0)
NONE_WANTED: Final = ValueFormat(COUNT, decimals=0, steps=(Step(None, "text"), Step(1, "red")))
LATE: Final = ValueFormat(
    COUNT, decimals=0, steps=(Step(None, "text"), Step(conventions.LAGGING_RECORDS, "orange"))
)
ALL_READY: Final = ValueFormat(
    NO_UNIT, mappings=words({"1": "✔ prêts", "0": "✖ pas prêts"}, {"0": "red"})
)
READY: Final = ValueFormat(
    NO_UNIT, mappings=words({"1": "✔ prêt", "0": "✖ pas prêt"}, {"0": "red"})
)

#: What the runbooks of the alerts answer.
REFUSALS: Final = ("DeadLetters", "Que faire de messages refusés")
LAG: Final = ("ConsumerLag", "Que faire d’un retard")
HEALTH: Final = (
    ("PartitionsMissing", "Que faire de partitions manquantes"),
    ("WorkerNotReady", "Que faire d’un worker qui n’est pas prêt"),
    ("TopicFaulty", "Que faire d’un topic perdu ou changé"),
    ("AssessorNotReady", "Que faire d’un évaluateur qui n’est pas prêt"),
    ("GatewayNotReady", "Que faire d’une passerelle qui n’est pas prête"),
    ("PageNotReady", "Que faire d’une page du délégué qui n’est pas prête"),
)
FAULTS: Final = ("FiguresDiverge", "Que faire d’un écart entre les chiffres")


def pipeline_board(links: Links) -> Board:
    """Build the board of the monitor itself."""
    return Board(
        uid=conventions.PIPELINE_BOARD,
        title="Smart Région : la chaîne de traitement",
        description=(
            "La santé du moniteur : workers, partitions, retard, messages refusés, reprise. Les "
            "chiffres ne valent que ce que vaut la chaîne."
        ),
        since="now-1h",
        refresh="10s",
        timezone=PARIS,
        links=(
            link_to(conventions.DELEGATE_BOARD, "Toutes les promesses"),
            link_to(conventions.PRODUCERS_BOARD, "Producteurs"),
        ),
        panels=(
            as_of_panel(GridPosition(0, 0, 6, 4)),
            _health(GridPosition(6, 0, 18, 4), runbook_links(links, *HEALTH)),
            _throughput(GridPosition(0, 4, 12, 11)),
            _lag(GridPosition(12, 4, 12, 11), runbook_links(links, LAG)),
            _dead_letters(GridPosition(0, 15, 24, 9), runbook_links(links, REFUSALS)),
            _recovery(GridPosition(0, 24, 12, 8)),
            _faults(GridPosition(12, 24, 12, 8), runbook_links(links, FAULTS)),
            _lateness(GridPosition(0, 32, 24, 16)),
            _entities(GridPosition(0, 48, 12, 11)),
            _alerts(GridPosition(12, 48, 12, 11)),
        ),
    )


def _health(at: GridPosition, runbooks: Sequence[Link]) -> Json:
    # Who does not answer has no series that says so, and is not ready.
    away = f"0 * {select('up', job=conventions.WORKER_JOB)}"
    return stats(
        PanelFrame(
            "Santé",
            "Workers et évaluateur : prêts quand ils répondent et que leur état est reconstitué. "
            "Partitions : lues par un worker, sur celles qui sont attendues. Retard : messages "
            "encore à traiter, par les workers et par l’évaluateur.",
            at,
            runbooks,
        ),
        [
            ("Workers", _or_none(f"min({metrics.WORKER_READY} or {away})"), ALL_READY),
            ("Évaluateur", _or_none(latest(metrics.ASSESSOR_READY)), READY),
            ("Partitions lues", _or_none(conventions.PARTITIONS_OWNED.name), WHOLE),
            ("Partitions attendues", Query(conventions.PARTITIONS_EXPECTED.name), WHOLE),
            ("Retard des workers", Query(total(conventions.TOPIC_LAG)), LATE),
            ("Retard de l’évaluateur", Query(latest(metrics.ASSESSOR_LAG)), LATE),
        ],
        coloured=True,
    )


def _or_none(expression: str) -> Query:
    """Return a query that gives 0 where nobody exposes anything."""
    return Query(f"{expression} or vector(0)")


def _throughput(at: GridPosition) -> Json:
    rate = rate_by("outcome", metrics.EVENTS)
    return trend(
        PanelFrame(
            "Débit, par devenir des messages",
            "Messages lus par seconde, tous workers et tous topics ensemble. Chaque message a un "
            "seul devenir : accepté, déjà connu, dépassé, refusé ou renvoyé à sa partition.",
            at,
        ),
        [Query(rate, "{{outcome}}")],
        ValueFormat(RECORDS_PER_SECOND, least=0),
        texts=OUTCOMES,
        stacked=True,
    )


def _lag(at: GridPosition, runbooks: Sequence[Link]) -> Json:
    return trend(
        PanelFrame(
            "Retard par topic",
            "Messages publiés que les workers n’ont pas encore traités. S’il croît, ajouter un "
            "worker, jusqu’au nombre de partitions.",
            at,
            runbooks,
        ),
        [Query(conventions.TOPIC_LAG.name, "{{topic}}")],
        ValueFormat(COUNT, decimals=0, least=0),
    )


def _dead_letters(at: GridPosition, runbooks: Sequence[Link]) -> Json:
    return bars(
        PanelFrame(
            "Messages refusés, par motif",
            "Messages mis de côté dans le topic des refus sur la période choisie, avec leur motif. "
            "Chacun y est gardé tel quel ; de celui qui peut contenir des données personnelles, "
            "seul l’emplacement est gardé.",
            at,
            runbooks,
        ),
        Query(
            f"{total(over('increase', metrics.DEAD_LETTERS, '$__range'), 'reason')} > 0",
            "{{reason}}",
        ),
        ValueFormat(COUNT, decimals=0, steps=(Step(None, "orange"),), least=0),
        REASONS,
    )


def _recovery(at: GridPosition) -> Json:
    return trend(
        PanelFrame(
            "Reprise",
            "Durée de la dernière reconstitution de l’état, au démarrage ou après un changement de "
            "répartition ; la plus longue de tous les workers.",
            at,
        ),
        [Query(latest(metrics.RECOVERY_SECONDS), "durée de la reprise")],
        ValueFormat(SECONDS, decimals=1, least=0),
    )


def _faults(at: GridPosition, runbooks: Sequence[Link]) -> Json:
    return stats(
        PanelFrame(
            "Depuis le démarrage",
            "Reprises : reconstitutions de l’état. Écarts : séries qui différaient au recalcul de "
            "contrôle ; tout écart est un défaut du programme. Erreurs de coordination : à voir du "
            "côté du broker. Sources ignorées : un producteur invente des noms de source.",
            at,
            runbooks,
        ),
        [
            ("Reprises", Query(total(metrics.RECOVERIES)), WHOLE),
            ("Écarts", Query(total(metrics.REBUILD_MISMATCHES)), NONE_WANTED),
            ("Erreurs de coordination", Query(total(metrics.COORDINATOR_ERRORS)), WHOLE),
            ("Sources ignorées", Query(total(metrics.SOURCES_DROPPED)), NONE_WANTED),
        ],
        coloured=True,
    )


def _lateness(at: GridPosition) -> Json:
    newest = latest(conventions.SOURCE_LAST_EVENT, "type")
    age = f"clamp_min((scalar({conventions.AS_OF}) - {newest}) / {DAY_SECONDS}, 0)"
    return bars(
        PanelFrame(
            "Ancienneté du dernier évènement, par fait",
            "Jours entre le jour du moniteur et l’enregistrement, par son producteur, du dernier "
            "évènement reçu de chaque type.",
            at,
        ),
        Query(fact_of(age), "{{fact}}"),
        ValueFormat(DAYS, decimals=0, least=0),
    )


def _entities(at: GridPosition) -> Json:
    return bars(
        PanelFrame(
            "Entités suivies",
            "Lycées, sites, communes, inscriptions… gardés en mémoire, tous workers ensemble.",
            at,
        ),
        Query(total(metrics.ENTITIES, "family"), "{{family}}"),
        ValueFormat(COUNT, decimals=0, least=0),
        FAMILIES,
    )


def _alerts(at: GridPosition) -> Json:
    firing = select("ALERTS", alertstate="firing")
    return table_of(
        PanelFrame(
            "Alertes en cours",
            "Nombre d’alertes déclenchées, par nom. Watchdog se déclenche en permanence : son "
            "absence signifierait que les alertes ne partent plus.",
            at,
        ),
        [
            Column("Alerte", "alertname"),
            Column("Nombre", Query(f"count by (alertname) ({firing})"), WHOLE, 110),
        ],
        sort=("Nombre", True),
    )
