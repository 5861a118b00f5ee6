"""Strimzi's resources, which `make check` compares as a whole, and their command."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from boundary.errors import SmartRegionError
from broker.access_rights import Role, rights_of
from broker.strimzi import topic_resource, user_resource
from events.fact import Family
from events.topics import TopicSpec
from smart_region import main


def render(folder: Path, *options: str, status: int = 0) -> Result:
    done = CliRunner().invoke(main, ["kubernetes", "kafka", "--out", str(folder), *options])
    assert done.exit_code == status, done.output
    return done


def written(folder: Path, name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((folder / name).read_text(encoding="utf-8")))


def test_the_same_declaration_gives_the_same_bytes_whatever_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, partitions in (("one", "3"), ("other", "5")):
        monkeypatch.setenv("SMART_REGION_PARTITIONS", partitions)
        render(tmp_path / folder)
    for name in ("topics.yaml", "users.yaml"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_an_installation_has_its_own_numbers_and_names(tmp_path: Path) -> None:
    numbers = ("--partitions", "16", "--replication", "2")
    render(tmp_path, "--cluster", "events", *numbers, "--app-id", "ours")
    topics = {one["spec"]["topicName"]: one for one in written(tmp_path, "topics.yaml")}
    schools = topics["smartregion.schools"]
    assert schools["metadata"]["labels"] == {"strimzi.io/cluster": "events"}
    assert (schools["spec"]["partitions"], schools["spec"]["replicas"]) == (16, 2)
    worker = next(
        one for one in written(tmp_path, "users.yaml") if one["metadata"]["name"].endswith("worker")
    )
    resources = [rule["resource"] for rule in worker["spec"]["authorization"]["acls"]]
    assert [one["name"] for one in resources if one["type"] == "group"] == ["ours"]


def test_a_publisher_may_write_its_families_alone(tmp_path: Path) -> None:
    render(tmp_path, "--producer", "lycees=schools", "--producer", "lycees=equipment")
    user = next(
        one for one in written(tmp_path, "users.yaml") if one["metadata"]["name"] == "lycees"
    )
    names = {rule["resource"]["name"] for rule in user["spec"]["authorization"]["acls"]}
    assert names == {"smartregion.schools", "smartregion.equipment"}


@pytest.mark.parametrize("wrong", ["lycees", "lycees=school", "lycees="])
def test_a_family_that_there_is_none_of_is_reported(tmp_path: Path, wrong: str) -> None:
    done = render(tmp_path, "--producer", wrong, status=2)
    assert "write " in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_topic_whose_name_kubernetes_does_not_take_keeps_it_on_the_broker() -> None:
    made = topic_resource(TopicSpec("My_App.events", "id", 1, 1), cluster="kafka")
    assert made["metadata"]["name"] == "my-app.events"
    assert made["spec"]["topicName"] == "My_App.events"


@pytest.mark.parametrize("name", ["", "Worker", "a_b", "-a", "a.", "a" * 254, "a\n"])
def test_a_name_that_kubernetes_would_not_take_is_reported(name: str) -> None:
    rights = rights_of(Role.PRODUCER, families=[Family.SCHOOLS])
    with pytest.raises(SmartRegionError, match="write lower-case letters"):
        user_resource(name, rights, purpose="to publish", cluster="kafka")
