"""The export from a real broker: the audit's figures, today's and as they were known."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from events.topics import DEFAULT_APP_ID
from tests.support.commands import run, run_inside
from tests.support.kafka import KafkaBroker
from tests.support.knowledge import shipped
from tests.support.published import is_of_persons
from tests.support.traffic import region, send, wait_done
from tests.support.workers import WorkerFactory

pytestmark = pytest.mark.timeout(300)

Figures = dict[tuple[str, str | None], tuple[float | None, str | None]]


def exported(
    broker: KafkaBroker,
    folder: Path,
    *options: str,
    command: Callable[..., CompletedProcess[str]] = run_inside,
    **settings: str,
) -> Figures:
    out = folder / "figures.json"
    done = command(broker, "export", *options, "--format", "json", "--out", str(out), **settings)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(out.read_text())
    return {
        (row["indicator"], row["department"]): (row["value"], row["last_reported"])
        for row in rows
        if row["category"] is None and not is_of_persons(shipped(), row["indicator"])
    }


def audited(broker: KafkaBroker, *options: str) -> Figures:
    done = run_inside(broker, "audit", *options, "--json")
    assert done.returncode == 0, done.stderr
    return {
        (one["indicator"], one["department"]): (
            one["value"] if one["last_reported"] else None,
            one["last_reported"],
        )
        for one in json.loads(done.stdout)["figures"]
        if not is_of_persons(shipped(), one["indicator"])
    }


def test_equals_the_audit(broker: KafkaBroker, factory: WorkerFactory, tmp_path: Path) -> None:
    worker = factory.worker()
    worker.start()
    send(broker.bootstrap, region(7, date(2016, 1, 1), date(2016, 12, 31)))
    assert wait_done(broker.bootstrap, seconds=90), worker.log[-3000:]
    told = exported(broker, tmp_path, command=run, workers=worker.url)
    assert worker.stop() == 0
    earlier = ("--as-of", "2016-06-30")
    known = (*earlier, "--known-on", "2016-07-05")
    found = {options: exported(broker, tmp_path, *options) for options in ((), earlier, known)}
    for options, figures in found.items():
        assert figures == audited(broker, *options)
    assert told == found[()]
    assert found[known] != found[earlier] != found[()]


def test_counts_what_no_worker_has_read(
    broker: KafkaBroker, factory: WorkerFactory, tmp_path: Path
) -> None:
    """Misrouted records, which no worker has forwarded yet, count as they do afterwards."""
    send(broker.bootstrap, region(7, date(2016, 1, 1), date(2016, 3, 31)), misrouted=0.2)
    before = exported(broker, tmp_path)
    assert before == audited(broker)
    worker = factory.worker()
    worker.start()
    assert wait_done(broker.bootstrap, seconds=90), worker.log[-3000:]
    assert 'outcome="misrouted"' in worker.metrics()
    assert exported(broker, tmp_path, workers=worker.url) == before
    assert exported(broker, tmp_path) == before
    with broker.admin() as admin:
        assert [group for group in admin.list_groups() if group["group_id"] != DEFAULT_APP_ID] == []
