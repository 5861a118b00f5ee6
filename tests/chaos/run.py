"""A run: minute after minute, a new system now and then; and the account of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Final

from tests.chaos.faults import FaultKind
from tests.chaos.faults import plan as plan_faults
from tests.chaos.minute import GATEWAY_SHARE, MinuteResult, Minutes
from tests.chaos.system import System
from tests.chaos.traffic import KafkaTraffic, prepared_messages

FRESH_EVERY: Final = 4
"""An audit reads everything that was ever sent to a system: with one for all minutes, the last
minutes would take many times as long as the first."""

COUNTS: Final[Mapping[str, str]] = {
    "sent": "events and records sent",
    "acknowledged": "acknowledged by Kafka to the producer",
    "receipts": "receipts of the gateway",
    "repeated": "sent again after an error or no answer",
    "accepted": "accepted, by the audit",
    "refused": "refused",
    "duplicates": "duplicates",
    "figures": "figures compared with a recount",
    "assessed": "figures of the assessor compared",
    "places": "acknowledged positions read back",
    "restarts": "processes restarted by their supervisor",
}


@dataclass(frozen=True, slots=True)
class Chaos:
    seed: int
    report: Callable[[str], object]
    """Receives each line about the progress."""
    rate: int = 2_000
    """Events a second, asked for."""
    workers: int = 4
    seconds: float = 60.0
    """Of each minute, until all is healed."""
    linger_ms: int = 20
    """How long the producer lets a record wait for others, to send them together."""
    fresh_every: int = FRESH_EVERY
    """After so many minutes, and after one that failed, a new system begins with empty topics."""

    def run(self, minutes: int) -> Sequence[MinuteResult]:
        """Run so many minutes."""
        results: list[MinuteResult] = []
        while len(results) < minutes:
            last = min(minutes, len(results) + self.fresh_every)
            folder = Path(mkdtemp(prefix="chaos-"))
            is_kept = True
            try:
                for result in self._on_one_system(len(results) + 1, last, folder):
                    results.append(result)
                    for line in minute_lines(result, self.seed):
                        self.report(line)
                is_kept = bool(results[-1].problems)
            finally:
                if is_kept:
                    self.report(f"kept for the search: {folder}")
                else:
                    rmtree(folder)
        return results

    def _on_one_system(self, first: int, last: int, folder: Path) -> Iterator[MinuteResult]:
        """Yield the results of minutes, until one has failed."""
        messages = prepared_messages(self.seed)
        events = [one.message.value for one in messages if one.is_event]
        self.report(f"starting a system; its logs are in {folder}")
        with System.started(folder, workers=self.workers) as system:
            traffic = KafkaTraffic(
                system.cluster.bootstrap,
                messages,
                rate=round(self.rate * (1 - GATEWAY_SHARE)),
                seed=self.seed,
                linger_ms=self.linger_ms,
            )
            minutes = Minutes(system, traffic, events, rate=self.rate)
            for number in range(first, last + 1):
                faults = plan_faults(self.seed, number, workers=self.workers, seconds=self.seconds)
                result = minutes.run(number, faults, seconds=self.seconds)
                yield result
                if result.problems:
                    break

    def account(self, results: Sequence[MinuteResult]) -> Iterator[str]:
        """Yield the account of the minutes, a line for each number."""
        totals = {name: sum(one.counts.get(name, 0) for one in results) for name in COUNTS}
        done = faults_done(results)
        seconds = sum(one.traffic_seconds for one in results)
        rate = (totals["acknowledged"] + totals["receipts"]) / seconds if seconds else 0.0
        yield (
            f"Chaos: seed {self.seed}, {len(results)} minutes of {self.seconds:.0f} s,"
            f" {self.workers} workers, 3 brokers"
        )
        yield from (f"{totals[name]:>12}  {what}" for name, what in COUNTS.items())
        yield f"{rate:>12.0f}  acknowledged a second, {self.rate} asked for"
        yield f"{sum(done.values()):>12}  faults:"
        yield from (f"{count:>16}  {kind}" for kind, count in done.items())
        yield f"{sum(bool(one.problems) for one in results):>12}  minutes with a difference"


def faults_done(results: Sequence[MinuteResult]) -> Mapping[FaultKind, int]:
    """Return how often each kind of fault was done."""
    done = sum((one.done for one in results), Counter[FaultKind]())
    return {kind: done[kind] for kind in FaultKind}


def minute_lines(result: MinuteResult, seed: int) -> Iterator[str]:
    """Yield the lines about a minute: with what it takes to repeat it, where it failed."""
    counts = Counter(result.counts)
    yield (
        f"minute {result.minute}: {counts['acknowledged'] + counts['receipts']} acknowledged,"
        f" {sum(result.done.values())} faults, {counts['figures']} figures compared;"
        f" {result.traffic_seconds:.0f} s of traffic, {result.settle_seconds:.0f} s to settle,"
        f" {result.audit_seconds:.0f} s of audit"
    )
    if result.problems:
        yield f"minute {result.minute} FAILED, seed {seed}, faults:"
        yield from (f"  {fault}" for fault in result.faults)
        yield from (f"  {problem}" for problem in result.problems)
