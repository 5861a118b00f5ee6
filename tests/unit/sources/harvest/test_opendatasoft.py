"""The catalogue of an Opendatasoft portal, honest or not."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from sources.harvest import snapshot as snapshots
from sources.harvest.opendatasoft import described_by, read_opendatasoft
from sources.harvest.portal_dataset import HarvestError
from sources.harvest.snapshot import PortalSnapshot
from tests.support.harvests import hurried
from tests.support.portals import API, Answer, Portal, dataset, portal


def read(served: Portal) -> PortalSnapshot:
    with hurried() as client:
        return read_opendatasoft(client, served.url)


def test_all_pages_are_read() -> None:
    with portal(*(dataset(f"d-{number:03}") for number in range(230))) as served:
        snapshot = read(served)

    assert len(snapshot.found) == 230
    assert snapshot.incomplete == ""
    assert len(served.paths()) == 3
    assert served.most_at_once == 1


def test_a_catalogue_is_bounded_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read before is kept, and the bound and the remedy are named."""
    monkeypatch.setattr(snapshots, "MOST_TOTAL_BYTES", 30_000)
    with portal(*(dataset(f"d-{number:03}") for number in range(230))) as served:
        snapshot = read(served)

    assert len(snapshot.found) == 100
    assert "more than 30000 bytes of pages" in snapshot.incomplete
    assert "harvest parts of it" in snapshot.incomplete


def test_what_an_entry_says() -> None:
    entry = dataset("gares", title="Gares")
    entry["attachments"] = [{"id": "notice", "title": "Notice"}]

    described = described_by(entry, "https://data.example.org/api/explore/v2.1")

    assert described is not None
    assert described.title == "Gares"
    assert described.themes == ("Transports, Déplacements",)
    assert described.frequency.endswith("/MONTHLY")
    assert described.issued.startswith("2019-03-11")
    assert described.modified.startswith("2026-05-04")
    assert [one.url for one in described.distributions] == [
        "https://data.example.org/api/explore/v2.1/catalog/datasets/gares/exports/csv",
        "https://data.example.org/api/datasets/1.0/gares/attachments/notice/",
    ]


@pytest.mark.parametrize("name", ["n" * 2_000, "<" * 700])
def test_a_file_whose_address_is_too_long_is_passed_over(name: str) -> None:
    entry = dataset("gares")
    entry["attachments"] = [{"id": name}, {"id": "notice"}]

    described = described_by(entry, "https://data.example.org/api/explore/v2.1")

    assert described is not None
    assert [one.url.rpartition("/gares/")[2] for one in described.distributions] == [
        "exports/csv",
        "attachments/notice/",
    ]


def lose_a_page(served: Portal) -> None:
    served.lie("offset=99", Answer(500))


def answer_a_page_of_the_web(served: Portal) -> None:
    served.lie("offset=99", Answer(body=b"<!doctype html><title>Maintenance</title>"))


def count_more_than_there_are(served: Portal) -> None:
    served.datasets[5] = served.datasets[4]


def leave_out_a_name(served: Portal) -> None:
    del served.datasets[5]["dataset_id"]


def remove_one_meanwhile(served: Portal) -> None:
    left = [one for one in served.datasets if one["dataset_id"] != "d-005"]
    page = {"total_count": len(left), "results": left[99:]}
    served.lie("offset=99", Answer(body=json.dumps(page).encode()))


def replace_one_meanwhile(served: Portal) -> None:
    left = [one for one in served.datasets if one["dataset_id"] != "d-005"]
    page = {"total_count": 130, "results": [*left[99:], dataset("e")]}
    served.lie("offset=99", Answer(body=json.dumps(page).encode()))


@pytest.mark.parametrize(
    "break_it",
    [
        lose_a_page,
        answer_a_page_of_the_web,
        count_more_than_there_are,
        leave_out_a_name,
        remove_one_meanwhile,
        replace_one_meanwhile,
    ],
)
def test_a_catalogue_that_lacks_something_is_incomplete(break_it: Callable[[Portal], None]) -> None:
    """What was read counts; nothing that is missing will be withdrawn."""
    with portal(*(dataset(f"d-{number:03}") for number in range(130))) as served:
        break_it(served)
        snapshot = read(served)

    assert snapshot.incomplete
    assert len(snapshot.found) >= 100


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"<!doctype html>"),
        Answer(body=b'{"results": 3}'),
        Answer(403),
        Answer(404),
        Answer(302, headers={"Location": "ftp://example.org"}),
    ],
)
def test_a_portal_that_is_none_ends_the_harvest(answer: Answer) -> None:
    with portal() as served:
        served.lie(f"{API}/datasets", answer)
        with pytest.raises((HarvestError, Exception), match=r"catalog|page|redirect"):
            read(served)


@pytest.mark.parametrize("metas", [None, [], {"default": None}, {"default": {"theme": {}}}])
def test_an_entry_with_strange_metadata_is_read(metas: object) -> None:
    """What is wrong with it is found later."""
    described = described_by({"dataset_id": "x", "metas": metas}, "https://data.example.org")
    assert described is not None
    assert described.title == ""


def test_an_entry_whose_name_is_no_text_is_none() -> None:
    assert described_by({"dataset_id": 3}, "https://data.example.org") is None
