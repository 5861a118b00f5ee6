"""More than the monitor can take: a backlog, and a gateway before a broker that cannot follow.

Quotas of the broker bound what may be read and written, so that "twice the rate of the group" means
the same on any machine. Nothing here measures speed, but what grows, what is refused, and whether
all is as before in the end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Final

from kafka.protocol.admin import AlterClientQuotasRequest

from audit.recount import audit_records
from broker.reading import read_topics
from broker.topic_admin import apply_topics
from broker.writing import KafkaWriter
from catalogue import metrics
from catalogue.loader import load_catalogue
from events.cloudevent import CloudEvent, encode_structured
from events.partitioning import partition_for
from events.records import OutgoingRecord
from events.topics import declared_topics, topic_name
from tests.bench.harness import Bench, BenchError, page_of, rounded, table
from tests.bench.probes import await_shared, counted, exposed_sum
from tests.bench.workloads import many_events
from tests.support.alerting import followed
from tests.support.gateway_senders import ID, REGION, Account, batches, is_right, sending
from tests.support.kafka import KafkaBroker
from tests.support.processes import peak_memory_mb
from tests.support.prometheus import Monitoring, Prometheus
from tests.support.recounts import LAST_DAY, compare
from tests.support.running_gateway import new_gateway
from tests.support.traffic import PARTITIONS, region, wait_done
from tests.support.waiting import wait_until
from tests.support.webhooks import webhook_server
from tests.support.workers import Worker

GROUP_BYTES: Final = 1_000_000
"""What a client may read a second: some 2 000 events. The broker answers a fetch of 4 MiB only if
that fits into ten seconds of the quota, beside what the other worker has read in them."""
GATEWAY_BYTES: Final = 100_000
"""What a client may write a second."""
WAITING_EVENTS: Final = 200_000
RATE_SECONDS: Final = 60
BACKLOG_SECONDS: Final = 60
HEALED_SECONDS: Final = 900
QUIET_SECONDS: Final = 300
SLICE_SECONDS: Final = 0.5
FLOOD_SECONDS: Final = 40
SENDERS: Final = 32
SMALL_MB: Final = 48
LARGER_MB: Final = 512
STALL_SECONDS: Final = 4
"""A broker answers nothing for so long, then works as long."""

Row = list[str]


def measure_overload(bench: Bench) -> str:
    """Overload a group and a gateway. Raises BenchError for a lost event or a wrong figure."""
    rows = _backlog(bench)
    floods = [_flood(bench, bench.broker, "a quota of 100 kB/s", _throttled)]
    floods.append(_flood(bench, bench.broker, "stalls of 4 s in 8 s, as of a disk", _stalling))
    if os.getuid() == 0:
        with _disk(bench.folder / "disk") as disk, KafkaBroker(disk / "kafka") as small:
            small.start()
            floods.append(_flood(bench, small, "a full disk, then a larger one", _full))
    header = ["the broker has", "answers 202", "answers 503", "other answers"]
    header += ["events accepted", "of these lost", "memory before, at most, MB", "ready after, s"]
    return page_of(
        bench.conditions("aiokafka", "uvicorn"),
        table(["a backlog", "measured"], rows),
        table(header, floods),
    )


def _backlog(bench: Bench) -> list[Row]:
    """Send twice what the group may read, then half of it until nothing waits."""
    broker = bench.broker
    apply_topics(broker.bootstrap, declared_topics(partitions=PARTITIONS))
    _set_quota(broker, "consumer_byte_rate", GROUP_BYTES)
    monitoring = Monitoring(bench.folder / "monitoring")
    with bench.started("first") as first, bench.started("second") as second:
        workers = [first, second]
        await_shared(workers, PARTITIONS, seconds=120)
        asked = ",".join(worker.url for worker in workers)
        with (
            bench.started("assessor", command="assessor", workers=asked) as assessor,
            webhook_server() as webhook,
        ):
            prometheus = followed(
                monitoring,
                bench.folder / "rules",
                None,
                workers=workers,
                assessor=assessor,
                webhook=webhook,
            )
            try:
                rows = _healed(bench, prometheus, workers)
            finally:
                monitoring.stop_all()
        _set_quota(broker, "consumer_byte_rate", None)
        return [*rows, _audited(broker.bootstrap, workers)]


def _healed(bench: Bench, prometheus: Prometheus, workers: Sequence[Worker]) -> list[Row]:
    events, bootstrap = many_events(bench.entities), bench.broker.bootstrap
    reread = _sum(workers, metrics.RECOVERIES)
    with KafkaWriter(bootstrap) as writer:
        writer.send([_record(one) for one in islice(events, WAITING_EVENTS)])
    began, before = monotonic(), counted(workers)
    _watch(workers, RATE_SECONDS)
    rate = (counted(workers) - before) / (monotonic() - began)
    if not _sum(workers, metrics.LAG):
        raise BenchError(f"no quota holds the group back: {rate:.0f} events/s")
    bench.report(f"the group reads {rate:.0f} events/s")
    with _traffic(bootstrap, events, 2 * rate):
        _watch(workers, BACKLOG_SECONDS)
    lag, fired = _sum(workers, metrics.LAG), _firing(prometheus)
    bench.report(f"{lag:.0f} events wait; alerts: {fired}")
    began = monotonic()
    with _traffic(bootstrap, events, rate / 2):
        if not wait_until(
            lambda: _sum(workers, metrics.LAG) < rate, seconds=HEALED_SECONDS, every=1
        ):
            raise BenchError("the backlog is not read", *(one.log for one in workers))
        healed = monotonic() - began
        if not wait_until(lambda: not _firing(prometheus), seconds=QUIET_SECONDS, every=1):
            raise BenchError(f"these alerts still fire: {_firing(prometheus)}")
        quiet = monotonic() - began - healed
    return [
        ["the group may read, events/s", rounded(rate)],
        [f"waiting after {BACKLOG_SECONDS} s of twice that rate, events", rounded(lag)],
        ["read while half of that rate arrives, after, s", f"{healed:.0f}"],
        ["the same, calculated: twice the backlog / the rate, s", f"{2 * lag / rate:.0f}"],
        ["rebalances meanwhile", f"{_sum(workers, metrics.RECOVERIES) - reread:.0f}"],
        [
            "peak memory of a worker, MB",
            f"{max(peak_memory_mb(one.process.pid) for one in workers):.0f}",
        ],
        ["alerts that fire with the backlog", ", ".join(fired) or "none"],
        ["no alert fires, s after the backlog was read", f"{quiet:.0f}"],
    ]


def _flood(
    bench: Bench, broker: KafkaBroker, what: str, disturb: Callable[[KafkaBroker, Account], None]
) -> Row:
    """Send to a gateway as fast as it answers, while its broker is disturbed."""
    broker.reset()
    apply_topics(broker.bootstrap, declared_topics(partitions=PARTITIONS))
    folder = bench.folder / disturb.__name__.strip("_")
    folder.mkdir()
    gateway, credentials = new_gateway(broker.bootstrap, folder, REGION)
    days = LAST_DAY.replace(year=2016, month=1, day=1), LAST_DAY.replace(year=2017)
    lines, account = [one.value for one in region(7, *days) if is_right(one)], Account()
    with gateway:
        before = peak_memory_mb(gateway.process.pid)
        with sending(gateway, credentials.token, batches(lines), account, senders=SENDERS):
            if not wait_until(lambda: account.answers[202] > 0, seconds=30):
                raise BenchError("the gateway accepts nothing", gateway.log)
            disturb(broker, account)
            over = monotonic()
            if not wait_until(lambda: gateway.ready, seconds=120):
                raise BenchError("the gateway is not ready again", gateway.log)
            ready = monotonic() - over
            accepted = account.answers[202]
            if not wait_until(lambda: account.answers[202] > accepted + SENDERS, seconds=60):
                raise BenchError("the gateway accepts nothing afterwards", gateway.log)
        peak = peak_memory_mb(gateway.process.pid)
    others = {status: n for status, n in account.answers.items() if status not in (202, 503)}
    bench.report(f"{what}: {dict(account.answers)}, {before:.0f} to {peak:.0f} MB")
    return [
        what,
        rounded(account.answers[202]),
        rounded(account.answers[503]),
        ", ".join(f"{status}: {n}" for status, n in others.items()) or "none",
        rounded(len(account.receipts)),
        f"{_lost(broker, account)}",
        f"{before:.0f}, {peak:.0f}",
        f"{ready:.0f}",
    ]


def _throttled(broker: KafkaBroker, account: Account) -> None:
    _set_quota(broker, "producer_byte_rate", GATEWAY_BYTES)
    _elapse(FLOOD_SECONDS)
    _set_quota(broker, "producer_byte_rate", None)
    del account


def _stalling(broker: KafkaBroker, account: Account) -> None:
    began = monotonic()
    while monotonic() - began < FLOOD_SECONDS:
        for number in (signal.SIGSTOP, signal.SIGCONT):
            broker.process.send_signal(number)
            _elapse(STALL_SECONDS)
    del account


def _full(broker: KafkaBroker, account: Account) -> None:
    """Fill the disk; then do what an operator does: make it larger, and start the broker."""
    if not wait_until(lambda: broker.process.poll() is not None, seconds=300):
        raise BenchError("the broker goes on", *broker.log_end(20))
    refused = account.answers[503]
    if not wait_until(lambda: account.answers[503] > refused + SENDERS, seconds=120):
        raise BenchError("the gateway does not refuse")
    _mount(broker.folder.parent, LARGER_MB, again=True)
    broker.start()


def _lost(broker: KafkaBroker, account: Account) -> int:
    """Return how many receipts name a position where their event is not."""
    named = {
        (one.topic, one.partition, one.offset): found[1].decode()
        for one in read_topics(broker.bootstrap)
        if (found := ID.search(one.value or b""))
    }
    lost: int = sum(named.get(position) != name for name, position in account.receipts.items())
    if lost:
        raise BenchError(f"{lost} accepted events are not on the topics")
    return lost


def _audited(bootstrap: str, workers: Sequence[Worker]) -> Row:
    if not wait_done(bootstrap, seconds=HEALED_SECONDS):
        raise BenchError("not all is committed", *(one.log for one in workers))
    audit = audit_records(read_topics(bootstrap), load_catalogue(), LAST_DAY)
    comparison = compare(audit, [worker.url for worker in workers])
    if comparison.differences or not comparison.compared:
        raise BenchError(f"{comparison.differences[:5]}")
    return ["figures compared with the audit's", f"{comparison.compared}, none differs"]


@contextmanager
def _traffic(bootstrap: str, events: Iterator[CloudEvent], per_second: float) -> Iterator[None]:
    """Send events at a rate until the context ends, from a thread."""
    over, slice_events = threading.Event(), per_second * SLICE_SECONDS

    def run() -> None:
        due = monotonic()
        with KafkaWriter(bootstrap) as writer:
            while not over.is_set():
                writer.send([_record(one) for one in islice(events, round(slice_events))])
                due += SLICE_SECONDS
                over.wait(max(0.0, due - monotonic()))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _record(event: CloudEvent) -> OutgoingRecord:
    key, value, headers = encode_structured(event)
    topic = topic_name(event.fact.FAMILY)
    return OutgoingRecord(topic, partition_for(key, PARTITIONS), key, value, headers)


@contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    """Yield a file system of its own, which is soon full."""
    folder.mkdir()
    _mount(folder, SMALL_MB)
    try:
        yield folder
    finally:
        subprocess.run(("umount", "--lazy", folder), check=True)


def _mount(folder: Path, megabytes: int, *, again: bool = False) -> None:
    options = f"size={megabytes}m" + ",remount" * again
    subprocess.run(("mount", "-t", "tmpfs", "-o", options, "none", folder), check=True)


def _set_quota(broker: KafkaBroker, key: str, value: float | None) -> None:
    """Set what each client may read or write a second, in bytes; None removes it."""
    request = AlterClientQuotasRequest(
        entries=[
            AlterClientQuotasRequest.EntryData(
                entity=[
                    AlterClientQuotasRequest.EntryData.EntityData(
                        entity_type="client-id", entity_name=None
                    )
                ],
                ops=[
                    AlterClientQuotasRequest.EntryData.OpData(
                        key=key, value=float(value or 0), remove=value is None
                    )
                ],
            )
        ],
        validate_only=False,
    )
    with broker.admin() as admin:
        answer = admin._manager.run(admin._manager.send, request)  # It has no method for quotas.
    if any(entry.error_code for entry in answer.entries):
        raise BenchError(f"the broker refuses a quota: {answer}")


def _firing(prometheus: Prometheus) -> list[str]:
    """Return the alerts about the monitor itself that fire."""
    found = prometheus.query('ALERTS{alertstate="firing",scope="pipeline"}')
    return sorted({one.labels["alertname"] for one in found} - {"Watchdog"})


def _sum(workers: Sequence[Worker], metric: metrics.Metric) -> float:
    _watch(workers, 0)
    return sum(exposed_sum(worker.metrics(), metric.name) for worker in workers)


def _watch(workers: Sequence[Worker], seconds: float) -> None:
    """Wait; fail where a worker ends meanwhile."""
    if wait_until(lambda: not all(one.alive for one in workers), seconds=seconds, every=1):
        raise BenchError("a worker ended", *(one.log for one in workers))


def _elapse(seconds: float) -> None:
    threading.Event().wait(seconds)
