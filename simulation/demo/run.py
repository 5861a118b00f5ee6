"""The demo's run: from the first day to the last, then the audit."""

from __future__ import annotations

import time
import webbrowser
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from math import inf
from pathlib import PurePath
from typing import Final, TypeAlias

from pydantic import BaseModel, ConfigDict

from audit.comparison import compare_exposed
from audit.exposed import Exposed, WorkerUnreadableError, read_exposed
from audit.recount import audit_records
from audit.report import audited_figures
from boundary.interruption import Interrupted
from broker.offsets import uncommitted
from broker.options import quiet_client
from broker.reading import read_topics
from catalogue.figure import Figure
from catalogue.formatting import count_text
from catalogue.model import Catalogue
from operations.programs.program import own_program
from simulation.demo.figures import (
    assessed_on,
    assessment_differences,
    complete_on,
    judged_on,
    shown_figures,
    unconfirmed_seconds,
)
from simulation.demo.screen import Screen, ScreenFrame
from simulation.demo.system import DemoPlan, DemoSystem
from streams.histories import exact_persons
from streams.queries.opening import read_histories
from streams.settings import Settings

TICK_SECONDS: Final = 0.05
REFRESH_SECONDS: Final = 1.0
REFRESH_SHARE: Final = 0.2
"""The largest share of the time that is spent on refreshing instead of on the replay."""
SCRAPE_SECONDS: Final = 5.0


Opener: TypeAlias = Callable[[str], bool]
"""Opens an address in a browser; False if there is none."""

NO_BROWSER: Final = "Aucun navigateur à ouvrir ici : l’adresse de la page est ci-dessus"

#: Browsers that would take the terminal, which shows the demo.
_IN_A_TERMINAL: Final = frozenset(("www-browser", "links", "elinks", "lynx", "w3m"))


def open_in_browser(address: str) -> bool:
    """Open an address in the reader's browser; False if there is none outside the terminal."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    if PurePath(getattr(browser, "name", "")).name in _IN_A_TERMINAL:
        return False
    return browser.open(address)


@dataclass
class Watch:
    """Shows the demo each second, or as often as the machine can, and checks its programs."""

    system: DemoSystem
    catalogue: Catalogue
    screen: Screen
    opener: Opener | None = None
    """Opens the page once, when it has figures."""
    worker: Exposed | None = None
    """What the worker exposed at the last refresh; None while it starts."""
    day: date | None = None
    """The day of which it then exposed every figure."""
    figures: tuple[Figure, ...] = ()
    """What the assessor exposed then; empty before it has judged."""
    assessed_on: date | None = None
    """The day that the assessor had then judged without lag."""
    confirmed_at: float = -inf
    """When the workers had last confirmed what it judges; in `time.monotonic`."""
    _next_refresh: float = field(default_factory=time.monotonic)

    def until(self, condition: Callable[[], bool]) -> None:
        """Return once the condition holds. Raises as `DemoSystem.check` does."""
        while not condition():
            self.system.check()
            if time.monotonic() >= self._next_refresh:
                self.refresh()
            time.sleep(TICK_SECONDS)

    def until_confirmed(self) -> None:
        """Return once the assessor has what the workers have now: it asks them every second."""
        for _ in range(2):  # The first answer may have been on its way before.
            asked_at = time.monotonic()
            self.until(partial(self._is_confirmed_since, asked_at))

    def _is_confirmed_since(self, asked_at: float) -> bool:
        return self.confirmed_at > asked_at

    def refresh(self) -> None:
        """Read and show the worker's figures now."""
        began = time.monotonic()
        system = self.system
        self.worker, assessor = _read(system.worker), _read(system.assessor)
        self.day = None if self.worker is None else complete_on(self.worker)
        judged, self.assessed_on, self.figures = None, None, ()
        if assessor is not None:
            judged, self.assessed_on = judged_on(assessor), assessed_on(assessor)
            self.confirmed_at = began - unconfirmed_seconds(assessor)
            self.figures = shown_figures(self.catalogue, assessor)
        day = judged or system.clock.today()
        self.screen.show(ScreenFrame(day, system.replay.sent, self.figures, system.worker))
        if self.opener is not None and system.page.is_ready:
            if not self.opener(f"http://{system.page_address}/"):
                self.screen.note(NO_BROWSER)
            self.opener = None
        took = time.monotonic() - began
        self._next_refresh = began + max(REFRESH_SECONDS, took / REFRESH_SHARE)


