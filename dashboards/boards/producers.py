"""The producers' board: what was taken of what they sent, what was refused, and who is silent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from catalogue import metric_names as names
from catalogue import rule_names as recorded
from catalogue.model import Catalogue
from dashboards import conventions as ours
from dashboards.boards.board import PARIS, Board, link_to
from dashboards.boards.delegate import as_of_panel
from dashboards.boards.figures import runbook_links
from dashboards.boards.panels import (
    COUNT,
    DATE,
    DAYS,
    NO_UNIT,
    RECORDS_PER_SECOND,
    At,
    Column,
    Frame,
    Link,
    Panel,
    Shown,
    Step,
    bars,
    stats,
    table_of,
    trend,
    words,
)
from dashboards.boards.queries import DAY_SECONDS, Query, date_of, fact_of, select
from dashboards.conventions import Links
from dashboards.rules import alerts
from dashboards.wording import OUTCOMES, REASONS

__all__ = ["producers_board"]

WHOLE: Final = Shown(COUNT, decimals=0)
REFUSED: Final = Shown(COUNT, decimals=0, steps=(Step(None, "text"), Step(1, "orange")))
AWAITED: Final = Shown(
    NO_UNIT,
    mappings=words({"0": "● à l’heure", "1": "▲ silencieux"}, {"1": "orange"}),
)

#: What the runbooks of the alerts answer.
SILENCE: Final = (alerts.PRODUCER_SILENT, "Que faire d’un producteur silencieux")
REFUSALS: Final = (alerts.DEAD_LETTERS, "Que faire de messages refusés")


def producers_board(catalogue: Catalogue, links: Links) -> Board:
    """Build the board of those who send events."""
    return Board(
        uid=ours.PRODUCERS_BOARD,
        title="Smart Région : les producteurs",
        description=(
            "Ce que chaque système a envoyé en dernier, ce qui a été accepté, ce qui a été refusé "
            "et pourquoi, et qui se tait."
        ),
        since="now-24h",
        refresh="30s",
        timezone=PARIS,
        links=(
            link_to(ours.DELEGATE_BOARD, "Toutes les promesses"),
            link_to(ours.PIPELINE_BOARD, "Chaîne de traitement"),
        ),
        panels=(
            as_of_panel(At(0, 0, 4, 4)),
            _totals(At(4, 0, 20, 4)),
            _sources(catalogue, At(0, 4, 14, 14), runbook_links(links, SILENCE)),
            _refusals(At(14, 4, 10, 7), runbook_links(links, REFUSALS)),
            _rate_of_refusals(At(14, 11, 10, 7)),
            _outcomes(At(0, 18, 24, 12)),
        ),
    )


def _totals(at: At) -> Panel:
    sources = Query(f"count(count by (source) ({ours.SOURCE_LAST_EVENT}))")
    taken = [
        (
            _headed(text),
            Query(f"sum({_increase(outcome)}) or vector(0)"),
            REFUSED if outcome == "refused" else WHOLE,
        )
        for outcome, text in OUTCOMES.items()
    ]
    return stats(
        Frame(
            "Messages sur la période choisie",
            "Tout message lu a un seul devenir. Déjà connus et dépassés ne sont pas des erreurs : "
            "une reprise les renvoie, une correction plus récente les a précédés.",
            at,
        ),
        [("Sources", sources, WHOLE), *taken],
        coloured=True,
    )


def _headed(text: str) -> str:
    return text[:1].upper() + text[1:]


def _increase(outcome: str) -> str:
    return f"increase({select(names.EVENTS, outcome=outcome)}[$__range])"


def _sources(catalogue: Catalogue, at: At, runbooks: Sequence[Link]) -> Panel:
    late = [f"({_silence(_of_facts(facts))} > bool {days})" for days, facts in _awaited(catalogue)]
    return table_of(
        Frame(
            "Dernier événement de chaque source",
            "Silence : jours entre le jour du moniteur et l’enregistrement du dernier événement "
            "par son producteur. Silencieux : plus longtemps que la périodicité, le délai de mise "
            "à disposition et la tolérance du catalogue ne le permettent ; vide pour un fait qui "
            "n’est attendu à aucun moment.",
            at,
            runbooks,
        ),
        [
            Column("Source", "source"),
            Column("Fait", "fact"),
            Column(
                "Dernier événement",
                Query(fact_of(date_of(_last(ours.SOURCE_LAST_EVENT)))),
                Shown(DATE),
                165,
            ),
            Column(
                "Silence",
                Query(fact_of(_silence(ours.SOURCE_LAST_EVENT))),
                Shown(DAYS, decimals=0),
                90,
            ),
            Column("État", Query(fact_of(" or ".join(late))), AWAITED, 120),
        ],
        sort=("Silence", True),
    )


def _last(series: str) -> str:
    return f"max by (source, type) ({series})"


def _silence(series: str) -> str:
    return f"clamp_min((scalar({recorded.AS_OF.name}) - {_last(series)}) / {DAY_SECONDS}, 0)"


def _awaited(catalogue: Catalogue) -> Iterator[tuple[int, list[str]]]:
    """Give by days of patience the facts for which some indicator waits so long at most.

    A fact that comes at no set times is awaited at none: its silence says nothing.
    """
    patience: dict[str, int] = {}
    for indicator in catalogue.indicators:
        days = indicator.patience_days
        if days is not None:
            for fact in indicator.measure.numerator.facts:
                patience[fact] = max(patience.get(fact, days), days)
    for days in sorted(set(patience.values())):
        yield days, [fact for fact, most in patience.items() if most == days]


def _of_facts(facts: list[str]) -> str:
    alternatives = "|".join(fact.replace(".", r"\\.") for fact in facts)
    return select(ours.SOURCE_LAST_EVENT, type=rf"=~.+\\.({alternatives})\\.v[0-9]+")


def _refusals(at: At, runbooks: Sequence[Link]) -> Panel:
    return bars(
        Frame(
            "Refusés, par motif",
            "Messages refusés sur la période choisie. Chacun est gardé octet pour octet dans le "
            "topic des refus, avec le motif, le champ et le remède : "
            "`smart-region dead-letters list`.",
            at,
            runbooks,
        ),
        Query(f"sum by (reason) (increase({names.DEAD_LETTERS.name}[$__range]))", "{{reason}}"),
        Shown(COUNT, decimals=0, steps=(Step(None, "orange"),), least=0),
        REASONS,
    )


def _rate_of_refusals(at: At) -> Panel:
    rate = f"sum by (reason) (rate({names.DEAD_LETTERS.name}[$__rate_interval]))"
    return trend(
        Frame(
            "Refusés dans le temps",
            "Messages refusés par seconde, par motif : on voit quand un producteur a changé.",
            at,
        ),
        [Query(rate, "{{reason}}")],
        Shown(RECORDS_PER_SECOND, least=0),
        texts=REASONS,
        stacked=True,
    )


def _outcomes(at: At) -> Panel:
    return table_of(
        Frame(
            "Ce que sont devenus les messages, par fait",
            "Messages lus sur la période choisie, par type d’événement ; « unknown » : le type n’a "
            "pas pu être lu.",
            at,
        ),
        [
            Column("Fait", "fact"),
            *(
                Column(
                    _headed(text),
                    Query(fact_of(f"sum by (type) ({_increase(outcome)})")),
                    REFUSED if outcome == "refused" else WHOLE,
                )
                for outcome, text in OUTCOMES.items()
            ),
        ],
        sort=("Fait", False),
    )
