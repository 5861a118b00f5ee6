"""One, two and four workers on one broker of 16 partitions: what more of them bring and cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from time import monotonic
from typing import NamedTuple

from audit.comparison import compare_exposed
from audit.exposed import Exposed, read_worker
from audit.recount import audit_records
from broker.reading import read_topics
from catalogue.loader import load_catalogue
from streams.histories import ExactPersons, exact_persons
from streams.queries.opening import read_histories
from streams.settings import Settings
from tests.bench.engines import TRIAL_SECONDS
from tests.bench.harness import Bench, BenchError, page_of, rounded, table
from tests.bench.probes import await_shared, counted, entities_of, processor_seconds
from tests.bench.stage import Stage
from tests.bench.workloads import DISTINCT, EVENTS
from tests.support.processes import peak_memory_mb
from tests.support.rebalances import watched
from tests.support.waiting import wait_until
from tests.support.workers import Worker

PARTITIONS = 16
COUNTS = (1, 2, 4)
LAST_DAY = date(2020, 12, 31)
#: The clock of the workers that are held until all events are there may not run out meanwhile.
HELD_SESSION_SECONDS = 60
SESSION_SECONDS = 15
CHANGE_SECONDS = 120.0

StartWorker = Callable[[str], Worker]


class _Shown(NamedTuple):
    """What the workers showed at the end of a step, and the persons in their histories."""

    what: str
    workers: list[Exposed]
    persons: ExactPersons

    @classmethod
    def by(cls, what: str, workers: Sequence[Worker]) -> _Shown:
        urls = [worker.url for worker in workers]
        catalogue = load_catalogue()
        histories = read_histories(
            Settings(partitions=PARTITIONS, workers=",".join(urls)), catalogue
        )
        return cls(what, [*map(read_worker, urls)], exact_persons(histories, catalogue, LAST_DAY))


def measure_scale(bench: Bench) -> str:
    """Grow and shrink a group; then have one, two and four workers process the same events.

    Raises BenchError, also where a figure differs from the audit's.
    """
    stage, shown = Stage(bench.broker, partitions=PARTITIONS), list[_Shown]()
    stage.preload(DISTINCT)
    event_bytes = stage.log_bytes() / EVENTS
    with _workers_of(bench, stage, SESSION_SECONDS) as start_worker:
        changes, processed_seconds = _grow(bench, start_worker, shown)
    shares = []
    for count in COUNTS:
        stage.empty()
        with _workers_of(bench, stage, HELD_SESSION_SECONDS) as start_worker:
            workers = [start_worker(f"{count}-{number}") for number in range(count)]
            rate, *cells = _share(bench, stage, workers)
            shown.append(_Shown.by(f"{count} workers", workers))
        bench.report(f"{count} workers: {rate:.0f} events/s")
        shares.append((rate, [str(count), rounded(rate)], cells))
    compared = _audit(bench, shown)
    alone = shares[0][0]
    processors = "processor s per million events"
    shared = ["workers", "events/s", "ratio", f"workers' {processors}", f"broker's {processors}"]
    changed = ["change", "some figure not shown, s", "one that stayed not shown, s"]
    new = f"one worker, from its start until {rounded(EVENTS)} new entities are counted"
    return page_of(
        bench.conditions("faust-streaming", "aiokafka", "pydantic"),
        table(
            [*shared, "peak memory of a worker, MB"],
            [
                [*head, f"{rate / alone:.2f}", *(f"{cell:.0f}" for cell in cells)]
                for rate, head, cells in shares
            ],
        ),
        table([*changed, "restored, states/s", "stable after, s"], changes),
        table(
            ["what", "measured"],
            [
                [new, f"{processed_seconds:.1f} s"],
                ["an event on the topic", f"{event_bytes:.0f} bytes"],
                [
                    "figures compared with the audit's after each step",
                    f"{compared}, none differs",
                ],
            ],
        ),
    )


@contextmanager
def _workers_of(bench: Bench, stage: Stage, session: int) -> Iterator[StartWorker]:
    """Yield what starts workers of a new application; all end with the context."""
    with stage.application(DISTINCT) as application, ExitStack() as workers:

        def start_worker(name: str) -> Worker:
            return workers.enter_context(
                bench.started(
                    f"{application.app_id}-{name}",
                    app_id=application.app_id,
                    partitions=str(PARTITIONS),
                    session_timeout=str(session),
                    request_timeout=str(session + 5),
                    heartbeat_interval="1",
                )
            )

        yield start_worker


def _share(bench: Bench, stage: Stage, workers: Sequence[Worker]) -> tuple[float, ...]:
    """Hold the workers until all events are on the topic, then let them go.

    Returns events per second, the processor seconds of workers and broker for a million events,
    and the peak memory of a worker in MB.
    """
    await_shared(workers, PARTITIONS, seconds=CHANGE_SECONDS)
    for worker in workers:
        worker.sleep()
    stage.send(DISTINCT.events())
    processes = [worker.process.pid for worker in workers]

    def used() -> list[float]:
        return [*map(processor_seconds, (bench.broker.process.pid, *processes))]

    before, began = used(), monotonic()
    for worker in workers:
        worker.wake()
    if not wait_until(lambda: counted(workers) >= EVENTS, seconds=TRIAL_SECONDS, every=0.1):
        logs = [worker.log for worker in workers]
        raise BenchError(f"{counted(workers)} of {EVENTS} events were counted", *logs)
    rate = EVENTS / (monotonic() - began)
    of_broker, *of_workers = (
        1e6 * (after - since) / EVENTS for after, since in zip(used(), before, strict=True)
    )
    return rate, sum(of_workers), of_broker, max(map(peak_memory_mb, processes))


def _grow(
    bench: Bench, start_worker: StartWorker, shown: list[_Shown]
) -> tuple[list[list[str]], float]:
    """Let one worker process the events, then change the number of workers and watch.

    Returns a row for each change, and the seconds that the one worker took.
    """
    began = monotonic()
    workers = [start_worker("first")]
    await_shared(workers, PARTITIONS, seconds=TRIAL_SECONDS)
    if not wait_until(lambda: counted(workers) >= EVENTS, seconds=TRIAL_SECONDS):
        raise BenchError("one worker did not process all events", workers[0].log)
    processed_seconds = monotonic() - began
    entities = entities_of(workers)
    bench.report(f"one worker has processed all events in {processed_seconds:.1f} s")
    rows = []

    def change(what: str, do: Callable[[], object]) -> None:
        with watched(lambda: workers) as watch:
            # A worker ends with the thread that started it: that is this one.
            do()
            await_shared(workers, PARTITIONS, seconds=CHANGE_SECONDS)
            ended = monotonic()
        found = watch.change(what, ended, PARTITIONS)
        states = entities * sum(count for count, _ in found.restores) / PARTITIONS
        slowest = max((seconds for _, seconds in found.restores), default=0.0)
        rows.append(
            [
                what,
                f"{found.hidden_seconds:.1f}",
                f"{found.kept_hidden_seconds:.1f}",
                rounded(states / slowest) if slowest else "",
                f"{found.settled_seconds:.1f}",
            ]
        )
        shown.append(_Shown.by(what, workers))
        bench.report(f"{what}: {', '.join(rows[-1][1:])}")

    change("1 → 2", lambda: workers.append(start_worker("second")))
    change("2 → 4", lambda: workers.extend(map(start_worker, ("third", "fourth"))))
    change("4 → 3, one stopped", lambda: workers.pop().stop())
    change("3 → 2, one killed", lambda: workers.pop().kill())
    return rows, processed_seconds


def _audit(bench: Bench, shown: Sequence[_Shown]) -> int:
    """Compare what was shown after each step: all had taken the same events. Return how much."""
    audit = audit_records(
        read_topics(bench.broker.bootstrap), load_catalogue(), LAST_DAY, partitions=PARTITIONS
    )
    compared = 0
    for what, workers, persons in shown:
        comparison = compare_exposed(audit, workers, persons)
        if comparison.differences or not comparison.compared:
            raise BenchError(f"{what}: {comparison.differences[:5]}")
        compared += comparison.compared
    return compared