def _read(address: str) -> Exposed | None:
    """Return what is exposed there; None while nothing is."""
    try:
        return read_exposed(f"http://{address}", wait_seconds=SCRAPE_SECONDS)
    except WorkerUnreadableError:
        return None


class AuditCount(BaseModel):
    """How many figures were compared with the audit's, and how many differences it found."""

    model_config = ConfigDict(frozen=True)

    compared: int
    different: int


class DemoOutcome(BaseModel):
    """The outcome of a demo: `produced` = `accepted` + `refused` + `duplicates`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: date
    produced: int
    accepted: int
    refused: int
    duplicates: int
    figures: tuple[Figure, ...]
    """As the assessor judges them."""
    audit: AuditCount


def summary(outcome: DemoOutcome) -> tuple[str, str]:
    """Return the counts, and the audit's result, in a line of French each."""
    counts = {
        "évènements": outcome.produced,
        "acceptés": outcome.accepted,
        "refusés": outcome.refused,
        "en double": outcome.duplicates,
    }
    audit = {"chiffres recomptés": outcome.audit.compared, "différents": outcome.audit.different}
    return _line(counts), _line(audit)


def _line(counts: Mapping[str, int]) -> str:
    return " · ".join(f"{name} : {count_text(count)}" for name, count in counts.items())


def run_demo(
    plan: DemoPlan,
    settings: Settings,
    catalogue: Catalogue,
    screen: Screen,
    *,
    on_difference: Callable[[str], None],
    opener: Opener | None = None,
) -> DemoOutcome:
    """Replay the plan's days through the whole monitor, and audit the result.

    Prometheus follows the catalogue's rules if it is installed. `on_difference` receives each
    difference that the audit finds. `opener` opens the page once it shows figures. A plan that
    stays returns when it is interrupted. Whatever was started is ended by then, and also when this
    raises: a SmartRegionError, or Interrupted.
    """
    quiet_client()
    with ExitStack() as stack:
        system = DemoSystem(plan, settings, catalogue, screen, stack)
        watch = Watch(system, catalogue, screen, opener)

        screen.step("Rejeu des évènements")
        watch.until(system.replay.send_due)
        report = system.publisher.flush()
        report.check()
        ends = system.publisher.ends
        watch.until(lambda: not uncommitted(system.admin, system.settings.app_id, ends))
        watch.until(lambda: system.clock.today() == plan.last)
        watch.until_confirmed()
        watch.until(lambda: watch.day == watch.assessed_on == plan.last)

        screen.step("Audit : tout est recompté depuis les topics")
        outcome = _audited(system, catalogue, watch, report.delivered, on_difference)
        for line in summary(outcome):
            screen.note(line)
        screen.step("Terminé" + (" · Ctrl-C pour finir" if plan.stays else ""))
        if plan.stays:
            month = f"--month {plan.last:%Y-%m} --bootstrap {system.settings.broker}"
            screen.note(f"Note d’un mois : {own_program()} note {month} --out note.html")
            with suppress(Interrupted):
                watch.until(lambda: False)
    return outcome


def _audited(
    system: DemoSystem,
    catalogue: Catalogue,
    watch: Watch,
    delivered: int,
    on_difference: Callable[[str], None],
) -> DemoOutcome:
    settings, as_of = system.settings, system.clock.today()
    audit = audit_records(
        read_topics(settings.broker, security=settings.security()),
        catalogue,
        as_of,
        partitions=settings.partitions,
        rules=settings.record_rules(),
    )
    persons = exact_persons(read_histories(settings, catalogue), catalogue, as_of)
    comparison = compare_exposed(audit, [watch.worker] if watch.worker else [], persons)
    differences = list(comparison.differences)
    audited = [
        one
        for one in audited_figures(audit)
        if catalogue.indicator(one.indicator).publication is None
    ]
    differences += assessment_differences(watch.figures, audited)
    produced = audit.account.produced
    if produced != delivered:
        differences.append(f"records: {delivered} acknowledged, {produced} found on the topics")
    for difference in differences:
        on_difference(difference)
    compared = comparison.compared + len(audited)
    return DemoOutcome(
        as_of=as_of,
        produced=produced,
        accepted=audit.account.accepted,
        refused=audit.account.refused,
        duplicates=audit.account.duplicates,
        figures=watch.figures,
        audit=AuditCount(compared=compared, different=len(differences)),
    )
