"""The histories of a command that runs once: whole, or an error that says what is missing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import date

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from boundary.errors import SmartRegionError
from catalogue.history import Histories
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from streams.assessor.known_part import known_part
from streams.histories import histories_of
from streams.queries.opening import (
    HistoriesIncompleteError,
    collector_plan,
    read_histories,
)
from streams.settings import Settings
from tests.support.answering import AnsweringWorker, answering
from tests.support.histories import event, uai
from tests.support.records import PARTITIONS

CATALOGUE = load_catalogue()


def settings(*workers: AnsweringWorker, seconds: float = 20.0) -> Settings:
    found = Settings(
        broker="127.0.0.1:9",
        partitions=PARTITIONS,
        workers=",".join(worker.url for worker in workers),
    )
    # Less than a session, which the setting itself refuses.
    return found.model_copy(update={"request_timeout": seconds})


def test_every_worker_has_sent_all_its_histories() -> None:
    """One that believes in an earlier generation answers first: the other's count."""
    heard = threading.Event()
    with (
        answering(WatchedWorker(CATALOGUE, before=lambda: heard.wait(5.0))) as owner,
        answering(WatchedWorker(CATALOGUE, second=heard.set)) as zombie,
    ):
        owner.own(2, range(PARTITIONS))
        owner.take(registered(1))
        told = histories_of(read_histories(settings(zombie, owner), CATALOGUE), CATALOGUE)
    assert lycees(told) == 1


class WatchedWorker(AnsweringWorker):
    def __init__(
        self,
        catalogue: Catalogue,
        *,
        before: Callable[[], object] = bool,
        second: Callable[[], object] = bool,
    ) -> None:
        super().__init__(catalogue)
        self._before = before
        self._second = second
        self._asked = 0

    def app(self) -> ASGIApp:
        app = super().app()

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            self._asked += 1
            if self._asked > 1:
                self._second()
            await asyncio.to_thread(self._before)
            await app(scope, receive, send)

        return watched


def lycees(histories: Histories) -> int:
    denominator = histories["schools_connected_ratio", None].denominator
    assert denominator is not None
    return denominator.at(date(2018, 3, 1))


def registered(number: int) -> CloudEvent:
    return event("school.registered", uai(f"075{number % 10_000:04}"), "2018-03-01")


def test_a_part_of_them_is_an_error() -> None:
    told = r"did not send the histories of partitions (0, 1, )?2 \(0 s\): .*/readyz"
    with (
        answering(AnsweringWorker(CATALOGUE, owned=range(2))) as worker,
        pytest.raises(HistoriesIncompleteError, match=told),
    ):
        read_histories(settings(worker, seconds=0.2), CATALOGUE)


def test_a_worker_with_another_catalogue_is_named() -> None:
    known = known_part(CATALOGUE, [CATALOGUE.terms[0]])
    with (
        answering(AnsweringWorker(known)) as worker,
        pytest.raises(HistoriesIncompleteError, match=f"what the catalogue of {worker.url}"),
    ):
        read_histories(settings(worker), CATALOGUE)


def test_without_workers_the_one_of_this_machine_is_queried() -> None:
    assert collector_plan(Settings(http_port=7066)).addresses.fixed == ("http://127.0.0.1:7066",)


def test_a_worker_of_this_machine_needs_a_known_port() -> None:
    with pytest.raises(SmartRegionError, match="SMART_REGION_WORKERS: not set"):
        collector_plan(Settings(http_port=0))
