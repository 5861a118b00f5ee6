"""How long a promised frequency allows silence."""

from events.dataset import UpdateFrequency
from events.frequency import Frequency


def test_a_frequency_allows_the_longest_of_its_spans() -> None:
    """The longest month, quarter and leap year; nothing for what is irregular."""
    assert {frequency.value: frequency.days for frequency in Frequency} == {
        "daily": 1,
        "weekly": 7,
        "monthly": 31,
        "quarterly": 92,
        "annual": 366,
        "irregular": None,
    }


def test_a_datasets_frequencies_are_the_same_words() -> None:
    """What a publisher promises of a dataset is counted by the same days."""
    assert [one.value for one in UpdateFrequency] == [one.value for one in Frequency]
