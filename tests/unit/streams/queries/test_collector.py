"""The collector: whose answers it takes, what it says is missing, and what it forgets."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from boundary.serving import MetricsGuard
from catalogue.loader import load_catalogue
from streams.histories import histories_of
from streams.queries import collector as subject
from streams.queries.addresses import parse_workers
from streams.queries.collector import CollectorPlan, HistoriesCollector, collecting
from tests.support.answering import AnsweringWorker, answering, serving
from tests.support.certificates import Authority
from tests.support.histories import event, uai
from tests.support.private_files import private_file
from tests.support.records import PARTITIONS
from tests.support.waiting import wait_until

CATALOGUE = load_catalogue()
SECONDS = 10.0


def connected(number: int) -> Any:  # noqa: ANN401 - an event of any family
    return event("school.connected", uai(f"075{number:04}"), "2018-03-01")


@contextmanager
def collected(*addresses: str, **plan: Any) -> Iterator[HistoriesCollector]:
    parsed = parse_workers(",".join(addresses))
    with collecting(CATALOGUE, CollectorPlan(parsed, PARTITIONS, **plan)) as found:
        yield found


def waits_until(
    collector: HistoriesCollector, condition: Callable[[], bool], seconds: float = SECONDS
) -> bool:
    def holds() -> bool:
        collector.poll()
        return condition()

    return wait_until(holds, seconds=seconds, every=0.01)


def names(collector: HistoriesCollector, problem: str) -> bool:
    return waits_until(collector, lambda: problem in str(collector.waiting_for()))


def is_complete(collector: HistoriesCollector) -> bool:
    return waits_until(collector, lambda: collector.waiting_for() is None)


def equals(collector: HistoriesCollector, *workers: AnsweringWorker) -> bool:
    def same() -> bool:
        (together,) = (one.state_store for one in workers)
        return histories_of(collector.sums, CATALOGUE) == histories_of(together, CATALOGUE)

    return waits_until(collector, same)


@pytest.mark.slow
def test_it_is_behind_until_an_answer_has_no_change() -> None:
    with answering(AnsweringWorker(CATALOGUE)) as worker, collected(worker.url) as collector:
        assert is_complete(collector)
        assert collector.lag() == 1
        worker.take(connected(1))
        assert waits_until(collector, lambda: collector.lag() == 0)
        assert histories_of(collector.sums, CATALOGUE) == histories_of(
            worker.state_store, CATALOGUE
        )
        worker.take(connected(2))
        assert waits_until(collector, lambda: collector.lag() == 1)
        assert waits_until(collector, lambda: collector.lag() == 0)


@pytest.mark.slow
def test_it_reports_the_workers_overdue_records() -> None:
    with answering(AnsweringWorker(CATALOGUE, owned=range(2))) as staying, ExitStack() as until:
        leaving = AnsweringWorker(CATALOGUE, owned=range(2, PARTITIONS))
        until.enter_context(answering(leaving))
        again = leaving.url.replace("127.0.0.1", "localhost")
        with collected(staying.url, leaving.url, again) as collector:
            assert is_complete(collector)
            assert collector.overdue() == 0
            staying.be_late(5)
            leaving.be_late(700)
            assert waits_until(collector, lambda: collector.overdue() == 705, seconds=3)
            leaving.be_late(0)
            assert waits_until(collector, lambda: collector.overdue() == 5, seconds=3)
            leaving.be_late(30)
            assert waits_until(collector, lambda: collector.overdue() == 35, seconds=3)
            until.close()
            assert waits_until(collector, lambda: collector.overdue() == 5)


def test_nothing_of_an_answer_without_its_end_is_taken() -> None:
    """A server that is killed may end between two lines."""
    cut: list[int] = []
    with answering(AnsweringWorker(CATALOGUE)) as worker:
        worker.take(connected(1))
        whole = requests.get(f"{worker.url}/histories", timeout=10).content.splitlines(
            keepends=True
        )

    async def answer(_: Request) -> Response:
        cut.append(len(cut) % len(whole))
        return Response(b"".join(whole[: cut[-1]]))

    with (
        patch.multiple(subject, LOOK_UP_SECONDS=0.01, TICK_SECONDS=0.01),
        serving(lambda: Starlette(routes=[Route("/histories", answer)])) as other,
        collected(other) as collector,
    ):
        assert waits_until(collector, lambda: len(cut) > len(whole))
        assert not list(collector.sums.all_series())
        assert "the end is missing" in str(collector.waiting_for())


def test_another_number_of_partitions_is_named() -> None:
    """Two settings differ, and a part would look like a whole."""
    with answering(AnsweringWorker(CATALOGUE)) as worker:
        parsed = parse_workers(worker.url)
        with collecting(CATALOGUE, CollectorPlan(parsed, PARTITIONS - 1)) as collector:
            assert names(collector, "SMART_REGION_PARTITIONS")


@pytest.mark.slow
def test_the_token_is_sent(tmp_path: Path) -> None:
    worker = AnsweringWorker(CATALOGUE)
    worker.guard = MetricsGuard(private_file(tmp_path / "sesame", "sesame"))
    own = private_file(tmp_path / "guessed", "guessed")
    with answering(worker), collected(worker.url, token_file=own) as collector:
        assert names(collector, "refuses the token")
        own.write_text("sesame")
        assert is_complete(collector)


def test_tls_is_checked(tmp_path: Path) -> None:
    authority, worker = Authority(tmp_path), AnsweringWorker(CATALOGUE)
    ours = authority.issue("worker")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(ours.chain, ours.key)
    with ExitStack() as stack:
        url = stack.enter_context(serving(worker.app, tls=tls))
        with collected(url) as collector:
            assert names(collector, "certificate is not trusted")
        with collected(url, tls=ssl.create_default_context(cafile=authority.file)) as collector:
            assert is_complete(collector)


@pytest.mark.slow
def test_nothing_changes_between_two_polls(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who has asked what is missing reads the sums then: a partition less would look right."""
    monkeypatch.setattr(subject, "TICK_SECONDS", 0.05)
    with (
        answering(AnsweringWorker(CATALOGUE)) as worker,
        collected(worker.url, hold_seconds=1.0) as collector,
    ):
        worker.take(*map(connected, range(1, 20)))
        assert is_complete(collector)
        assert equals(collector, worker)
        worker.own(58, range(2))
        assert wait_until(lambda: "histories withheld" in caplog.text, seconds=SECONDS)

        assert collector.waiting_for() is None
        assert histories_of(collector.sums, CATALOGUE) == histories_of(
            worker.state_store, CATALOGUE
        )
        assert waits_until(collector, lambda: collector.waiting_for() is not None)


def test_a_failure_of_its_thread_is_raised_where_it_is_polled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process ends with it, and its supervisor starts it again."""
    monkeypatch.setattr(subject, "AnswerReader", lambda: 1 / 0)
    monkeypatch.setattr(subject, "LOOK_UP_SECONDS", 0.05)
    monkeypatch.setattr(subject, "TICK_SECONDS", 0.05)
    with (
        answering(AnsweringWorker(CATALOGUE)) as worker,
        collected(worker.url) as collector,
        pytest.raises(ZeroDivisionError),
    ):
        waits_until(collector, lambda: False)


def test_a_token_is_not_sent_in_the_open(tmp_path: Path) -> None:
    own = private_file(tmp_path / "sesame", "sesame")
    with collected("http://192.0.2.1:6066", token_file=own) as collector:
        assert names(collector, "would send a secret")
