"""The alerts about the monitor itself and about those who feed it.

What is missing must be seen: each expression of absence compares with what was expected, so that it
holds also where nothing at all is exposed. Silence is counted from the monitor's own day.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from catalogue import metric_names as names
from catalogue import rule_names as recorded
from catalogue.model import Catalogue, Unit
from dashboards import conventions as ours
from dashboards.conventions import Links
from dashboards.rules import alerts
from dashboards.rules.alerts import Kind
from dashboards.rules.model import Alert, Group, in_brackets
from dashboards.rules.pace import LAST_KNOWN, Pace
from dashboards.rules.promises import alert_annotations, with_territory
from dashboards.rules.wording import (
    TERRITORY,
    VALUE,
    amount_of,
    days_from,
    label_from,
    literal,
    value_of,
)

__all__ = ["pipeline_group"]

_TITLE: Final = "Moniteur Smart Région"
_DAY_SECONDS: Final = 86_400

_LAG_RECORDS: Final = 10_000
"""More than a worker takes a second for; longer than the alert's patience, it does not keep up."""
_DIFFERENCE: Final = "0.000001"
"""Sums of the same floats in another order differ by far less, figures by far more."""
_WHO: Final = "producer"
"""The label that tells one silence from another."""
_QUIET: Final = "10m"
"""A figure that has not moved for so long has been read by all."""
_REFUSALS: Final = "15m"
_MISMATCHES: Final = "30m"


def pipeline_group(catalogue: Catalogue, pace: Pace, links: Links) -> Group:
    """Give the alerts on workers, assessor and producers, and the one that always rings."""
    build = _Builder(pace, links)
    rules = [
        *_workers(build),
        *_figures(build),
        *_producers(build, catalogue),
        build.alert(
            alerts.WATCHDOG,
            "vector(1)",
            summary="La chaîne d’alerte fonctionne",
            description="Cette alerte sonne toujours. C’est son absence qui doit être signalée.",
        ),
    ]
    return Group("smart-region-pipeline", rules)


class _Builder:
    """Makes alerts that differ only in what they say and look at."""

    def __init__(self, pace: Pace, links: Links) -> None:
        self._pace = pace
        self._links = links

    def alert(
        self,
        kind: Kind,
        expression: str,
        *,
        summary: str,
        description: str,
        board: str = ours.PIPELINE_BOARD,
        title: str = _TITLE,
        labels: dict[str, str] | None = None,
    ) -> Alert:
        own = {
            ours.SEVERITY: kind.severity.value,
            ours.SCOPE: kind.scope.value,
            ours.PROGRAMME: ours.MONITOR,
            ours.OWNER: ours.MONITOR_OWNER,
        }
        if kind.silences_figures:
            own[ours.SILENCES] = alerts.Scope.FIGURES.value
        return Alert(
            name=kind.name,
            expression=expression,
            patience=self._pace.patience(kind),
            keeps=self._pace.keeps(kind),
            labels=own | (labels or {}),
            annotations=alert_annotations(
                kind,
                self._links,
                title=title,
                summary=summary,
                description=description,
                board=self._links.board(board),
            ),
        )


def _workers(build: _Builder) -> Iterator[Alert]:
    # A first dead letter makes a series that no `increase` sees begin: it is looked for apart.
    count, refused = value_of(VALUE, Unit.COUNT), names.DEAD_LETTERS.name
    begun = (
        f"last_over_time({refused}[{_REFUSALS}])"
        f" unless last_over_time({refused}[6h] offset {_REFUSALS})"
    )
    yield build.alert(
        alerts.DEAD_LETTERS,
        f"sum by (reason) (increase({refused}[{_REFUSALS}])) > 0\n"
        f"or\nsum by (reason) ({begun}) > 0",
        summary="Enregistrements refusés : {{ $labels.reason }}",
        description=f"{count} enregistrement(s) refusé(s) en 15 minutes pour la"
        " raison {{ $labels.reason }}. Ils sont gardés, avec leur cause, et ne comptent dans aucun"
        " chiffre.",
        board=ours.PRODUCERS_BOARD,
    )
    yield build.alert(
        alerts.CONSUMER_LAG,
        f"{ours.TOPIC_LAG} > {_LAG_RECORDS}",
        summary="Retard de lecture sur {{ $labels.topic }}",
        description=f"{count} enregistrements de {{{{ $labels.topic }}}} attendent"
        " d’être lus. Les chiffres sont en retard ; les alertes de jalons sont suspendues.",
    )
    # Where no worker ever said how many partitions there are, at least one is expected.
    expected = f"last_over_time({ours.PARTITIONS_EXPECTED}[1d])"
    yield build.alert(
        alerts.PARTITIONS_MISSING,
        f"({expected} or vector(1))\n-\n({ours.PARTITIONS_SHOWN} or vector(0))\n> 0",
        summary="{{ $value }} partition(s) sans worker",
        description="{{ $value }} partition(s) ne sont montrées par aucun worker : les totaux ne"
        " sont plus publiés, car ils seraient partiels. Les alertes de jalons sont suspendues.",
    )
    up = f'up{{job="{ours.WORKER_JOB}"}}'
    yield build.alert(
        alerts.WORKER_NOT_READY,
        f"{names.WORKER_READY.name} == 0\nor\n{up} == 0\nor\nabsent({up})",
        summary="Worker {{ $labels.instance }} indisponible",
        description="Le worker {{ $labels.instance }} ne répond pas, ou n’a pas fini de"
        " reconstruire son état. Tant que les autres montrent toutes les partitions, les chiffres"
        " restent justes.",
    )
    up = f'up{{job="{ours.GATEWAY_JOB}"}}'
    yield build.alert(
        alerts.GATEWAY_NOT_READY,
        f"{names.GATEWAY_READY.name} == 0\nor\n{up} == 0",
        summary="Porte des producteurs {{ $labels.instance }} indisponible",
        description="La porte {{ $labels.instance }} ne répond pas, ou le broker ne lui confirme"
        " plus rien. Les producteurs sont priés de renvoyer plus tard : rien n’est perdu chez ceux"
        " qui le font, mais les chiffres prennent du retard.",
    )
    ready, lag = names.ASSESSOR_READY.name, names.ASSESSOR_LAG.name
    yield build.alert(
        alerts.ASSESSOR_NOT_READY,
        f"(max({ready}) or vector(0)) == 0\nor\nmin({lag}) > {_LAG_RECORDS}",
        summary="Aucun jugement à jour des jalons",
        description="L’évaluateur ne répond pas, n’a pas fini de lire l’état, ou le lit avec"
        " beaucoup de retard. Les jalons gardent leur dernier état connu et leurs alertes sont"
        " suspendues.",
    )


