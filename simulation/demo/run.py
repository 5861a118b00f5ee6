"""The demo's run: from the first day to the last, then the audit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from datetime import date
from typing import Final, Self

from pydantic import BaseModel, ConfigDict

from audit.comparison import compare_exposed
from audit.exposed import Exposed, WorkerUnreadableError, read_exposed
from audit.ledger import RecordCounts
from audit.recount import audit_records
from audit.report import audited_figures
from boundary.interruption import Interrupted
from broker.offsets import uncommitted
from broker.options import quiet_client
from broker.reading import read_topics
from catalogue.figure import Figure
from catalogue.formatting import count_text
from catalogue.model import Catalogue
from catalogue.progress import MilestoneStatus
from operations.programs.alerting import RuleFiles
from operations.programs.program import own_program
from simulation.demo.figures import (
    assessed_on,
    assessment_differences,
    complete_on,
    judged_on,
    shown_figures,
)
from simulation.demo.opening import Opener, PageOpening
from simulation.demo.screen import Screen, ScreenFrame
from simulation.demo.system import DemoPlan, DemoSystem, set_up
from streams.histories import exact_persons
from streams.queries.opening import read_histories
from streams.settings import Settings

TICK_SECONDS: Final = 0.05
REFRESH_SECONDS: Final = 1.0
REFRESH_SHARE: Final = 0.2
"""The largest share of the time that is spent on refreshing instead of on the replay."""
SCRAPE_SECONDS: Final = 5.0


class Watch:
    """Shows the demo each second, or as often as the machine can, and checks its programs."""

    def __init__(
        self,
        system: DemoSystem,
        catalogue: Catalogue,
        screen: Screen,
        opening: PageOpening | None = None,
    ) -> None:
        self.workers: list[Exposed] = []
        """What the worker exposed at the last refresh; empty while it starts."""
        self.day: date | None = None
        """The day of which it then exposed every figure."""
        self.figures: tuple[Figure, ...] = ()
        """What the assessor exposed then; empty before it has judged."""
        self.assessed_on: date | None = None
        """The day that the assessor had then judged without lag."""
        self._system = system
        self._catalogue = catalogue
        self._screen = screen
        self._opening = opening
        self._next_refresh = time.monotonic()

    def until(self, condition: Callable[[], bool]) -> None:
        """Return once the condition holds. Raises as `DemoSystem.check` does."""
        while not condition():
            self._system.check()
            if time.monotonic() >= self._next_refresh:
                self.refresh()
            time.sleep(TICK_SECONDS)

    def refresh(self) -> None:
        """Read and show the worker's figures now, and open the page where that was asked for."""
        began = time.monotonic()
        address = self._system.worker.address
        worker, assessor = _read(address), _read(self._system.assessor.address)
        self.workers = [] if worker is None else [worker]
        self.day = complete_on(self.workers)
        judged, self.assessed_on, self.figures = None, None, ()
        if assessor is not None:
            judged, self.assessed_on = judged_on(assessor), assessed_on(assessor)
            self.figures = shown_figures(self._catalogue, assessor)
        frame = ScreenFrame(
            day=judged or self._system.clock.today(),
            sent=self._system.replay.sent,
            figures=self.figures,
            address=address,
        )
        self._screen.show(frame)
        if self._opening is not None:
            self._opening.try_at(self._system.page.address)
        took = time.monotonic() - began
        self._next_refresh = began + max(REFRESH_SECONDS, took / REFRESH_SHARE)


def _read(address: str | None) -> Exposed | None:
    """Read what serves there; None while nothing does."""
    if address is None:
        return None
    try:
        return read_exposed(f"http://{address}", wait_seconds=SCRAPE_SECONDS)
    except WorkerUnreadableError:
        return None


class Frozen(BaseModel):
    """Base of the JSON document: nothing may be missing or added."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class ShownFigure(Frozen):
    """A figure as the assessor judges it; see `catalogue.figure.Figure`."""

    programme: str
    indicator: str
    department: str | None
    value: float | None
    target: float | None
    progress_rate: float | None
    status: MilestoneStatus | None


class AuditCount(Frozen):
    """How many figures were compared with the audit's, and how many differences it found."""

    compared: int
    different: int


class DemoOutcome(Frozen):
    """The outcome of a demo: `produced` = `accepted` + `refused` + `duplicates`."""

    as_of: date
    produced: int
    accepted: int
    refused: int
    duplicates: int
    figures: tuple[ShownFigure, ...]
    audit: AuditCount

    @classmethod
    def of(
        cls, as_of: date, account: RecordCounts, figures: Sequence[Figure], audit: AuditCount
    ) -> Self:
        """Return the outcome of the audit's account and the assessor's figures."""
        return cls(
            as_of=as_of,
            produced=account.produced,
            accepted=account.accepted,
            refused=account.refused,
            duplicates=account.duplicates,
            figures=tuple(map(ShownFigure.model_validate, figures)),
            audit=audit,
        )


def summary(outcome: DemoOutcome) -> tuple[str, str]:
    """Return the counts, and the audit's result, in a line of French each."""
    counts = (
        ("évènements", outcome.produced),
        ("acceptés", outcome.accepted),
        ("refusés", outcome.refused),
        ("en double", outcome.duplicates),
    )
    audited = (
        ("chiffres recomptés", outcome.audit.compared),
        ("différents", outcome.audit.different),
    )
    return _line(counts), _line(audited)


def _line(counts: Sequence[tuple[str, int]]) -> str:
    return " · ".join(f"{name} : {count_text(count)}" for name, count in counts)


def run_demo(
    plan: DemoPlan,
    settings: Settings,
    catalogue: Catalogue,
    screen: Screen,
    *,
    rules: RuleFiles,
    on_difference: Callable[[str], None],
    opener: Opener | None = None,
) -> DemoOutcome:
    """Replay the plan's days through the whole monitor, and audit the result.

    `rules` are followed where Prometheus is installed. `on_difference` receives each difference
    that the audit finds. `opener` opens the page once it shows figures. A plan that stays returns
    when it is interrupted. Whatever was started is ended by then, and also when this raises: a
    SmartRegionError, or Interrupted.
    """
    quiet_client()
    with ExitStack() as stack:
        system = set_up(plan, settings, rules, screen, stack)
        opening = None if opener is None else PageOpening(screen, opener)
        watch = Watch(system, catalogue, screen, opening)

        screen.step("Rejeu des évènements")
        watch.until(system.replay.send_due)
        report = system.publisher.flush()
        report.check()
        ends = system.publisher.ends
        watch.until(lambda: not uncommitted(system.admin, system.settings.app_id, ends))
        watch.until(lambda: system.clock.today() == plan.last)
        watch.refresh()
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
    comparison = compare_exposed(audit, watch.workers, persons)
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
    count = AuditCount(compared=compared, different=len(differences))
    return DemoOutcome.of(as_of, audit.account, watch.figures, count)
