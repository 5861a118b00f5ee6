"""The French words for codes, and one spelling for all."""

import re
from pathlib import Path

from catalogue.model import Unit
from dashboards.wording import (
    FAMILIES,
    GATEWAY_OUTCOMES,
    GATEWAY_REASONS,
    OUTCOMES,
    REASONS,
    TOPIC_FAULTS,
    UNITS,
)
from events.errors import RefusalReason
from events.fact import Family
from gateway.problems import problem_kinds
from streams.merging import Outcome
from streams.topic_faults import FaultKind
from tests.support.letters import REASONS_OF_WORKERS


def test_every_code_of_the_pipeline_has_a_word() -> None:
    assert FAMILIES.keys() == set(Family)
    assert OUTCOMES.keys() == set(Outcome)
    assert REASONS.keys() == set(RefusalReason)
    assert TOPIC_FAULTS.keys() == set(FaultKind)
    assert UNITS.keys() == set(Unit)


def test_every_code_of_the_gateway_has_a_word() -> None:
    assert GATEWAY_OUTCOMES.keys() == {"accepted", "refused", "failed"}
    assert (REASONS.keys() - REASONS_OF_WORKERS) | GATEWAY_REASONS.keys() == problem_kinds().keys()


def test_one_word_is_spelled_in_one_way() -> None:
    """What readers meet says `évènement`, as the reform of 1990 has it and most of our pages do."""
    root = Path(__file__).parents[3]
    folders = ("catalogue", "dashboards", "deploy", "docs", "operations", "report", "simulation")
    ends = {".html", ".json", ".md", ".py", ".tmpl", ".typ", ".yaml"}
    wrong = [
        path
        for folder in folders
        for path in (root / folder).rglob("*")
        if path.suffix in ends and re.search("[éÉ]véne", path.read_text(encoding="utf-8"))
    ]
    assert not wrong
