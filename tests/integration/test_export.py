"""Export and monthly note from a real broker: the audit's figures, on every day of choice."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from urllib.parse import urlsplit

import pytest

from catalogue.formatting import NumberFormat
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


@pytest.fixture(scope="module", autouse=True)
def _events(shared_broker: KafkaBroker) -> None:
    send(shared_broker.bootstrap, region(7, date(2016, 1, 1), date(2016, 6, 30)), misrouted=0.2)


@pytest.mark.nightly
def test_the_export_is_the_audit_s_whatever_workers_have_read(
    shared_broker: KafkaBroker, shared_factory: WorkerFactory, tmp_path: Path
) -> None:
    """Misrouted records, which no worker has forwarded at first, count as they do afterwards."""
    earlier = ("--as-of", "2016-03-31")
    known = (*earlier, "--known-on", "2016-04-05")
    found = {
        options: exported(shared_broker, tmp_path, *options) for options in ((), earlier, known)
    }
    for options, figures in found.items():
        assert figures == audited(shared_broker, *options)
    assert found[known] != found[earlier] != found[()]

    worker = shared_factory.worker()
    worker.start()
    assert wait_done(shared_broker.bootstrap, seconds=90), worker.log[-3000:]
    assert 'outcome="misrouted"' in worker.metrics()
    assert exported(shared_broker, tmp_path, command=run, workers=worker.url) == found[()]
    assert exported(shared_broker, tmp_path) == found[()]
    with shared_broker.admin() as admin:
        assert [group["group_id"] for group in admin.list_groups()] == [DEFAULT_APP_ID]


def written(broker: KafkaBroker, out: Path) -> str:
    done = run(broker, "note", "--month", "2016-03", "--out", str(out))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().rpartition(" ")[2]


def test_the_note_is_the_audit_s_and_its_bytes_are_always_the_same(
    shared_broker: KafkaBroker, tmp_path: Path
) -> None:
    pdf, again, data = (tmp_path / name for name in ("a.pdf", "b.pdf", "note.json"))
    digests = {written(shared_broker, out) for out in (pdf, again, data)}
    assert digests == {sha256(data.read_bytes()).hexdigest()}
    assert pdf.read_bytes() == again.read_bytes()

    counted = audited(shared_broker, "--as-of", "2016-03-31", "--known-on", "2016-03-31")
    compared = 0
    sections = json.loads(data.read_text(encoding="utf-8"))["sections"]
    for block in (block for section in sections for block in section["blocks"]):
        titles = [one["title"] for one in block.get("columns", ())]
        if "Valeur" not in titles:
            continue
        column = titles.index("Valeur")
        for row in block["rows"]:
            indicator = shipped().indicator(urlsplit(row["reference"]["path"]).path.split("/")[1])
            value, _ = counted.get((indicator.id, None), (None, None))
            if value is not None:
                text = NumberFormat.of(indicator).text(value)
                assert row["cells"][column]["cell"]["text"] == text
                compared += 1
    assert compared > 8
