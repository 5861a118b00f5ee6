"""What a run found, and the page that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from types import MappingProxyType

from tests.bench.engines import Trial
from tests.bench.gateway import BATCH, GATEWAY, SINGLE, LoadResult
from tests.bench.page import ASKED, Asked, PageResult
from tests.bench.scale import PARTITIONS, Scaled
from tests.bench.tables import measured_on, measured_under, rounded, table
from tests.bench.trials import Trials
from tests.bench.workloads import WORKLOADS
from tests.support.rebalances import Change

#: Writes what an engine, by its name, and its trials show.
Cell = Callable[[str, Sequence[Trial]], str]


@dataclass(frozen=True, slots=True)
class Operation:
    """What a worker costs its operator. Seconds, unless said; keys are numbers of entities."""

    ready_seconds: Mapping[int, float]
    scrape_ms: Mapping[int, float]
    freshness_seconds: Sequence[float]
    alert_latencies: Sequence[float]
    """From an event to the webhook of its alert; none where Prometheus is not installed."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that one run found; the first engine is the one that the others are compared with."""

    trials: Trials
    operation: Operation
    event_bytes: Mapping[str, int]


def text(findings: Findings) -> str:
    return "\n".join(
        [
            _conditions(findings),
            "",
            *(
                line
                for workload in WORKLOADS
                for line in (*throughput(findings.trials, workload.name), "")
            ),
            *_operation(findings.operation),
            "",
        ]
    )


def gateway_text(found: Mapping[str, Mapping[str, LoadResult]]) -> str:
    lines = [measured_on("starlette", "uvicorn", "h11", "uvloop", "aiokafka", "pydantic"), ""]
    for load in found[GATEWAY]:
        lines += [
            *_gateway_table(load, {server: by_load[load] for server, by_load in found.items()})
        ]
        lines += [""]
    single, batch = (found[GATEWAY][load.name].events_per_second for load in (SINGLE, BATCH))
    lines += [
        f"In batches of 100 the gateway takes **{batch / single:.1f}** times as many events.",
        "",
    ]
    return "\n".join(lines)


def page_text(found: Sequence[PageResult]) -> str:
    """Return what was found of the delegate's page as Markdown; few entities first, then many."""
    few, many = found
    counts = [f"{rounded(one.entities)} entities" for one in found]
    header = ["median, ms", *counts, "ratio", "95th percentile", "limit", "processor ms"]
    rows = [row for asked in ASKED for row in _page_rows(asked, few, many)]
    costs = [
        ["events in its ledger", *(rounded(one.events) for one in found)],
        ["start to ready, s", *(f"{one.ready_seconds:.1f}" for one in found)],
        ["start until all events are read, s", *(f"{one.read_seconds:.1f}" for one in found)],
        [
            "a past day as known then, for its first reader, s",
            *(f"{median(one.past_seconds):.1f}" for one in found),
        ],
        ["peak memory, MB", *(f"{one.peak_mb:.0f}" for one in found)],
        ["the same after past days, MB", *(f"{one.past_peak_mb:.0f}" for one in found)],
    ]
    return "\n".join(
        [
            measured_under(many.load, "starlette", "uvicorn", "duckdb", "jinja2"),
            "",
            *table(header, rows),
            "",
            *table(["what", *counts], costs),
            "",
        ]
    )


def scale_text(found: Scaled) -> str:
    alone = found.shares[0].rate
    rows = [
        [
            str(share.workers),
            rounded(share.rate),
            f"{share.rate / alone:.2f}",
            f"{1e6 * share.worker_processors / share.events:.0f}",
            f"{1e6 * share.broker_processors / share.events:.0f}",
            f"{max(share.memory_mb):.0f}",
        ]
        for share in found.shares
    ]
    changes = [
        [
            change.what,
            f"{change.hidden_seconds:.1f}",
            f"{change.kept_hidden_seconds:.1f}",
            _restored(change, found.entities),
            f"{change.settled_seconds:.1f}",
        ]
        for change in found.changes
    ]
    sizes = [
        [
            f"one worker, from its start until {rounded(found.entities)} new entities are counted",
            f"{found.processed_seconds:.1f} s",
        ],
        ["an event on the topic", f"{found.event_bytes:.0f} bytes"],
        ["figures compared with the audit's after each step", f"{found.figures}, none differs"],
    ]
    return "\n".join(
        [
            measured_under(found.load, "faust-streaming", "aiokafka", "pydantic"),
            "",
            *table(
                [
                    "workers",
                    "events/s",
                    "ratio",
                    "workers' processor s per million events",
                    "broker's processor s per million events",
                    "peak memory of a worker, MB",
                ],
                rows,
            ),
            "",
            *table(
                [
                    "change",
                    "some figure not shown, s",
                    "one that stayed not shown, s",
                    "restored, states/s",
                    "stable after, s",
                ],
                changes,
            ),
            "",
            *table(["what", "measured"], sizes),
            "",
        ]
    )


