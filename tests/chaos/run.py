"""A run: minute after minute, a new system now and then, each result kept at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Final

from tests.chaos.faults import plan as plan_faults
from tests.chaos.journal import Journal
from tests.chaos.minute import GATEWAY_SHARE, Minutes
from tests.chaos.system import System
from tests.chaos.traffic import KafkaTraffic, prepared_messages

FRESH_EVERY: Final = 4
"""An audit reads everything that was ever sent to a system: with one for all minutes, the last
minutes would take many times as long as the first."""


@dataclass(frozen=True, slots=True)
class Chaos:
    journal: Path
    report: Callable[[str], None]
    """Receives each line about the progress."""
    fresh_every: int = FRESH_EVERY
    """After so many minutes, and after one that failed, a new system begins with empty topics."""

    def run(self, journal: Journal, minutes: int) -> Journal:
        """Run the minutes that are not done, and return the journal with all of them."""
        while journal.next_minute <= minutes:
            last = min(minutes, journal.next_minute + self.fresh_every - 1)
            folder = Path(mkdtemp(prefix="chaos-"))
            failed = len(journal.failed)
            is_kept = False
            try:
                journal = self._on_one_system(journal, last, folder)
                is_kept = len(journal.failed) > failed
            except Exception:
                is_kept = True
                raise
            finally:
                if is_kept:
                    self.report(f"kept for the search: {folder}")
                else:
                    rmtree(folder)
        return journal

    def _on_one_system(self, journal: Journal, last: int, folder: Path) -> Journal:
        plan = journal.plan
        messages = prepared_messages(plan.seed)
        events = [one.message.value for one in messages if one.is_event]
        self.report(f"starting a system; its logs are in {folder}")
        with System.started(folder, workers=plan.workers) as system:
            traffic = KafkaTraffic(
                system.cluster.bootstrap,
                messages,
                rate=round(plan.rate * (1 - GATEWAY_SHARE)),
                seed=plan.seed,
                linger_ms=plan.linger_ms,
            )
            minutes = Minutes(system, traffic, events, rate=plan.rate)
            while journal.next_minute <= last:
                number = journal.next_minute
                faults = plan_faults(plan.seed, number, workers=plan.workers, seconds=plan.seconds)
                result = minutes.run(number, faults, seconds=plan.seconds)
                journal = journal.with_minute(result)
                journal.save(self.journal)
                for line in minute_lines(journal):
                    self.report(line)
                if result.problems:
                    break
        return journal


def minute_lines(journal: Journal) -> Sequence[str]:
    """Return the lines about the last minute: with what it takes to repeat it, where it failed."""
    result = journal.minutes[-1]
    lines = [
        (
            f"minute {result.minute}: {result.acknowledged + result.receipts} acknowledged,"
            f" {sum(result.done.values())} faults, {result.figures} figures compared;"
            f" {result.traffic_seconds:.0f} s of traffic, {result.settle_seconds:.0f} s to settle,"
            f" {result.audit_seconds:.0f} s of audit"
        )
    ]
    if result.problems:
        lines += [f"minute {result.minute} FAILED, seed {journal.plan.seed}, faults:"]
        lines += [f"  {fault}" for fault in result.faults]
        lines += [f"  {problem}" for problem in result.problems]
    return lines