def _figures(build: _Builder) -> Iterator[Alert]:
    yield build.alert(
        alerts.FIGURES_DIVERGE,
        f"sum(increase({names.REBUILD_MISMATCHES.name}[{_MISMATCHES}])) > 0",
        summary="L’autocontrôle des workers trouve des écarts",
        description=f"{value_of(VALUE, Unit.COUNT)} série(s) diffèrent quand les workers les"
        " recalculent à partir de leur état. Ne pas publier ces chiffres avant un audit.",
        labels={"check": "rebuild"},
    )
    # Both sides have stood still, so neither is merely on its way to the other's value.
    where = "programme, indicator, department"
    value, assessed = ours.TERRITORY_VALUE, ours.TERRITORY_ASSESSED
    yield build.alert(
        alerts.FIGURES_DIVERGE,
        with_territory(
            f"abs({value} - {assessed}) > {_DIFFERENCE}\n"
            f"and on ({where})\nchanges({value}[{_QUIET}]) == 0\n"
            f"and on ({where})\nchanges({assessed}[{_QUIET}]) == 0"
        ),
        summary="Deux calculs de {{ $labels.indicator }} diffèrent",
        description="La somme des workers et le calcul de l’évaluateur diffèrent de"
        f" {amount_of(VALUE)} pour {{{{ $labels.indicator }}}}, {TERRITORY}. Ne pas"
        " publier ce chiffre avant un audit.",
        labels={"check": "assessor"},
    )


def _producers(build: _Builder, catalogue: Catalogue) -> Iterator[Alert]:
    """Tell each programme's owner who no longer feeds it; of the others, only the operator."""
    for programme in catalogue.programmes:
        yield _silence(
            build,
            f"{_overdue()}\nand on (producer)\n{_feeding(programme.id)}",
            consequence="Les chiffres de ce programme vieillissent sans changer.",
            title=literal(programme.title),
            labels={ours.PROGRAMME: programme.id, ours.OWNER: programme.owner},
        )
    yield _silence(
        build,
        f"{_overdue()}\nunless on (producer)\n{_feeding()}",
        consequence="Aucun chiffre n’en dépend aujourd’hui.",
        title=_TITLE,
        labels={},
    )


def _silence(
    build: _Builder, expression: str, *, consequence: str, title: str, labels: dict[str, str]
) -> Alert:
    named = label_from(_believed(f'{names.PRODUCER_INFO.name}{{producer="%s"}}'), "title", of=_WHO)
    allowed = _believed(f'{names.PRODUCER_ALLOWED_SILENCE.name}{{producer="%s"}}')
    most = days_from(f"{allowed} / {_DAY_SECONDS}", of=_WHO, absent="moins")
    return build.alert(
        alerts.PRODUCER_SILENT,
        expression,
        summary=f"« {named} » n’envoie plus rien",
        description=f"Dernier événement de « {named} » il y a"
        f' {{{{ $value | printf "%.0f" }}}} jours, pour {most} admis par la fréquence que ce'
        f" système a déclarée. {consequence}",
        board=ours.PRODUCERS_BOARD,
        title=title,
        labels=labels,
    )


def _believed(series: str) -> str:
    """Give what a worker last said of a declaration: while all restart, nobody's silence ends."""
    return f"last_over_time({series}[{LAST_KNOWN}])"


def _feeding(programme: str | None = None) -> str:
    selector = "" if programme is None else f'{{programme="{programme}"}}'
    return _believed(f"{names.PRODUCER_PROGRAMME.name}{selector}")


def _overdue() -> str:
    """Give the days of silence of those whose silence is longer than what they promised allows."""
    silence = in_brackets(f"scalar({_believed(recorded.AS_OF.name)})\n- {ours.PRODUCER_LAST_EVENT}")
    allowed = f"max by (producer) ({_believed(names.PRODUCER_ALLOWED_SILENCE.name)})"
    return f"{silence} / {_DAY_SECONDS}\n> on (producer)\n{allowed} / {_DAY_SECONDS}"
