"""Who may send what."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from events.errors import RefusalReason
from events.producers.model import Producers, Quota, load_producers
from events.registry import FACTS, facts_of
from simulation.simulator import SYSTEMS, System
from tests.support.producers import producer

OWNERS: dict[str, str | None] = yaml.safe_load(
    (Path(__file__).parents[3] / "corpus" / "sources.yaml").read_text(encoding="utf-8")
)
CLOSED = "fr.iledefrance.smartregion.school.closed.v1"
steps = st.from_regex(r"[a-z0-9-]{1,8}", fullmatch=True)
paths = st.lists(steps, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
urns = st.lists(steps, min_size=1, max_size=4).map(lambda parts: "urn:" + ":".join(parts))


@pytest.mark.parametrize(("source", "owner"), OWNERS.items())
def test_a_source_belongs_to_its_longest_declared_prefix(source: str, owner: str | None) -> None:
    producers = Producers(
        producers=(
            producer("lycees", "urn:iledefrance:lycees"),
            producer("chemins", "/idf/lycees"),
            producer("prives", "/idf/lycees/prives", "urn:iledefrance:lycees:prives"),
            producer("ailleurs", "https://idf.fr/lycees"),
        )
    )
    found = producers.of_source(source)
    assert (found and found.id) == owner


@given(owner=paths | urns, source=paths | urns, kind=st.sampled_from(sorted(FACTS)))
def test_what_is_not_declared_is_denied(owner: str, source: str, kind: str) -> None:
    producers = Producers(producers=(producer("lycees", owner, types=("school.*",)),))
    own = producers.of_source(source) is not None
    assert producers.allows("lycees", source, kind) is (own and ".school." in kind)
    assert not producers.allows("formation", source, kind)


def test_a_refusal_names_what_the_producer_may_and_nobody_else() -> None:
    producers = Producers(
        producers=(producer("lycees", "/lycees"), producer("formation", "/formation"))
    )
    refusal = producers.refusal("lycees", "/formation", CLOSED)
    assert refusal is not None
    assert refusal.reason is RefusalReason.NOT_ALLOWED
    assert (refusal.field, refusal.value) == ("source", "/formation")
    assert "/lycees" in refusal.remedy
    assert "formation" not in refusal.remedy


def test_a_type_is_refused_by_its_name() -> None:
    producers = Producers(producers=(producer("lycees", "/lycees", types=("grant.*",)),))
    refusal = producers.refusal("lycees", "/lycees", CLOSED)
    assert refusal is not None
    assert (refusal.field, refusal.remedy.startswith("send grant.*")) == ("type", True)


@pytest.mark.parametrize(
    ("pattern", "count"), [("school.closed", 1), (CLOSED, 1), ("school.*", 5), ("coworking.*", 3)]
)
def test_a_pattern_stands_for_types(pattern: str, count: int) -> None:
    types = producer("a", "/a", types=(pattern,)).event_types
    assert len(types) == count
    assert types <= FACTS.keys()


@pytest.mark.parametrize("pattern", ["school.closed", "school.*"])
def test_a_name_stands_for_all_versions_of_its_fact(
    pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends a version goes on beside whoever sends the next one."""
    second = CLOSED.replace(".v1", ".v2")
    monkeypatch.setattr("events.producers.ownership.FACTS", {**FACTS, second: FACTS[CLOSED]})
    assert {CLOSED, second} <= producer("a", "/a", types=(pattern,)).event_types


@pytest.mark.parametrize("pattern", ["*", "", "school", "school.", "*.closed", "scool.*", ".*"])
def test_a_pattern_of_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError, match="is no event"):
        producer("a", "/a", types=(pattern,))


@pytest.mark.parametrize("name", ["unknown", "Lycees", "a_b", "", "1a", "a" * 41, "é"])
def test_an_id_is_plain_and_not_reserved(name: str) -> None:
    with pytest.raises(ValidationError):
        producer(name, "/a")


@pytest.mark.parametrize("source", ["", "/", "/a/", "urn:a:", "/a/../b", "/a/%2E/b", "é", "a b"])
def test_a_source_is_a_whole_prefix(source: str) -> None:
    with pytest.raises(ValidationError):
        producer("a", source)


def test_ids_and_sources_are_distinguished() -> None:
    with pytest.raises(ValidationError) as refused:
        Producers(producers=(producer("a", "/a"), producer("a", "/b", "/a")))
    assert [error["loc"] for error in refused.value.errors()] == [
        ("producers", 1, "id"),
        ("producers", 1, "sources", 1),
    ]


@pytest.mark.parametrize("rate", [0, -1, 1.5, "1", True, 1_000_001])
def test_a_quota_is_a_positive_whole_number(rate: object) -> None:
    with pytest.raises(ValidationError):
        Quota.model_validate({"events_per_second": rate, "burst": 1})


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_the_regions_own_systems_may_send_what_they_send(system: System) -> None:
    source = f"urn:iledefrance:{system.name}"
    declared = load_producers().of_source(source)
    assert declared is not None
    assert declared.id == system.name
    assert declared.event_types == {fact.TYPE for fact in facts_of(system.family)}
