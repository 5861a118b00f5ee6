"""A programme owner's explanation of a milestone, as an event that the catalogue allows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from pydantic_core import to_json

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from catalogue.model import Catalogue, UndeclaredError
from events.cloudevent import CloudEvent, decode_json
from events.errors import ContractError, RefusalReason
from events.milestone import MilestoneExplained
from events.observation import Territory
from events.person_data import find_person_data

SOURCE: Final = "urn:iledefrance:explications"
"""The source of the producer `explications`, as it is shipped."""

RETRACTED_TEXT: Final = "Explication retirée."
"""The text of a retraction, since the contract requires one."""


def explanation_event(
    said: Mapping[str, Any], catalogue: Catalogue, *, source: str, now: datetime
) -> CloudEvent:
    """Return the event of an explanation that is recorded now, from the fields of its fact.

    Raises UndeclaredError and SmartRegionError if the catalogue does not hold the territory to the
    milestone, ContractError if the gateway would refuse the event.
    """
    _check_promise(said["indicator"], said["milestone"], said["territory"], catalogue)
    content = {
        "specversion": "1.0",
        "id": uuid4().hex,
        "source": source,
        "type": MilestoneExplained.TYPE,
        "time": now,
        "data": said,
    }
    event = decode_json(to_json(content))
    personal = find_person_data({"type": event.type, "data": event.fact.model_dump(mode="json")})
    if personal is not None:
        # Without the value, which is a person's data.
        raise ContractError(RefusalReason.PERSON_DATA, personal, None, "name no person in it")
    return event


def _check_promise(name: str, milestone: str, territory: str, catalogue: Catalogue) -> None:
    indicator = catalogue.indicator(name)
    milestones = [one.id for one in indicator.milestones]
    if milestone not in milestones:
        raise UndeclaredError("milestone", milestone, known=milestones)
    held = [
        Territory.of(department).value
        for department in indicator.territories
        if (indicator.id, milestone, department) in catalogue.promises
    ]
    if territory not in held:
        problem, remedy = f"is not held to the milestone {milestone}", f"one of {', '.join(held)}"
        raise SmartRegionError(str(Diagnostic((), problem, territory, remedy, field="territory")))
