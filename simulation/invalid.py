"""Invalid records: the mistakes of faulty producing systems, each a few times, on any day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from random import Random
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from events.document import data_beside
from events.errors import RefusalReason
from events.fact import Fact, Family
from events.identifiers import DEPARTMENTS, example_uai
from events.observation import Territory
from events.registry import FACTS_BY_NAME
from events.territory import TERRITORY
from simulation.chance import day_between
from simulation.emitter import Emitter
from simulation.times import FIRST_DAY, LAST_DAY

COPIES: Final = 3
"""How often each mistake shows."""


class Mistake(BaseModel):
    """One mistake in a family's lines, and the reason of its refusal; see invalid.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: RefusalReason
    data: Mapping[str, Any] = {}
    envelope: Mapping[str, Any] = {}
    line: Literal["cut", "list", "data"] | None = None

    def spoil(self, line: str) -> str:
        """Return a valid event's line with the mistake."""
        event = json.loads(line)
        event |= self.envelope
        event["data"] = {
            name: value for name, value in (event["data"] | self.data).items() if value is not None
        }
        content = event["data"] if self.line == "data" else event
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        if self.line == "cut":
            return text[: len(text) * 2 // 3]
        return f"[{text}]" if self.line == "list" else text


class SpoiltFact(BaseModel):
    """A fact and the mistakes that are made of it; see invalid.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fact: str
    data: Mapping[str, Any]
    mistakes: tuple[Mistake, ...]

    @property
    def family(self) -> Family:
        """The fact's family."""
        return FACTS_BY_NAME[self.fact].FAMILY

    def on(self, day: date) -> Fact:
        """Return the valid fact of a day."""
        data = json.dumps(self.data).replace('"DAY"', f'"{day}"')
        return FACTS_BY_NAME[self.fact].model_validate_json(data)


@cache
def spoilt_facts() -> tuple[SpoiltFact, ...]:
    """Return the facts of invalid.yaml, with codes of the territory."""
    first = TERRITORY.departments[0]
    texts = {
        "UAI": example_uai(first.uai_digits),
        "DEPARTMENT": first.code,
        "COMMUNE": "78646" if "78" in DEPARTMENTS else TERRITORY.example_commune,
        "REGION": Territory.REGION.value,
        "COMMUNE_ELSEWHERE": "75101" if "69" in DEPARTMENTS else "69123",
        "DEPARTMENT_ELSEWHERE": "D75" if "60" in DEPARTMENTS else "D60",
    }
    text = json.dumps(data_beside(__file__))
    for word, code in texts.items():
        text = text.replace(f'"{word}"', f'"{code}"')
    return TypeAdapter(tuple[SpoiltFact, ...]).validate_json(text)


def simulate_invalid(chance: Random, emitters: Mapping[Family, Emitter]) -> None:
    """Send each mistake's lines through the outbox of its family."""
    for spoilt in spoilt_facts():
        for mistake in spoilt.mistakes:
            for _ in range(COPIES):
                day = day_between(chance, FIRST_DAY, LAST_DAY)
                emitters[spoilt.family].spoil(spoilt.on(day), day, mistake.spoil)
