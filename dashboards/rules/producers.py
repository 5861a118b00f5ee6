"""The alerts about those who feed the monitor: silent for longer than promised, refused too often.

They go to the owners of the programmes whose figures depend on a producer, and to the operator.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from catalogue import metrics
from catalogue.formatting import NO_BREAK
from catalogue.model import Catalogue, Programme
from dashboards import conventions
from dashboards.promql import DAY_SECONDS, indented, last_known, latest, on, over, total
from dashboards.rules import alerts
from dashboards.rules.building import AlertBuilder
from dashboards.rules.model import Alert
from dashboards.rules.wording import days_from, days_of, label_from

_WHO: Final = "producer"
"""The label that distinguishes one alert from another."""

_WINDOW: Final = "6h"
"""Over this time refusals are compared with what was sent."""
_TOO_MANY: Final = 0.05
_FEW: Final = 10
"""Fewer refusals than this are a slip, which DeadLetters reports to the operator."""


def producer_alerts(build: AlertBuilder, catalogue: Catalogue) -> Iterator[Alert]:
    """Yield the alerts of each programme, and those of producers that no figure depends on."""
    for programme in catalogue.programmes:
        fed = f"and {on(_WHO)}\n{_feeding(programme=programme.id)}"
        stale = "Les chiffres de ce programme vieillissent sans changer."
        yield _silence(build, fed, consequence=stale, programme=programme)
        missing = "Ils manquent aux chiffres de ce programme."
        yield _fault(build, fed, consequence=missing, programme=programme)
    nobody = f"unless {on(_WHO)}\n{_feeding()}"
    harmless = "Aucun chiffre n’en dépend aujourd’hui."
    yield _silence(build, nobody, consequence=harmless)
    yield _fault(build, nobody, consequence=harmless)


def _silence(
    build: AlertBuilder, where: str, *, consequence: str, programme: Programme | None = None
) -> Alert:
    allowed = last_known(metrics.PRODUCER_ALLOWED_SILENCE, producer="%s")
    most = days_from(f"{allowed} / {DAY_SECONDS}", of=_WHO, absent="moins de jours")
    return build.alert(
        alerts.PRODUCER_SILENT,
        f"{_overdue()}\n{where}",
        summary=f"« {_named()} » n’envoie plus rien",
        description=f"Dernier évènement de « {_named()} » il y a"
        f" {days_of('$value')}, pour {most} admis par la fréquence que ce"
        f" système a déclarée. {consequence}",
        board=conventions.PRODUCERS_BOARD,
        programme=programme,
    )


def _fault(
    build: AlertBuilder, where: str, *, consequence: str, programme: Programme | None = None
) -> Alert:
    return build.alert(
        alerts.PRODUCER_FAULTY,
        f"{_refused()}\n{where}",
        summary=f"« {_named()} » envoie des messages que l’on refuse",
        description=f'{{{{ $value | printf "%.0f" }}}}{NO_BREAK}% de ce que « {_named()} » a envoyé'
        f" en 6 heures a été refusé. {consequence} Le relevé à envoyer à ce producteur dit quoi"
        " corriger : `smart-region producers report --producer {{ $labels.producer }}`.",
        board=conventions.PRODUCERS_BOARD,
        programme=programme,
    )


def _named() -> str:
    """Return the producer's title; its id where it has none."""
    return label_from(last_known(metrics.PRODUCER_INFO, producer="%s"), "title", of=_WHO)


def _feeding(**labels: str) -> str:
    """Return who feeds a programme; their last samples, so that no restart ends an alert."""
    return last_known(metrics.PRODUCER_PROGRAMME, **labels)


def _overdue() -> str:
    """Return the days of silence of those whose silence is longer than what they declared."""
    silence = f"scalar({last_known(conventions.AS_OF)})\n- {conventions.PRODUCER_LAST_EVENT}"
    allowed = latest(last_known(metrics.PRODUCER_ALLOWED_SILENCE), _WHO)
    return f"({indented(silence)}) / {DAY_SECONDS}\n> {on(_WHO)}\n{allowed} / {DAY_SECONDS}"


def _refused() -> str:
    """Return the percentage of refusals of those of whom too much is refused."""
    refused, sent = (
        total(over("increase", metrics.PRODUCER_EVENTS, _WINDOW, outcome=outcomes), _WHO)
        for outcomes in ("=~refused", "=~accepted|superseded|refused")
    )
    return f"100 * {refused} / {sent} > {100 * _TOO_MANY:g}\nand\n{refused} >= {_FEW}"
