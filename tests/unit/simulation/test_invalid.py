"""Invalid records: as many as declared, each refused for its reason."""

from __future__ import annotations

import pytest

from events.cloudevent import decode_json
from events.errors import ContractError
from simulation.emitter import RecordKind
from simulation.invalid import COPIES, spoilt_facts
from simulation.simulator import SYSTEMS
from tests.support.simulated import Story


def test_every_family_has_mistakes() -> None:
    assert {one.family for one in spoilt_facts() if one.mistakes} == {one.family for one in SYSTEMS}


def test_every_invalid_line_is_refused_for_the_reason_of_its_mistake(story: Story) -> None:
    refused = []
    for record in story.records:
        if record.kind is RecordKind.INVALID:
            with pytest.raises(ContractError) as refusal:
                decode_json(record.line)
            refused.append((record.family, refusal.value.reason))
    expected = [(one.family, made.reason) for one in spoilt_facts() for made in one.mistakes]
    assert sorted(refused) == sorted(expected * COPIES)
