"""Trainings: 20 500 enrolments, each with one end at most."""

from __future__ import annotations

from events.training import TrainingAbandoned, TrainingCompleted, TrainingEnrolled
from simulation.trainings import ENROLMENTS, PRIORITY_AUDIENCES
from tests.support.simulated import Story


def test_every_enrolment_is_known_in_the_end(story: Story) -> None:
    """Exactly the declared number, whatever was late or taken back."""
    assert len(story.latest(TrainingEnrolled)) == ENROLMENTS


def test_an_enrolment_ends_once_and_after_it_began(story: Story) -> None:
    """Nobody completes what they abandoned, or before they enrolled."""
    enrolled = story.latest(TrainingEnrolled)
    completed = story.latest(TrainingCompleted)
    abandoned = story.latest(TrainingAbandoned)
    assert not completed.keys() & abandoned.keys()
    ends = {**completed, **abandoned}
    assert all(enrolled[key].enrolled_on < end.effective_day for key, end in ends.items())


def test_two_thirds_complete(story: Story) -> None:
    """The rest abandoned, or are still learning."""
    assert 0.62 < len(story.latest(TrainingCompleted)) / ENROLMENTS < 0.68
    assert 0.16 < len(story.latest(TrainingAbandoned)) / ENROLMENTS < 0.21


def test_the_priority_audience_is_three_quarters(story: Story) -> None:
    """Job seekers, early leavers and the low qualified come first."""
    enrolled = story.latest(TrainingEnrolled).values()
    priority = sum(enrolment.audience in PRIORITY_AUDIENCES for enrolment in enrolled)
    assert 0.74 < priority / ENROLMENTS < 0.79
