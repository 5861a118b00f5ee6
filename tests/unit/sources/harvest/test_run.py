"""A harvest from the portal to the events, interrupted and repeated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from events.cloudevent import CloudEvent
from events.dataset import DatasetProbed, DataState
from sources.harvest.data_state import DataOutcome, FoundData, Validators
from sources.harvest.memory import load_memory
from sources.harvest.opendatasoft import read_opendatasoft
from sources.harvest.portal_dataset import Distribution, HarvestError
from sources.harvest.reading import ReadingRules
from sources.harvest.run import DATASETS_PER_NOTE, Harvest, HarvestTally, run_harvest
from tests.support.harvests import NOW, harvest, hurried
from tests.support.portals import Answer, Portal, dataset, portal
from tests.support.watched_publisher import FailingPublisher, RecordingPublisher


@pytest.fixture
def served() -> Iterator[Portal]:
    with portal(*(dataset(f"d-{number}") for number in range(10))) as found:
        yield found


def names(events: list[CloudEvent]) -> list[tuple[str, str]]:
    return [(event.fact.NAME, event.fact.entity_id) for event in events]


def test_a_prefix_keeps_two_portals_with_one_identifier_apart(tmp_path: Path) -> None:
    file, rules = tmp_path / "other.json", ReadingRules(prefix="other-")
    with (
        portal(dataset("gares"), dataset("ports")) as one,
        portal(dataset("gares"), dataset("ports")) as other,
    ):
        first, _ = harvest(one, tmp_path / "one.json")
        second, _ = harvest(other, file, rules=rules)
        other.datasets = other.datasets[1:]
        third, _ = harvest(other, file, days=1, rules=rules)

    assert {name for _, name in names(first)} == {"gares", "ports"}
    assert {name for _, name in names(second)} == {"other-gares", "other-ports"}
    assert names(third) == [("dataset.withdrawn", "other-gares")]


def test_a_dataset_that_is_gone_is_withdrawn_from_a_complete_harvest_only(
    served: Portal, tmp_path: Path
) -> None:
    file = tmp_path / "state.json"
    harvest(served, file)
    whole = served.datasets

    served.datasets = []
    assert harvest(served, file, days=1)[0] == []
    served.datasets = [*whole[:9], {"metas": {}}]
    assert harvest(served, file, days=1)[0] == []
    served.datasets = whole[:9]
    sent, tally = harvest(served, file, days=2)

    assert names(sent) == [("dataset.withdrawn", "d-9")]
    assert tally.is_good
    assert harvest(served, file, days=3)[0] == []


def test_bad_metadata_of_one_dataset_stops_no_other(served: Portal, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    harvest(served, file)
    served.datasets[3] = dataset("d-3", license="Tous droits réservés")
    served.datasets.append(dataset("new"))

    sent, tally = harvest(served, file, days=1)
    again, second = harvest(served, file, days=2)

    assert {name for _, name in names(sent)} == {"new"}
    assert again == []
    for one in (tally, second):  # An unchanged catalogue does not hide it.
        assert (one.refused, one.is_good) == (1, False)
        assert "Tous droits" in str(one.problems[0])


def test_a_refused_event_is_reported_and_tried_again(served: Portal, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    first = FailingPublisher(18, refused=True)
    _, tally = harvest(served, file, first)
    sent, second = harvest(served, file, days=1)

    assert len(tally.complaints) == 2
    assert not tally.is_good
    assert len(sent) == 2
    assert second.is_good


def test_a_portal_that_is_away_changes_nothing(served: Portal, tmp_path: Path) -> None:
    """The harvest ends with an error, and the next one finds its state as it was."""
    file = tmp_path / "state.json"
    harvest(served, file)
    before = file.read_bytes()
    served.lie("", Answer(500))

    with pytest.raises(Exception, match=r"robots|status 500"):
        harvest(served, file, days=1)
    assert file.read_bytes() == before


def test_a_state_of_another_harvest_is_refused(served: Portal, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    harvest(served, file)

    with pytest.raises(HarvestError, match="--state"):
        load_memory(file, portal=served.url, destination="elsewhere")
    file.write_text("{")
    with pytest.raises(HarvestError, match="no state"):
        load_memory(file, portal=served.url, destination="here")


def states(events: list[CloudEvent]) -> dict[str, DataState]:
    facts = (event.fact for event in events)
    return {one.dataset_id: one.data_state for one in facts if isinstance(one, DatasetProbed)}


def test_what_is_found_of_the_data_is_a_fact_once(served: Portal, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    served.data["d-1"] = b"gare;voyageurs\n"
    served.data["d-2"] = b"<!doctype html><title>Erreur</title>"
    served.lie("/d-3/exports", Answer(403))

    sent, tally = harvest(served, file, with_data=True)
    again, second = harvest(served, file, with_data=True)
    later, third = harvest(served, file, with_data=True, days=1)

    wrong = {"d-1": "empty", "d-2": "unavailable", "d-3": "unavailable"}
    assert states(sent) == {f"d-{n}": wrong.get(f"d-{n}", "current") for n in range(10)}
    assert (tally.probed, len(tally.away), tally.is_good) == (10, 3, True)
    assert (second.probed, second.asked_before) == (0, 10)
    assert (third.probed, third.asked_before) == (10, 0)
    assert again == later == []
    assert len([path for path in served.paths() if "exports" in path]) == 20


def test_data_go_stale_whatever_the_metadata_say(served: Portal, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    harvest(served, file, with_data=True)
    for days in (20, 39):
        for entry in served.datasets:
            day = NOW + timedelta(days=days)
            entry["metas"]["default"]["modified"] = day.isoformat()
        served.data["d-4"] = f"gare;voyageurs\nNation;{days}\n".encode()
        sent, _ = harvest(served, file, with_data=True, days=days)
        assert {name for name, _ in names(sent)} >= {"dataset.updated"}

    assert states(sent) == {f"d-{n}": DataState.STALE for n in range(10) if n != 4}


def test_a_run_that_was_interrupted_asks_for_the_rest(served: Portal, tmp_path: Path) -> None:
    """What was noted is not asked again that day."""
    file = tmp_path / "state.json"
    served.datasets = [dataset(f"d-{number:02}") for number in range(50)]
    asked: list[str] = []

    def break_at(limit: int) -> None:
        plan = Harvest(served.url, "here", file)

        def ask(distribution: Distribution, _: Validators) -> FoundData:
            if len(asked) == limit:
                raise KeyboardInterrupt
            asked.append(distribution.url)
            return FoundData(outcome=DataOutcome.EMPTY)

        with hurried() as client:
            read = partial(read_opendatasoft, client, served.url)
            run_harvest(plan, read, RecordingPublisher, now=NOW, tally=HarvestTally(), probe=ask)

    with pytest.raises(KeyboardInterrupt):
        break_at(DATASETS_PER_NOTE + 3)
    break_at(1000)

    assert len(asked) == 50 + 3
    assert len(set(asked)) == 50
