"""How long a promised frequency allows silence."""

import pytest

from events.dataset import UpdateFrequency
from events.frequency import Frequency, allowed_silence_days


def test_a_datasets_frequencies_are_the_same_words() -> None:
    assert [one.value for one in UpdateFrequency] == [one.value for one in Frequency]


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
    assert allowed_silence_days(frequency) == days
