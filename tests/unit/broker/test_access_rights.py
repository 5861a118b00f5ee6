"""The declared roles."""

from collections.abc import Collection
from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from broker.access_rights import (
    Operation,
    ResourceKind,
    Right,
    Role,
    declared_roles,
    rights_of,
)
from events.fact import Family
from events.topics import declared_topics, topic_name

WRITERS_OF_EVENTS = {Role.PRODUCER, Role.GATEWAY, Role.CLERK, Role.WORKER}


def rights(role: Role) -> tuple[Right, ...]:
    families = {Family.SCHOOLS} if role is Role.PRODUCER else set()
    return rights_of(role, families=families, app_id="monitor")


def names_with(operation: Operation, role: Role) -> set[str]:
    return {right.name for right in rights(role) if operation in right.operations}


def test_a_producer_writes_its_families_and_nothing_else() -> None:
    assert rights_of(Role.PRODUCER, families={Family.GRANTS, Family.SCHOOLS}) == (
        Right(ResourceKind.TOPIC, "smartregion.schools", (Operation.WRITE,)),
        Right(ResourceKind.TOPIC, "smartregion.grants", (Operation.WRITE,)),
    )


@pytest.mark.parametrize("role", Role)
def test_rights_are_on_what_is_declared(role: Role) -> None:
    declared = {spec.name for spec in declared_topics()} | {"monitor"}
    names = [right.name for right in rights(role)]
    assert set(names) <= declared
    assert len(names) == len(set(names))


@pytest.mark.parametrize("role", sorted(set(Role) - WRITERS_OF_EVENTS))
def test_only_those_who_bring_events_may_write_them(role: Role) -> None:
    """No reader can invent an event; a worker forwards one to its entity's partition."""
    assert not any(name.startswith("smartregion.s") for name in names_with(Operation.WRITE, role))


@pytest.mark.parametrize("role", [Role.READER, Role.OBSERVER, Role.DEPLOYER])
def test_a_role_that_only_reads_writes_nothing(role: Role) -> None:
    assert names_with(Operation.WRITE, role) == set()


@pytest.mark.parametrize(
    ("roles", "families"),
    [
        ([Role.PRODUCER], set()),
        ([Role.WORKER], {Family.SCHOOLS}),
        ([Role.READER, Role.CLERK], {Family.SCHOOLS}),
    ],
)
def test_families_fit_the_roles(roles: list[Role], families: Collection[Family]) -> None:
    with pytest.raises(SmartRegionError, match=roles[0]):
        rights_of(*roles, families=families)


def test_a_user_may_have_several_roles() -> None:
    both = rights_of(Role.CLERK, Role.READER, Role.PRODUCER, families=[Family.SCHOOLS])
    by_name = {right.name: set(right.operations) for right in both}
    assert len(by_name) == len(both)
    assert by_name["smartregion.grants"] == {Operation.READ, Operation.WRITE}
    assert by_name["smartregion.dead-letters"] == {Operation.READ}


def test_the_page_has_no_right_on_what_is_about_persons() -> None:
    about_persons = {topic_name(family) for family in Family if family.about_persons}
    assert about_persons.isdisjoint(right.name for right in rights(Role.PAGE))


@pytest.mark.parametrize("role", Role)
def test_the_documentation_lists_what_is_declared(role: Role) -> None:
    page = Path(__file__).parents[3] / "docs" / "wire-security.md"
    declared = declared_roles()[role]
    events = ", ".join(declared.events)
    if declared.events_without_persons:
        events = f"{', '.join(declared.events_without_persons)}, not about persons"
    others = (declared.dead_letters, declared.outcomes, declared.group)
    cells = [events, *map(", ".join, others)]
    row = f"| `{role}` | {declared.purpose} | {' | '.join(cell or '–' for cell in cells)} |"
    assert row in page.read_text(encoding="utf-8").splitlines()
