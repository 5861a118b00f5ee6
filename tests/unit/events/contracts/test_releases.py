"""Released contracts are kept to."""

import json
from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from events.contracts.json_schema import schema_of
from events.contracts.releases import BrokenContractError, compare, release
from events.registry import FACTS

RELEASED = Path(__file__).parents[4] / "docs" / "contracts" / "released"
CLOSED = "fr.iledefrance.smartregion.school.closed.v1"
CONNECTED = "fr.iledefrance.smartregion.school.connected.v1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    release(tmp_path)
    return tmp_path


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_release_freezes_every_type(folder: Path) -> None:
    files = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in folder.iterdir()}

    assert files == {name: schema_of(fact) for name, fact in FACTS.items()}


def test_the_repository_has_today_s_schemas() -> None:
    comparison = compare(RELEASED)
    assert (comparison.changed, comparison.broken) == ((), {})


def test_a_stricter_contract_asks_for_a_v2(folder: Path) -> None:
    edit(folder / f"{CONNECTED}.json", '"maximum": 1000000000', '"maximum": 2000000000')

    with pytest.raises(BrokenContractError) as broken:
        release(folder)

    assert str(broken.value) == (
        "contracts: would refuse yesterday's events, which were right when these types were"
        f" released ({CONNECTED}: data.downlink_mbps: maximum is 1000000000, was 2000000000):"
        " open a v2 beside each (a fact of the same NAME with VERSION = 2),"
        " or take the change back"
    )


def test_a_wider_contract_replaces_the_released_one(folder: Path) -> None:
    edit(folder / f"{CONNECTED}.json", '"maximum": 1000000000', '"maximum": 1000')

    assert release(folder) == (CONNECTED,)
    assert release(folder) == ()


def test_a_type_is_never_removed(folder: Path) -> None:
    gone = "fr.iledefrance.smartregion.school.painted.v1"
    (folder / f"{CLOSED}.json").rename(folder / f"{gone}.json")

    comparison = compare(folder)

    assert [str(found) for found in comparison.broken[gone]] == ["type: is no longer an event type"]
    assert comparison.unreleased == (CLOSED,)


@pytest.mark.parametrize("text", ["{", "[]", "\udcff"])
def test_a_broken_file_is_reported(folder: Path, text: str) -> None:
    (folder / f"{CLOSED}.json").write_bytes(text.encode(errors="surrogateescape"))

    with pytest.raises(SmartRegionError, match=CLOSED):
        compare(folder)
