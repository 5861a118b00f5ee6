"""One minute of a run: traffic and faults, then healing, settling and the verdict."""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.chaos.faults import Fault, FaultKind
from tests.chaos.inflicting import Steps, inflict
from tests.chaos.system import System
from tests.chaos.traffic import KafkaTraffic
from tests.chaos.verdict import Verdict, judge
from tests.support.gateway_senders import Batch, batches, sending
from tests.support.traffic import wait_done

TICK_SECONDS: Final = 0.05
SETTLE_SECONDS: Final = 240.0
GATEWAY_SHARE: Final = 0.05
"""The part of the events that is sent through the gateway."""


@dataclass(frozen=True, slots=True)
class MinuteResult:
    """What came of a minute."""

    minute: int
    faults: tuple[Fault, ...]
    done: Counter[FaultKind] = field(default_factory=Counter)
    """Faults that were inflicted; one whose target is down already is not."""
    traffic_seconds: float = 0.0
    settle_seconds: float = 0.0
    """From the healing until everything was processed."""
    audit_seconds: float = 0.0
    counts: Mapping[str, int] = field(default_factory=dict)
    """How often what `COUNTS` of the account names."""
    problems: tuple[str, ...] = ()


class Minutes:
    def __init__(
        self, system: System, traffic: KafkaTraffic, events: Sequence[bytes], *, rate: int
    ) -> None:
        """`events` are what is offered to the gateway, again and again under other ids."""
        self._system = system
        self._traffic = traffic
        self._offered: dict[str, bytes] = {}
        self._batches = self._paced(batches(events), rate)
        self._counted: dict[str, int] = {}

    def run(self, minute: int, faults: Sequence[Fault], *, seconds: float) -> MinuteResult:
        """Return the result of one minute; what does not heal or settle is a problem of it."""
        began = time.monotonic()
        done = Counter[FaultKind]()
        healed = settled = None
        try:
            with (
                self._traffic.flowing(),
                sending(
                    self._system.gateway,
                    self._system.credentials.token,
                    self._batches,
                    self._system.account,
                    senders=1,
                ),
            ):
                self._suffer(faults, seconds, done)
                self._system.heal()
            healed = time.monotonic()
            bootstrap = self._system.cluster.bootstrap
            assert wait_done(bootstrap, seconds=SETTLE_SECONDS), "not all records are committed"
            settled = time.monotonic()
            verdict = judge(self._system, self._traffic, self._offered)
        except Exception as error:  # noqa: BLE001 - whatever it is, the minute has failed
            text = re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")
            verdict = Verdict(problems=(text[:2000],))
        now = time.monotonic()
        return MinuteResult(
            minute=minute,
            faults=tuple(faults),
            done=done,
            traffic_seconds=(healed or now) - began,
            settle_seconds=(settled or now) - (healed or now),
            audit_seconds=now - (settled or now),
            counts={**self._since_before(verdict), **verdict.compared},
            problems=verdict.problems,
        )

    def _suffer(self, faults: Sequence[Fault], seconds: float, done: Counter[FaultKind]) -> None:
        began = time.monotonic()
        waiting, lasting = deque(faults), list[tuple[FaultKind, Steps]]()
        while (now := time.monotonic() - began) < seconds:
            while waiting and waiting[0].at <= now:
                fault = waiting.popleft()
                lasting.append((fault.kind, inflict(self._system, fault)))
            lasting = [each for each in lasting if not _is_over(*each, done)]
            time.sleep(TICK_SECONDS)
        # Whoever has not ended was begun, and is healed with all others.
        for kind, steps in lasting:
            steps.close()
            done[kind] += 1

    def _since_before(self, verdict: Verdict) -> Mapping[str, int]:
        traffic, account = self._traffic, self._system.account
        counted = {
            "sent": traffic.sent + len(self._offered),
            "acknowledged": len(traffic.acknowledged),
            "receipts": len(account.receipts),
            "repeated": traffic.repeated + account.hung_up + account.answers[503],
            "restarts": sum(map(len, self._system.restarts)),
            **verdict.audited,
        }
        before = self._counted
        self._counted = before | counted
        return {name: count - before.get(name, 0) for name, count in counted.items()}

    def _paced(self, waiting: Iterator[Batch], rate: int) -> Iterator[Batch]:
        """Yield batches at the gateway's rate, and remember what is offered."""
        due = 0.0
        for batch in waiting:
            time.sleep(max(0.0, due - time.monotonic()))
            # What could not be sent in time is not caught up on.
            due = max(due, time.monotonic()) + len(batch) / (GATEWAY_SHARE * rate)
            self._offered.update(batch)
            yield batch


def _is_over(kind: FaultKind, steps: Steps, done: Counter[FaultKind]) -> bool:
    try:
        next(steps)
    except StopIteration as end:
        done[kind] += bool(end.value)
        return True
    return False
