"""The producers' board: what was taken of what they sent, what was refused, who is silent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from catalogue import metrics
from catalogue.metrics import Metric
from dashboards import conventions
from dashboards.boards.board import PARIS, Board, link_to
from dashboards.boards.delegate import as_of_panel
from dashboards.boards.figures import runbook_links
from dashboards.boards.panels import (
    COUNT,
    DATE,
    DAYS,
    NO_UNIT,
    PERCENT,
    RECORDS_PER_SECOND,
    TARGET,
    Column,
    GridPosition,
    Json,
    Link,
    PanelFrame,
    Step,
    ValueFormat,
    row,
    stats,
    table_of,
    trend,
    words,
)
from dashboards.boards.queries import Query, date_of, fact_of, rate_by, share
from dashboards.conventions import Links
from dashboards.promql import DAY_SECONDS, latest, on, over, select, total, with_label
from dashboards.wording import (
    FAMILIES,
    GATEWAY_OUTCOMES,
    GATEWAY_REASONS,
    OUTCOMES,
    REASONS,
    UNDECLARED,
)
from events.dead_letter_policy import DEAD_LETTER_POLICY

WHOLE: Final = ValueFormat(COUNT, decimals=0)
REFUSED: Final = ValueFormat(COUNT, decimals=0, steps=(Step(None, "text"), Step(1, "orange")))
SHARE: Final = ValueFormat(PERCENT, decimals=1, steps=(Step(None, "orange"), Step(1, "text")))
AGE: Final = ValueFormat(DAYS, decimals=0)
STANDING: Final = ValueFormat(
    NO_UNIT,
    mappings=words(
        {"0": "● à l’heure", "1": "▲ silencieux", "2": "○ jamais entendu", "3": "– sans fréquence"},
        {"1": "orange"},
    ),
)
READY: Final = ValueFormat(
    NO_UNIT, mappings=words({"1": "✔ ouverte", "0": "✖ courtier absent"}, {"0": "red"})
)
#: Whoever is not declared, among the producers' ids.
UNKNOWN: Final = "unknown"
#: The share of facts that the lateness over time covers.
MOST: Final = 0.9
#: The width of a column of producers' codes, which do not break into lines.
CODE: Final = 126

#: What the runbooks of the alerts answer.
SILENCE: Final = ("ProducerSilent", "Que faire d’un producteur silencieux")
FAULTS: Final = ("ProducerFaulty", "Que faire d’un producteur souvent refusé")
REFUSALS: Final = ("DeadLetters", "Que faire de messages refusés")
REFUSED_SHARE: Final = (
    "DeadLetterShareHigh",
    "Que faire d’une part de refusés trop élevée",
)


def producers_board(links: Links) -> Board:
    """Build the board of those who send events."""
    return Board(
        uid=conventions.PRODUCERS_BOARD,
        title="Smart Région : les producteurs",
        description=(
            "Ce que chaque producteur déclaré a envoyé, ce qui a été accepté, ce qui a été refusé "
            "et pourquoi, avec quel retard, et qui se tait."
        ),
        since="now-24h",
        refresh="30s",
        timezone=PARIS,
        links=(
            link_to(conventions.DELEGATE_BOARD, "Toutes les promesses"),
            link_to(conventions.PIPELINE_BOARD, "Chaîne de traitement"),
        ),
        panels=(
            as_of_panel(GridPosition(0, 0, 6, 4)),
            _totals(GridPosition(6, 0, 18, 4)),
            _scorecards(GridPosition(0, 4, 24, 11), runbook_links(links, SILENCE, FAULTS)),
            _refusals(GridPosition(0, 15, 12, 9), runbook_links(links, REFUSALS)),
            _rate_of_refusals(GridPosition(12, 15, 12, 9)),
            _share_of_refusals(GridPosition(0, 24, 24, 8), runbook_links(links, REFUSED_SHARE)),
            _lateness(GridPosition(0, 32, 24, 8)),
            row("La passerelle (HTTP)", 40),
            _gateway(GridPosition(0, 41, 24, 4)),
            _refused_at_the_gateway(GridPosition(0, 45, 12, 8)),
            _gateway_answers(GridPosition(12, 45, 12, 8)),
            row("Sources et faits", 53),
            _sources(GridPosition(0, 54, 24, 10)),
            _outcomes(GridPosition(0, 64, 24, 10)),
        ),
    )


def _totals(at: GridPosition) -> Json:
    sources = Query(f"count(count by (source) ({conventions.SOURCE_LAST_EVENT}))")
    taken = [
        (
            _headed(text),
            Query(f"{_increase(metrics.EVENTS, outcome=outcome)} or vector(0)"),
            REFUSED if outcome == "refused" else WHOLE,
        )
        for outcome, text in OUTCOMES.items()
    ]
    return stats(
        PanelFrame(
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


def _increase(metric: Metric, *by: str, **labels: str) -> str:
    """Return how many were counted in the range that the reader chose."""
    return total(over("increase", metric, "$__range", **labels), *by)


def _scorecards(at: GridPosition, runbooks: Sequence[Link]) -> Json:
    valid, refused = (
        _increase(metrics.PRODUCER_EVENTS, "producer", outcome=outcome)
        for outcome in ("=~accepted|superseded", "refused")
    )
    buckets = total(f"{metrics.PRODUCER_LATENESS}_bucket", "producer", "le")
    return table_of(
        PanelFrame(
            "Producteurs",
            "Acceptés, refusés et part valide : sur la période choisie, sans les répétitions. "
            "Retard : jours entre le jour d’un fait et son enregistrement, depuis le démarrage des "
            "workers. Silence : jours depuis le dernier évènement enregistré ; silencieux : "
            "plus longtemps que la fréquence déclarée et sa tolérance ne le permettent. Le relevé "
            "complet, à lui envoyer : `smart-region producers report --producer …`.",
            at,
            runbooks,
        ),
        [
            Column("Producteur", "title", least=136),
            Column("Code", "producer", width=CODE),
            Column("Acceptés", Query(valid), WHOLE, 80),
            Column("Refusés", Query(refused), REFUSED, 72),
            Column(
                "Part valide", Query(share(f"{valid} / ({valid} + {refused} > 0)", 1)), SHARE, 70
            ),
            Column("Retard médian", Query(f"histogram_quantile(0.5, {buckets})"), AGE, 68),
            Column(
                "Dernier évènement",
                Query(date_of(latest(conventions.PRODUCER_LAST_EVENT, "producer"))),
                ValueFormat(DATE),
                98,
            ),
            Column(
                "Silence", Query(_silence(conventions.PRODUCER_LAST_EVENT, "producer")), AGE, 86
            ),
            Column("Admis", Query(f"{_allowed()} / {DAY_SECONDS}"), AGE, 58),
            Column("État", Query(_named(_standing())), STANDING, 136),
        ],
        sort=("Silence", True),
        tall=True,
    )


def _standing() -> str:
    """Return as a number whether each declared producer keeps to its declared frequency."""
    silence, declared = _silence(conventions.PRODUCER_LAST_EVENT, "producer"), _declared()
    return " or ".join(
        (
            f"({silence} > bool {on('producer')} ({_allowed()} / {DAY_SECONDS}))",
            f"2 * ({declared} unless {on('producer')} {conventions.PRODUCER_LAST_EVENT})",
            f"3 * {declared}",
        )
    )


def _named(standing: str) -> str:
    """Return the standing with the producers' titles; the undeclared have a title of their own."""
    titles = latest(metrics.PRODUCER_INFO, "producer", "title")
    undeclared = select(metrics.PRODUCER_EVENTS, producer=UNKNOWN)
    unnamed = with_label(
        f"3 * ({latest(undeclared, 'producer')} >= bool 0)", "title", "producer", UNDECLARED
    )
    return f"({standing}) * {on('producer')} group_left (title) {titles} or {unnamed}"


