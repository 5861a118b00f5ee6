"""How long a promised frequency allows silence."""

from catalogue.terms import FREQUENCY_DAYS
from events.frequency import Frequency


def test_a_frequency_means_the_same_everywhere() -> None:
    """A producer's silence and an indicator's staleness count the same days."""
    assert {frequency.value: frequency.days for frequency in Frequency} == dict(FREQUENCY_DAYS)
