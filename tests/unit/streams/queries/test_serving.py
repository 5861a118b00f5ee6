"""The route /histories: what it answers, and to whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import chain, repeat
from pathlib import Path

import pytest
import requests

from boundary.serving import MetricsGuard
from catalogue.loader import load_catalogue
from streams.queries.format import HistoriesAnswer
from streams.queries.serving import OwnedPartitions
from tests.support.answering import AnsweringWorker, answering, decoded
from tests.support.histories import event, uai
from tests.support.private_files import private_file

CATALOGUE = load_catalogue()
CONNECTED = event("school.connected", uai("0750001"), "2018-03-01")


@pytest.fixture
def worker() -> Iterator[AnsweringWorker]:
    with answering(AnsweringWorker(CATALOGUE)) as found:
        yield found


def ask(
    worker: AnsweringWorker, headers: Mapping[str, str] | None = None, **query: str
) -> requests.Response:
    return requests.get(f"{worker.url}/histories", headers=headers, params=query, timeout=40)


def answer_of(response: requests.Response) -> HistoriesAnswer:
    return decoded(response.content)


def position_of(worker: AnsweringWorker) -> str:
    return answer_of(ask(worker)).head.position


def test_the_first_answer_has_everything(worker: AnsweringWorker) -> None:
    worker.take(event("school.registered", CONNECTED.fact.entity_id, "2016-09-01"), CONNECTED)
    found = ask(worker)
    assert found.headers["Content-Type"].startswith("application/x-ndjson")
    answer = answer_of(found)
    head, partitions = answer
    assert (head.since, head.waiting_for) == (None, None)
    assert [one.head.partition for one in partitions] == list(range(head.partitions_expected))
    assert all(one.head.complete for one in partitions)
    connected_on = date(2018, 3, 1).toordinal()
    assert {connected_on: 1} in [told.series.steps for one in partitions for told in one.series]


def test_an_answer_is_compressed_for_clients_that_accept_it(worker: AnsweringWorker) -> None:
    worker.take(
        *(event("school.connected", uai(f"075{n}"), "2018-03-01") for n in range(1000, 1009))
    )
    worker.take(*(event("grant.paid", f"grant-{n}", f"2018-03-{n}") for n in range(10, 30)))
    assert ask(worker).headers["Content-Encoding"] in ("gzip", "deflate")
    plain = ask(worker, {"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert answer_of(plain).head.format == 1


def test_a_later_answer_has_what_changed_since(worker: AnsweringWorker) -> None:
    worker.take(event("school.registered", CONNECTED.fact.entity_id, "2016-09-01"))
    position = position_of(worker)
    same = answer_of(ask(worker, since=position))
    worker.take(CONNECTED)
    answer = answer_of(ask(worker, since=position))

    assert same.head.position == position
    assert {(len(one.series), one.head.explanations) for one in same.partitions} == {(0, None)}
    assert not any(one.head.complete for one in answer.partitions)
    told = [one.series.steps for partition in answer.partitions for one in partition.series]
    assert {date(2018, 3, 1).toordinal(): 1} in told


def test_another_owner_and_the_first_overdue_record_change_the_position(
    worker: AnsweringWorker,
) -> None:
    positions = [position_of(worker)]
    worker.own(2, range(2))
    positions.append(position_of(worker))
    worker.be_late(1)
    positions.append(position_of(worker))

    assert len({*positions}) == 3


def test_an_answer_has_the_partitions_of_one_moment(
    worker: AnsweringWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that loses partitions while it is made is made anew: a reader would miss what went."""
    worker.take(CONNECTED)
    before, after = worker.owned, OwnedPartitions(None, 2, frozenset({0}))
    owned = chain([before, before], repeat(after))
    monkeypatch.setattr(worker.responder, "_ownership", lambda: next(owned))

    answer = answer_of(ask(worker))

    assert [(one.head.partition, one.head.generation) for one in answer.partitions] == [(0, 2)]


@pytest.mark.parametrize("since", ["another-life.3.aaaa", "nonsense", "é", ".", "a.b"])
def test_an_unknown_position_gets_everything(worker: AnsweringWorker, since: str) -> None:
    answer = answer_of(ask(worker, since=since))
    assert all(one.head.complete for one in answer.partitions)


def test_a_wrong_request_is_refused(worker: AnsweringWorker) -> None:
    assert ask(worker, since="x" * 101).status_code == 400


def test_histories_require_the_token(tmp_path: Path) -> None:
    worker = AnsweringWorker(CATALOGUE)
    worker.guard = MetricsGuard(private_file(tmp_path / "sesame", "sesame"))
    with answering(worker):
        assert ask(worker).status_code == 401
        assert ask(worker, {"Authorization": "Bearer sesame"}).status_code == 200


def test_other_machines_are_refused_without_a_token(tmp_path: Path) -> None:
    """Histories have exact numbers of persons: open is the loopback alone."""
    worker = AnsweringWorker(CATALOGUE)
    worker.host = "0.0.0.0"  # noqa: S104 - it is served on loopback all the same
    with answering(worker):
        assert ask(worker).status_code == 403
    worker.guard = MetricsGuard(private_file(tmp_path / "sesame", "sesame"))
    with answering(worker):
        assert ask(worker).status_code == 401


def test_a_foreign_name_of_this_machine_is_refused_without_a_token(
    worker: AnsweringWorker, tmp_path: Path
) -> None:
    """A stranger's page in a browser asks by its own name (DNS rebinding), but knows no token."""
    strange, known = {"Host": "attacker.example:6066"}, {"Host": "localhost:6066"}

    assert [ask(worker, one).status_code for one in (strange, known)] == [403, 200]
    worker.guard = MetricsGuard(private_file(tmp_path / "sesame", "sesame"))
    with answering(worker):
        assert ask(worker, {**strange, "Authorization": "Bearer sesame"}).status_code == 200