def _restored(change: Change, entities: int) -> str:
    """Return how many states a second the workers restored that got partitions, all together."""
    states = entities * sum(count for count, _ in change.restores) / PARTITIONS
    slowest = max((seconds for _, seconds in change.restores), default=0.0)
    return rounded(states / slowest) if slowest else ""


def _page_rows(asked: Asked, few: PageResult, many: PageResult) -> Iterator[list[str]]:
    """Yield the row of a kind of page, and that of what takes it longest with many entities."""
    limit = f"{asked.limit_ms:.0f}"
    waits = [median(one.wait_ms(asked)) for one in (few, many)]
    late = quantiles(many.wait_ms(asked), n=20)[-1]
    yield [
        asked.name,
        *(f"{wait:.1f}" for wait in waits),
        f"**{waits[1] / waits[0]:.1f}**",
        f"{late:.1f}",
        limit,
        f"{many.processor_ms[asked.name]:.0f}",
    ]
    shown, wait = many.slowest(asked)
    if shown:
        one = 1000 * median(few.waits[asked.name][shown])
        yield [
            f"the slowest of these, `{shown}`",
            f"{one:.1f}",
            f"{wait:.1f}",
            f"**{wait / one:.1f}**",
            f"{1000 * quantiles(many.waits[asked.name][shown], n=20)[-1]:.1f}",
            limit,
            "",
        ]


def _gateway_table(load: str, by_server: Mapping[str, LoadResult]) -> list[str]:
    rows = []
    for server, result in by_server.items():
        middle, late = result.wait_ms
        rows.append(
            [
                server,
                rounded(result.events_per_second),
                f"{middle:.1f}",
                f"{late:.1f}",
                f"{result.processor_us:.0f}",
            ]
        )
    return table([load, "events/s", "p50 ms", "p99 ms", "processor µs/event"], rows)


def _conditions(findings: Findings) -> str:
    sizes = ", ".join(f"{name} {size}" for name, size in findings.event_bytes.items())
    machine = measured_on("faust-streaming", "aiokafka", "pydantic")
    return f"{machine} Mean size of an event in bytes: {sizes}."


def throughput(
    trials: Trials, workload: str, more: Mapping[str, Cell] = MappingProxyType({})
) -> list[str]:
    """Return the table of a workload; `more` are further columns."""
    yardstick = median(trial.rate for trial in next(iter(trials.values()))[workload])
    rows = []
    for engine, by_workload in trials.items():
        of_engine = by_workload[workload]
        rates = [trial.rate for trial in of_engine]
        rows.append(
            [
                engine,
                rounded(median(rates)),
                f"{rounded(min(rates))} to {rounded(max(rates))}",
                f"**{median(rates) / yardstick:.1f}**",
                f"{median(trial.processor_us for trial in of_engine):.0f}",
                f"{max(trial.peak_mb for trial in of_engine):.0f}",
                *(cell(engine, of_engine) for cell in more.values()),
            ]
        )
    columns = ["events/s", "range", "ratio", "processor µs/event", "peak memory MB", *more]
    return table([workload, *columns], rows)


def _operation(operation: Operation) -> list[str]:
    waits = [1000 * seconds for seconds in operation.freshness_seconds]
    rows = [
        [
            f"start of a worker to ready, {rounded(entities)} entities to recover",
            f"{seconds:.1f} s",
        ]
        for entities, seconds in operation.ready_seconds.items()
    ]
    rows += [
        [f"a scrape of /metrics, {rounded(entities)} entities, median", f"{ms:.0f} ms"]
        for entities, ms in operation.scrape_ms.items()
    ]
    rows += [
        [
            f"an event's acknowledgement to its figure on /metrics, median of {len(waits)}",
            f"{median(waits):.0f} ms",
        ],
        ["the same, 95th percentile", f"{quantiles(waits, n=20)[-1]:.0f} ms"],
    ]
    latencies = operation.alert_latencies
    if latencies:
        what = "an event's acknowledgement to the webhook of its alert, at intervals of 1 s"
        rows.append([f"{what}, median of {len(latencies)}", f"{median(latencies):.2f} s"])
    return table(["what", "measured"], rows)
