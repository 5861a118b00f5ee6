"""The demo's run: from the first day to the last, then the audit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress

from broker.offsets import uncommitted
from broker.options import quiet_client
from broker.reading import read_topics
from catalogue.model import Catalogue
from operations.audit.comparison import compare_exposed
from operations.audit.recount import audit_records
from operations.audit.report import audited_figures
from operations.programs.alerting import RuleFiles
from operations.programs.interruption import Interrupted
from operations.programs.own_program import own_program
from simulation.demo.figures import assessment_differences
from simulation.demo.opening import Opener, PageOpening
from simulation.demo.outcome import AuditCount, DemoOutcome, summary
from simulation.demo.screen import Screen
from simulation.demo.system import DemoPlan, DemoSystem, set_up
from simulation.demo.watch import Watch
from streams.histories import exact_persons
from streams.queries.opening import read_histories
from streams.settings import Settings


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
    ProgramEndedError, an error of the demo's, of the broker's, of the settings' or of the audit's,
    or Interrupted.
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
