"""A programme owner's explanation of a milestone, as an event that the catalogue allows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import uuid4

from pydantic_core import to_json

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from catalogue.errors import UndeclaredError
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent, decode_json
from events.errors import ContractError, RefusalReason
from events.milestone import ExplanationKind, MilestoneExplained
from events.observation import Territory
from events.person_data import find_person_data

SOURCE: Final = "urn:iledefrance:explications"
"""The source of the producer `explications`, as it is shipped."""

RETRACTED_TEXT: Final = "Explication retirée."
"""What a retraction has in the place of a text, which the contract asks for."""


@dataclass(frozen=True, slots=True)
class OwnersWords:
    """What a programme's owner wants to say of a milestone; nothing of it is checked yet."""

    indicator: str
    milestone: str
    territory: str
    """As events write it: `R11`, `D77`."""
    day: date
    """The day that the text is about."""
    kind: ExplanationKind
    text: str
    author_role: str
    retracted: bool = False
    """True takes back the text of this day and kind."""


def explanation_event(
    words: OwnersWords, catalogue: Catalogue, *, source: str, now: datetime
) -> CloudEvent:
    """Return the event of an explanation that is recorded now.

    Raises UndeclaredError and SmartRegionError where the catalogue does not hold the territory to
    the milestone, ContractError where the gateway would refuse the event.
    """
    _check_promise(words, catalogue)
    content = {
        "specversion": "1.0",
        "id": uuid4().hex,
        "source": source,
        "type": MilestoneExplained.TYPE,
        "time": now,
        "data": {
            "indicator": words.indicator,
            "milestone": words.milestone,
            "territory": words.territory,
            "explained_on": words.day,
            "kind": words.kind,
            "text": words.text,
            "author_role": words.author_role,
            "retracted": words.retracted,
        },
    }
    event = decode_json(to_json(content))
    personal = find_person_data({"type": event.type, "data": event.fact.model_dump(mode="json")})
    if personal is not None:
        # Without the value, which is a person's data.
        raise ContractError(RefusalReason.PERSON_DATA, personal, None, "name no person in it")
    return event


def _check_promise(words: OwnersWords, catalogue: Catalogue) -> None:
    indicator = catalogue.indicator(words.indicator)
    milestones = [milestone.id for milestone in indicator.milestones]
    if words.milestone not in milestones:
        raise UndeclaredError("milestone", words.milestone, known=milestones)
    held = [
        Territory.of(department).value
        for department in indicator.territories
        if (indicator.id, words.milestone, department) in catalogue.promises
    ]
    if words.territory not in held:
        problem = f"is not held to the milestone {words.milestone}"
        remedy = f"one of {', '.join(held)}"
        said = Diagnostic((), problem, words.territory, remedy, field="territory")
        raise SmartRegionError(str(said))
