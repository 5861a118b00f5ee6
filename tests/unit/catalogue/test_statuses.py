"""How a milestone's status is shown."""

from catalogue.progress import MilestoneStatus
from catalogue.statuses import STATUSES


def test_every_status_has_a_look_of_its_own() -> None:
    """No two statuses share a severity, a mark, a word or a colour."""
    looks = [STATUSES[status] for status in MilestoneStatus]
    for trait in ("severity", "mark", "word", "colour"):
        assert len({getattr(look, trait) for look in looks}) == len(looks), trait


def test_what_needs_people_is_worse_than_what_does_not() -> None:
    """The worst of several statuses is the one that needs the most attention."""
    order = sorted(MilestoneStatus, key=lambda status: STATUSES[status].severity)
    assert order == [
        MilestoneStatus.ACHIEVED,
        MilestoneStatus.ON_TRACK,
        MilestoneStatus.UNREPORTED,
        MilestoneStatus.AT_RISK,
        MilestoneStatus.MISSED,
    ]