def _declared() -> str:
    return latest(metrics.PRODUCER_INFO, "producer")


def _allowed() -> str:
    return latest(metrics.PRODUCER_ALLOWED_SILENCE, "producer")


def _silence(series: Metric, *by: str) -> str:
    return f"clamp_min((scalar({conventions.AS_OF}) - {latest(series, *by)}) / {DAY_SECONDS}, 0)"


def _refusals(at: GridPosition, runbooks: Sequence[Link]) -> Json:
    return table_of(
        PanelFrame(
            "Refusés, par producteur et motif",
            "Messages refusés par les workers sur la période choisie. Chacun est gardé octet pour "
            "octet dans le topic des refus, avec le motif, le champ et le remède ; de celui qui "
            "peut contenir des données personnelles, seul l’emplacement est gardé. "
            "`smart-region dead-letters list` les montre.",
            at,
            runbooks,
        ),
        [
            Column("Producteur", "producer", _who()),
            Column("Motif", "reason", ValueFormat(NO_UNIT, mappings=words(REASONS))),
            Column(
                "Refusés",
                Query(f"{_increase(metrics.PRODUCER_REFUSED, 'producer', 'reason')} > 0"),
                REFUSED,
                90,
            ),
        ],
        sort=("Refusés", True),
    )


def _who() -> ValueFormat:
    return ValueFormat(NO_UNIT, mappings=words({UNKNOWN: UNDECLARED}))


def _rate_of_refusals(at: GridPosition) -> Json:
    counted = total(metrics.DEAD_LETTERS, "reason")
    rate = f"{rate_by('reason', metrics.DEAD_LETTERS)} and {on('reason')} {counted} > 0"
    return trend(
        PanelFrame(
            "Refusés dans le temps",
            "Messages refusés par seconde, par motif : on voit quand un producteur a changé.",
            at,
        ),
        [Query(rate, "{{reason}}")],
        ValueFormat(RECORDS_PER_SECOND, least=0),
        texts=REASONS,
        stacked=True,
    )


