"""From a file to the declared producers."""

from __future__ import annotations

from pathlib import Path

import pytest

from events.declaration import InvalidDeclarationError
from events.producers.loader import load_producers
from events.registry import facts_of
from simulation.simulator import SYSTEMS, System

BAD = """\
producers:
  - id: lycees
    title: Lycées
    contact: somebody
    sources: ["/lycees"]
    types: [scool.*]
    quota: { events_per_second: 1, burst: 1 }
    expected_every: weekley
"""


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_the_regions_own_systems_may_send_what_they_send(system: System) -> None:
    source = f"urn:iledefrance:{system.name}"
    declared = load_producers().of_source(source)
    assert declared is not None
    assert declared.id == system.name
    assert declared.event_types == {fact.TYPE for fact in facts_of(system.family)}


def test_every_mistake_is_reported_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "producers.yaml"
    file.write_text(BAD, encoding="utf-8")
    with pytest.raises(InvalidDeclarationError) as refused:
        load_producers(file)
    assert str(refused.value).replace(f"{tmp_path}/", "").splitlines() == [
        (
            "producers.yaml:6: producers[lycees].types[0]: is no event, value 'scool.*':"
            " write 'school.*'"
        ),
        (
            "producers.yaml:8: producers[lycees].expected_every: is not one of the known values"
            ", value 'weekley': write 'weekly'"
        ),
    ]


def test_a_file_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InvalidDeclarationError, match=r"nobody\.yaml:1: file: cannot be read"):
        load_producers(tmp_path / "nobody.yaml")
