"""The French words for codes."""

from catalogue.model import Unit
from dashboards.wording import (
    FAMILIES,
    GATEWAY_OUTCOMES,
    GATEWAY_REASONS,
    OUTCOMES,
    REASONS,
    UNITS,
)
from events.errors import REASONS_OF_WORKERS, RefusalReason
from events.registry import Family
from gateway.problems import KINDS
from streams.core import Outcome


def test_every_code_of_the_pipeline_has_a_word() -> None:
    """Families, outcomes, reasons and units are closed lists."""
    assert FAMILIES.keys() == set(Family)
    assert OUTCOMES.keys() == set(Outcome)
    assert REASONS.keys() == set(RefusalReason)
    assert UNITS.keys() == set(Unit)


def test_every_code_of_the_gateway_has_a_word() -> None:
    """What it refuses is an event, by its contract, or a whole request."""
    assert GATEWAY_OUTCOMES.keys() == {"accepted", "refused", "failed"}
    assert (REASONS.keys() - REASONS_OF_WORKERS) | GATEWAY_REASONS.keys() == KINDS.keys()
