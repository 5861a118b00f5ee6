"""What a run with millions of events found, and the page that says so."""

from __future__ import annotations

from tests.bench.capacity import PARTITIONS, WORKERS, Capacity
from tests.bench.tables import measured_under, rounded, table


def capacity_text(found: Capacity) -> str:
    states = found.entities * (len(found.restored_mb) - 1) / len(found.restored_mb)
    measured = [
        ["events, entities", f"{rounded(found.events)}, {rounded(found.entities)}"],
        ["events sent by one process, events/s", rounded(found.events / found.sent_seconds)],
        [f"{WORKERS} workers, events/s together", rounded(found.rate)],
        ["from their start until all events are counted, s", f"{found.counted_seconds:.0f}"],
        [
            "their processor s per million events",
            f"{1e6 * found.worker_processors / found.events:.0f}",
        ],
        ["peak memory of each, MB", _each(found.worker_mb)],
        ["a scrape of /metrics, median ms", f"{found.scrape_ms:.0f}"],
        ["one restarted: from its start until both are ready, s", f"{found.restored_seconds:.1f}"],
        [
            "entities whose events it read again a second, at least",
            rounded(states / found.restored_seconds),
        ],
        ["peak memory of each after that, MB", _each(found.restored_mb)],
        ["the assessor, asking the workers: ready after, s", f"{found.assessor_seconds:.1f}"],
        ["its peak memory, MB", f"{found.assessor_mb:.0f}"],
        ["a scrape of its /metrics, median ms", f"{found.assessor_scrape_ms:.0f}"],
        ["the broker's peak memory, MB (heap of at most 1024)", f"{found.broker_mb:.0f}"],
        [f"the events' topics, MB ({PARTITIONS} partitions)", rounded(found.topics_mb)],
        ["an event on its topic, bytes", f"{1e6 * found.topics_mb / found.events:.0f}"],
        ["the disk used at most, MB", rounded(found.free_mb)],
        ["figures compared by the audit", f"{found.compared}, none differs"],
    ]
    runs = [
        [
            run.name,
            f"{run.seconds:.0f}",
            f"{run.processor_seconds:.0f}",
            f"{run.memory_mb:.0f}",
            rounded(run.disk_mb),
        ]
        for run in found.runs
    ]
    header = ["command", "s", "processor s", "peak memory, MB", "its files on disk at most, MB"]
    return "\n".join(
        [
            measured_under(found.load, "faust-streaming", "aiokafka", "pydantic"),
            "",
            *table(["what", "measured"], measured),
            "",
            *table(header, runs),
            "",
        ]
    )


def _each(memory_mb: tuple[float, ...]) -> str:
    return " and ".join(f"{one:.0f}" for one in memory_mb)
