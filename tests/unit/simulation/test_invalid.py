"""Invalid records: as many as declared, each refused for its reason."""

from __future__ import annotations

import pytest

from events.cloudevent import decode_json
from events.errors import ContractError
from simulation.emitter import RecordKind
from simulation.invalid import COPIES, FLAWS
from simulation.simulator import SYSTEMS
from tests.support.simulated import Story


def test_every_family_has_flaws() -> None:
    assert {flaw.family for flaw in FLAWS} == {system.family for system in SYSTEMS}


def test_every_invalid_line_is_refused_for_the_reason_of_its_flaw(story: Story) -> None:
    refused = []
    for record in story.records:
        if record.kind is RecordKind.INVALID:
            with pytest.raises(ContractError) as refusal:
                decode_json(record.line)
            refused.append((record.family, refusal.value.reason))
    assert sorted(refused) == sorted((flaw.family, flaw.reason) for flaw in FLAWS * COPIES)
