"""The alerts about the monitor itself, and beside them those about who feeds it.

What is missing must be seen: each expression of absence compares with what was expected, so that it
holds also where nothing at all is exposed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from catalogue import metrics
from catalogue.metrics import Metric
from catalogue.model import Catalogue, Unit
from dashboards import conventions
from dashboards.promql import FIGURE, latest, on, over, select, total
from dashboards.rules import alerts
from dashboards.rules.building import AlertBuilder
from dashboards.rules.model import Alert, RuleGroup
from dashboards.rules.producers import producer_alerts
from dashboards.rules.promises import with_territory
from dashboards.rules.wording import (
    TERRITORY,
    VALUE,
    amount_of,
    by_number,
    label_from,
    value_of,
    word_of,
)
from dashboards.wording import FAMILIES, REASONS, SETTINGS_FAULT, TOPIC_FAULTS
from events.dead_letter_policy import DEAD_LETTER_POLICY

_DIFFERENCE: Final = "0.000000001"
"""Sums of the same floats in another order differ by less. A ratio that lacks one of seven million
premises differs by more, and one decides whether all of them are connected."""
_PRECISION: Final = "0.0000000000001"
"""By this part of it a float may differ: some hundred of its smallest steps; of billions of euros
less than a cent."""
_QUIET: Final = "10m"
"""A figure that has not moved for so long has been read by all."""
_PARTITION: Final = ("topic", "partition")
_REASON: Final = word_of("$labels.reason", REASONS)
_FAMILY: Final = word_of("$labels.family", FAMILIES)
_REFUSALS: Final = "15m"
_MISMATCHES: Final = "30m"


def pipeline_group(build: AlertBuilder, catalogue: Catalogue) -> RuleGroup:
    """Return the alerts on workers, assessor and producers, and the one that always fires."""
    rules = [
        *_records(build),
        *_topics(build),
        *_processes(build),
        *_figures(build, catalogue),
        *producer_alerts(build, catalogue),
        build.alert(
            alerts.WATCHDOG,
            "vector(1)",
            summary="La chaîne d’alerte fonctionne",
            description="Cette alerte se déclenche en permanence. "
            "C’est son absence qui doit être signalée.",
        ),
    ]
    return RuleGroup("smart-region-pipeline", rules)


def _records(build: AlertBuilder) -> Iterator[Alert]:
    # What a worker refused before its first scrape begins a series, which no `increase` sees: it
    # has a part of its own.
    count, refused = value_of(VALUE, Unit.COUNT), metrics.DEAD_LETTERS
    # After a Prometheus that was away for longer every series begins, with all that was refused
    # since the workers' start: what it has recorded before tells it from a new one.
    recorded = f"count(last_over_time({conventions.PRODUCER_LAST_EVENT_HOURLY}[30d] offset 6h))"
    scraped = f"count(last_over_time({_up(conventions.WORKER_JOB)}[6h] offset {_REFUSALS}))"
    begun = (
        f"{over('last_over_time', refused, _REFUSALS)}"
        f" unless last_over_time({refused}[6h] offset {_REFUSALS})"
        f" unless on () ({recorded} unless {scraped})"
    )
    yield build.alert(
        alerts.DEAD_LETTERS,
        f"{total(over('increase', refused, _REFUSALS), 'reason')} > 0\n"
        f"or\n{total(begun, 'reason')} > 0",
        summary=f"Enregistrements refusés : {_REASON}",
        description=f"{count} "
        f"{by_number(VALUE, 'enregistrement refusé', 'enregistrements refusés')} en 15 minutes pour"
        " la raison {{ $labels.reason }}. "
        + by_number(
            VALUE,
            "Il est gardé, avec sa cause, et ne compte",
            "Ils sont gardés, avec leur cause, et ne comptent",
        )
        + " dans aucun chiffre.",
        board=conventions.PRODUCERS_BOARD,
    )
    cause = f'{metrics.DEAD_LETTER_ALARM}{{family="%s"}}'
    reason = label_from(
        cause, "reason", of="family", found=word_of("$label", REASONS), absent="inconnue"
    )
    field = label_from(cause, "field", of="family", absent="inconnu")
    replay = " ; après correction, les renvoyer par `smart-region dead-letters replay --reason {}`"
    again = label_from(cause, "reason", of="family", found=replay.format("{{ $label }}"), absent="")
    yield build.alert(
        alerts.DEAD_LETTER_SHARE_HIGH,
        f"{latest(metrics.DEAD_LETTER_SHARE, 'family')} > {DEAD_LETTER_POLICY.max_share:g}",
        summary=f"Trop d’enregistrements refusés : {_FAMILY}",
        description=f"{value_of(VALUE, Unit.RATIO)} des {DEAD_LETTER_POLICY.window} derniers"
        " enregistrements de cette famille ont été refusés. Première cause :"
        f" {reason}, champ {field}. Les workers continuent, et les enregistrements sont gardés"
        f"{again}.",
        board=conventions.PRODUCERS_BOARD,
    )
    # A worker says it once, and may be gone at the next scrape.
    ends = latest(over("max_over_time", metrics.ENDS_AT_RECORD, _REFUSALS), *_PARTITION)
    yield build.alert(
        alerts.POISON_RECORD,
        f"{ends} >= 3",
        summary="Un enregistrement arrête les workers : {{ $labels.topic }}",
        description="{{ $value }} workers se sont arrêtés l’un après l’autre sur le même"
        " enregistrement de {{ $labels.topic }}, partition {{ $labels.partition }}. Rien de ce qui"
        " le suit n’est compté. Le journal du worker dit lequel.",
    )


def _topics(build: AlertBuilder) -> Iterator[Alert]:
    count = value_of(VALUE, Unit.COUNT)
    yield build.alert(
        alerts.CONSUMER_LAG,
        f"{conventions.TOPIC_LAG} > {alerts.LAGGING_RECORDS}",
        summary="Retard de lecture sur {{ $labels.topic }}",
        description=f"{count} enregistrements de {{{{ $labels.topic }}}} attendent"
        " d’être lus. Les chiffres sont en retard ; les alertes de jalons sont suspendues.",
    )
    first = latest(metrics.LOG_START, *_PARTITION)
    before = over("min_over_time", metrics.LOG_START, "1d")
    yield build.alert(
        alerts.RECORDS_DELETED,
        f"{first}\n-\nmin by ({', '.join(_PARTITION)}) ({before})\n> 0",
        summary="Évènements supprimés de {{ $labels.topic }}",
        description=f"{count} {by_number(VALUE, 'évènement', 'évènements')} de la partition"
        " {{ $labels.partition }} de {{ $labels.topic }}"
        f" {by_number(VALUE, 'a été supprimé', 'ont été supprimés')} depuis hier. Sauf effacement"
        f" voulu (smart-region erase), {by_number(VALUE, 'il est perdu', 'ils sont perdus')} :"
        f" ni les workers ni l’audit ne peuvent plus {by_number(VALUE, 'le', 'les')} compter.",
    )
    # Where no worker ever said how many partitions there are, at least one is expected.
    expected = over("last_over_time", conventions.PARTITIONS_EXPECTED, "1d")
    yield build.alert(
        alerts.PARTITIONS_MISSING,
        f"({expected} or vector(1))\n-\n({conventions.PARTITIONS_OWNED} or vector(0))\n> 0",
        summary=f"{{{{ $value }}}} {by_number(VALUE, 'partition', 'partitions')} sans worker",
        description="{{ $value }} "
        + by_number(VALUE, "partition n’est montrée", "partitions ne sont montrées")
        + " par aucun worker : les totaux ne sont plus publiés, car ils seraient partiels. Les"
        " alertes de jalons sont suspendues.",
    )
    summary = f"Topic {{{{ $labels.topic }}}} : {word_of('$labels.fault', TOPIC_FAULTS)}"
    faults = metrics.TOPIC_FAULT
    yield build.alert(
        alerts.TOPIC_FAULTY,
        f"{latest(select(faults, fault=f'!={SETTINGS_FAULT}'), 'topic', 'fault')} > 0",
        summary=summary,
        description="Le topic {{ $labels.topic }} a perdu ce qu’il contenait, ou n’est plus tel que"
        " les workers en ont besoin. Les chiffres concernés ne sont plus montrés : ils seraient"
        " faux. Un redémarrage ne suffit pas.",
    )
    yield build.alert(
        alerts.TOPIC_FAULTY,
        f"{latest(select(faults, fault=SETTINGS_FAULT), 'topic', 'fault')} > 0",
        summary=summary,
        description="Le topic {{ $labels.topic }} a des réglages avec lesquels le broker supprime"
        " des évènements, ou ne date plus leur réception. Les chiffres restent affichés : aucun"
        " évènement n’est perdu de ce seul fait. Corriger les réglages sans attendre.",
        labels={conventions.SILENCES: ""},
    )


def _processes(build: AlertBuilder) -> Iterator[Alert]:
    worker, gateway = conventions.WORKER_JOB, conventions.GATEWAY_JOB
    yield build.alert(
        alerts.WORKER_NOT_READY,
        f"{_not_ready(metrics.WORKER_READY, worker)}\nor\nabsent({_up(worker)})",
        summary="{{ with $labels.instance }}Worker {{ . }} indisponible"
        "{{ else }}Aucun worker n’est connu de Prometheus{{ end }}",
        description="{{ with $labels.instance }}Le worker {{ . }} ne répond pas, ou n’a pas fini"
        " de reconstruire son état. Tant que les autres montrent toutes les partitions, les"
        " chiffres restent justes{{ else }}Prometheus n’a aucun worker à interroger : aucun"
        " chiffre n’est publié{{ end }}.",
    )
    yield build.alert(
        alerts.GATEWAY_NOT_READY,
        f"{_not_ready(metrics.GATEWAY_READY, gateway)}\nor\n{_none_left(gateway)}",
        summary="{{ with $labels.instance }}Passerelle {{ . }} indisponible"
        "{{ else }}Plus aucune passerelle n’est connue de Prometheus{{ end }}",
        description="{{ with $labels.instance }}La passerelle {{ . }} ne répond pas, ou le broker"
        " ne lui confirme plus rien. Les producteurs sont priés de renvoyer plus tard"
        "{{ else }}Il y en avait une depuis moins d’une semaine. Les producteurs n’obtiennent plus"
        " de réponse{{ end }} : rien n’est perdu chez ceux qui renvoient, mais les chiffres"
        " prennent du retard.",
    )
    page = conventions.PAGE_JOB
    yield build.alert(
        alerts.PAGE_NOT_READY,
        f"{_not_ready(metrics.PAGE_READY, page)}\nor\n{_none_left(page)}",
        summary="{{ with $labels.instance }}Page du délégué {{ . }} indisponible"
        "{{ else }}Plus aucune page du délégué n’est connue de Prometheus{{ end }}",
        description="{{ with $labels.instance }}La page {{ . }} ne répond pas, ou ne montre aucun"
        " chiffre : elle n’a pas fini de lire l’état{{ else }}Il y en avait une depuis moins d’une"
        " semaine{{ end }}. Les chiffres, les tableaux et les alertes n’en dépendent pas et restent"
        " justes.",
    )
    ready, lag = metrics.ASSESSOR_READY, metrics.ASSESSOR_LAG
    # Alerts about what is no longer judged would otherwise end as if all were well.
    unjudged = f"min({metrics.ASSESSOR_UNJUDGED}) > 0"
    yield build.alert(
        alerts.ASSESSOR_NOT_READY,
        f"({latest(ready)} or vector(0)) == 0\nor\nmin({lag}) > {alerts.LAGGING_RECORDS}"
        f"\nor\n{unjudged}",
        summary="Aucun jugement à jour des jalons",
        description="L’évaluateur ne répond pas, n’a pas fini de lire l’état, le lit avec"
        " beaucoup de retard, ou ne juge pas tous les indicateurs, car les workers ont un autre"
        " catalogue. Les jalons gardent leur dernier état connu et leurs alertes sont"
        " suspendues.",
    )


def _up(job: str) -> str:
    return select("up", job=job)


def _not_ready(ready: Metric, job: str) -> str:
    """Return which processes of a job say that they are not ready, or do not answer."""
    return f"{ready} == 0\nor\n{_up(job)} == 0"


def _none_left(job: str) -> str:
    """Return whether a job has no target any more, as of a deployment that was scaled to zero.

    Where it had none for a week, there is none: a site needs no gateway and no page.
    """
    known = over("last_over_time", "up", "1w", job=job)
    return f"absent({_up(job)})\nand {on()}\ngroup({known})"


def _figures(build: AlertBuilder, catalogue: Catalogue) -> Iterator[Alert]:
    titles = {one.id: f"« {one.title} »" for one in catalogue.indicators}
    yield build.alert(
        alerts.FIGURES_DIVERGE,
        f"{total(over('increase', metrics.REBUILD_MISMATCHES, _MISMATCHES))} > 0",
        summary="L’autocontrôle des workers trouve des écarts",
        description=f"{value_of(VALUE, Unit.COUNT)} "
        + by_number(
            VALUE,
            "série diffère quand les workers la recalculent",
            "séries diffèrent quand les workers les recalculent",
        )
        + " à partir de leur état. Ne pas publier ces chiffres avant un audit.",
        labels={"check": "rebuild"},
    )
    # Both sides have stood still, so neither is merely on its way to the other's value.
    value, assessed = conventions.TERRITORY_VALUE, conventions.TERRITORY_ASSESSED
    yield build.alert(
        alerts.FIGURES_DIVERGE,
        with_territory(
            f"abs({value} - {assessed}) > {_DIFFERENCE} + {_PRECISION} * abs({assessed})\n"
            f"and {on(*FIGURE)}\n{over('changes', value, _QUIET)} == 0\n"
            f"and {on(*FIGURE)}\n{over('changes', assessed, _QUIET)} == 0"
        ),
        summary=f"Deux calculs diffèrent : {word_of('$labels.indicator', titles)}",
        description="La somme des workers et le calcul de l’évaluateur diffèrent de"
        f" {amount_of(VALUE)} pour {{{{ $labels.indicator }}}}, {TERRITORY}. Ne pas"
        " publier ce chiffre avant un audit.",
        labels={"check": "assessor"},
    )
