"""The check of the workers that are asked for histories."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from boundary.errors import SmartRegionError
from operations.doctor import workers
from operations.doctor.check import NothingToCheckError
from operations.doctor.workers import check_workers
from operations.programs.addresses import free_address
from streams.queries.opening import HistoriesIncompleteError
from streams.settings import load_settings
from tests.support.answering import AnsweringWorker, answering
from tests.support.knowledge import shipped
from tests.support.records import PARTITIONS


def asked(url: str | None) -> str:
    """Ask the worker at an address."""
    return check_workers(load_settings(workers=url, partitions=PARTITIONS), shipped())


def test_workers_that_tell_all_histories_are_well() -> None:
    """As assessor, page and exports ask them."""
    with answering(AnsweringWorker(shipped())) as worker:
        assert asked(worker.url) == f"tell the histories of all partitions: {PARTITIONS}"


def test_a_worker_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing would be judged or shown."""
    monkeypatch.setattr(workers, "ANSWER_SECONDS", 0.1)
    address = free_address()

    with pytest.raises(HistoriesIncompleteError, match=address):
        asked(f"http://{address}")


def test_a_partition_that_nobody_tells_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a worker is missing in the setting, the others have not its partitions."""
    monkeypatch.setattr(workers, "ANSWER_SECONDS", 0.5)

    with (
        answering(AnsweringWorker(shipped(), owned=range(PARTITIONS - 1))) as worker,
        pytest.raises(HistoriesIncompleteError, match=f"histories of partitions {PARTITIONS - 1}"),
    ):
        asked(worker.url)


def test_workers_whose_clocks_differ_are_both_named() -> None:
    """Each shows the figures of its own clock's day."""
    half = PARTITIONS // 2
    late = AnsweringWorker(shipped(), owned=range(half))
    right = AnsweringWorker(shipped(), owned=range(half, PARTITIONS))
    now = datetime.now(UTC)
    right.owned = replace(right.owned, now=now)
    late.owned = replace(late.owned, now=now)
    with answering(late), answering(right):
        assert asked(f"{late.url},{right.url}").startswith("tell the histories")

        late.owned = replace(late.owned, now=now - timedelta(days=1))
        with pytest.raises(SmartRegionError) as error:
            asked(f"{late.url},{right.url}")
    assert f"{late.url}: the clock is 86400 s behind the clock of {right.url}" in str(error.value)


def test_without_the_setting_there_is_nothing_to_ask() -> None:
    """Assessor and page ask the worker of their machine then."""
    with pytest.raises(NothingToCheckError, match="SMART_REGION_WORKERS is not set"):
        asked(None)
