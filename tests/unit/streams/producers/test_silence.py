"""How long a producer may be silent."""

import pytest

from events.frequency import Frequency
from streams.producers.silence import allowed_silence_days


@pytest.mark.parametrize(
    ("frequency", "days"),
    [
        (Frequency.DAILY, 4),
        (Frequency.WEEKLY, 10),
        (Frequency.MONTHLY, 39),
        (Frequency.QUARTERLY, 115),
        (Frequency.ANNUAL, 458),
        (Frequency.IRREGULAR, None),
    ],
)
def test_a_promise_allows_its_interval_and_a_little_more(
    frequency: Frequency, days: int | None
) -> None:
    """A quarter of it, or a long weekend; who promised nothing is never silent."""
    assert allowed_silence_days(frequency) == days