def _share_of_refusals(at: GridPosition, runbooks: Sequence[Link]) -> Json:
    limit = "seuil d’alerte"
    return trend(
        PanelFrame(
            "Part de refusés parmi les derniers messages",
            f"Par famille, la part de refusés parmi les {DEAD_LETTER_POLICY.window} derniers "
            "messages lus par un worker ; la plus élevée des workers. Un refus y compte un jour au "
            "plus. Au-dessus du seuil, l’alerte DeadLetterShareHigh sonne : une version du "
            "moniteur, ou d’un producteur, est à corriger.",
            at,
            runbooks,
        ),
        [
            Query(latest(metrics.DEAD_LETTER_SHARE, "family"), "{{family}}"),
            Query(f"vector({DEAD_LETTER_POLICY.max_share:g})", limit),
        ],
        ValueFormat(PERCENT, decimals=0, least=0),
        dashed={limit: TARGET},
        texts=FAMILIES,
    )


def _lateness(at: GridPosition) -> Json:
    buckets = total(over("increase", f"{metrics.PRODUCER_LATENESS}_bucket", "1h"), "producer", "le")
    return trend(
        PanelFrame(
            "Retard dans le temps",
            "Jours en deçà desquels 9 faits sur 10 ont été enregistrés, parmi ceux reçus dans "
            "l’heure, par producteur. Une reprise d’anciens faits s’y voit.",
            at,
        ),
        [Query(f"histogram_quantile({MOST}, {buckets}) >= 0", "{{producer}}")],
        ValueFormat(DAYS, decimals=0, least=0),
        texts={UNKNOWN: UNDECLARED},
    )


def _gateway(at: GridPosition) -> Json:
    taken = [
        (
            _headed(text),
            Query(f"{_increase(metrics.GATEWAY_EVENTS, outcome=outcome)} or vector(0)"),
            WHOLE if outcome == "accepted" else REFUSED,
        )
        for outcome, text in GATEWAY_OUTCOMES.items()
    ]
    return stats(
        PanelFrame(
            "Reçus à la passerelle",
            "Évènements reçus par HTTP sur la période choisie. Accepté : écrit par le courtier, "
            "reçu remis. Non écrit : le courtier n’a pas répondu, le producteur renvoie.",
            at,
        ),
        [("Porte", Query(latest(metrics.GATEWAY_READY)), READY), *taken],
        coloured=True,
    )


def _refused_at_the_gateway(at: GridPosition) -> Json:
    return table_of(
        PanelFrame(
            "Refusés à la passerelle, par producteur et motif",
            "Évènements, ou requêtes entières, que la passerelle n’a pas pris sur la période "
            "choisie. Sans secret valable, personne n’est reconnu : ce sont ceux des non déclarés.",
            at,
        ),
        [
            Column("Producteur", "producer", _who()),
            Column(
                "Motif",
                "reason",
                ValueFormat(NO_UNIT, mappings=words({**REASONS, **GATEWAY_REASONS})),
            ),
            Column(
                "Refusés",
                Query(f"{_increase(metrics.GATEWAY_REFUSED, 'producer', 'reason')} > 0"),
                REFUSED,
                90,
            ),
        ],
        sort=("Refusés", True),
    )


def _gateway_answers(at: GridPosition) -> Json:
    rate = rate_by("status", metrics.GATEWAY_REQUESTS)
    return trend(
        PanelFrame(
            "Réponses de la passerelle",
            "Requêtes par seconde, par code HTTP : 202 et 207 acceptent, 4xx refusent, 503 fait "
            "renvoyer plus tard.",
            at,
        ),
        [Query(rate, "{{status}}")],
        ValueFormat(RECORDS_PER_SECOND, least=0),
        stacked=True,
    )


def _sources(at: GridPosition) -> Json:
    return table_of(
        PanelFrame(
            "Dernier évènement de chaque source",
            "Tel que les évènements nomment leur source, déclarée ou non. Silence : jours entre le "
            "jour du moniteur et l’enregistrement du dernier évènement par son producteur.",
            at,
        ),
        [
            Column("Source", "source"),
            Column("Fait", "fact", least=198),
            Column(
                "Dernier évènement",
                Query(fact_of(date_of(latest(conventions.SOURCE_LAST_EVENT, "source", "type")))),
                ValueFormat(DATE),
                146,
            ),
            Column(
                "Silence",
                Query(fact_of(_silence(conventions.SOURCE_LAST_EVENT, "source", "type"))),
                AGE,
                86,
            ),
        ],
        sort=("Silence", True),
    )


def _outcomes(at: GridPosition) -> Json:
    read = f"({_increase(metrics.EVENTS, 'type')} > 0)"
    return table_of(
        PanelFrame(
            "Ce que sont devenus les messages, par fait",
            "Messages lus sur la période choisie, par type d’évènement ; « unknown » : tous ceux "
            "qui ont été refusés, quel que soit leur type.",
            at,
        ),
        [
            Column("Fait", "fact", least=198),
            *(
                Column(
                    _headed(text),
                    Query(
                        f"{fact_of(_increase(metrics.EVENTS, 'type', outcome=outcome))}"
                        f" and {on('type')} {read}"
                    ),
                    REFUSED if outcome == "refused" else WHOLE,
                    82,
                )
                for outcome, text in OUTCOMES.items()
            ),
        ],
        sort=("Fait", False),
    )
