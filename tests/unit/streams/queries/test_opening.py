"""The histories of a command that runs once: whole, or an error that says what is missing."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from boundary.errors import SmartRegionError
from catalogue.loader import load_catalogue
from streams.assessor.judgeable_catalogue import judgeable_catalogue
from streams.queries.opening import (
    HistoriesIncompleteError,
    collector_plan,
    read_histories,
)
from streams.settings import Settings
from tests.support.answering import AnsweringWorker, answering, serving
from tests.support.records import PARTITIONS

CATALOGUE = load_catalogue()


def settings(*workers: str, seconds: float = 20.0) -> Settings:
    found = Settings(
        broker="127.0.0.1:9",
        partitions=PARTITIONS,
        workers=",".join(workers),
    )
    # Less than a session, which the setting itself refuses.
    return found.model_copy(update={"request_timeout": seconds})


@pytest.mark.slow
def test_every_worker_has_sent_all_its_histories() -> None:
    """One that has not answered yet may have them in a later generation."""

    async def answer_never(request: Request) -> Response:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        return Response()

    with (
        answering(AnsweringWorker(CATALOGUE)) as worker,
        serving(lambda: Starlette(routes=[Route("/histories", answer_never)])) as silent,
        pytest.raises(HistoriesIncompleteError, match=r"the histories of 1 more of them \(2 s\)"),
    ):
        read_histories(settings(worker.url, silent, seconds=2.0), CATALOGUE)


def test_a_part_of_them_is_an_error() -> None:
    told = r"did not send the histories of partitions (0, 1, )?2 \(0 s\): .*/readyz"
    with (
        answering(AnsweringWorker(CATALOGUE, owned=range(2))) as worker,
        pytest.raises(HistoriesIncompleteError, match=told),
    ):
        read_histories(settings(worker.url, seconds=0.2), CATALOGUE)


def test_a_worker_with_another_catalogue_is_named() -> None:
    known = judgeable_catalogue(CATALOGUE, [CATALOGUE.terms[0]])
    with (
        answering(AnsweringWorker(known)) as worker,
        pytest.raises(HistoriesIncompleteError, match=f"what the catalogue of {worker.url}"),
    ):
        read_histories(settings(worker.url), CATALOGUE)


def test_without_workers_the_one_of_this_machine_is_queried() -> None:
    assert collector_plan(Settings(http_port=7066)).addresses.fixed == ("http://127.0.0.1:7066",)


def test_a_worker_of_this_machine_needs_a_known_port() -> None:
    with pytest.raises(SmartRegionError, match="SMART_REGION_WORKERS: not set"):
        collector_plan(Settings(http_port=0))
