"""What changed between two harvests, as facts."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.dataset import (
    DatasetReleased,
    DatasetUpdated,
    DatasetWithdrawn,
    Licence,
    Theme,
    UpdateFrequency,
)
from events.fact import Fact
from sources.harvest.changes import changes_of, gone_from
from sources.harvest.memory import KnownDataset
from sources.harvest.portal_dataset import HarvestError
from sources.harvest.reading import PortalDataset

DAY = date(2026, 11, 2)


def seen(
    name: str = "gares",
    *,
    issued: date = date(2019, 3, 11),
    modified: date | None = None,
    licence: Licence = Licence.OPEN_LICENCE,
    frequency: UpdateFrequency = UpdateFrequency.MONTHLY,
) -> PortalDataset:
    released = DatasetReleased(
        dataset_id=name,
        released_on=issued,
        title="Gares",
        publisher="Région",
        theme=Theme.TRANSPORT,
        licence=licence,
        update_frequency=frequency,
    )
    return PortalDataset(released, modified)


def known(*names: str) -> dict[str, KnownDataset]:
    """Return datasets that an earlier harvest has reported."""
    return {name: changes_of(None, seen(name), DAY).known for name in names}


def test_a_new_dataset_is_released_and_updated() -> None:
    facts = changes_of(None, seen(modified=date(2026, 5, 4)), DAY).facts

    assert [(one.NAME, one.effective_day) for one in facts] == [
        ("dataset.released", date(2019, 3, 11)),
        ("dataset.updated", date(2026, 5, 4)),
    ]


def test_a_correction_keeps_the_day() -> None:
    first = changes_of(None, seen(), DAY).known

    facts = changes_of(first, seen(licence=Licence.ODBL, issued=DAY), DAY).facts

    assert [one.effective_day for one in facts] == [date(2019, 3, 11)]
    assert isinstance(facts[0], DatasetReleased)
    assert facts[0].licence is Licence.ODBL


def test_a_modification_that_goes_back_says_nothing() -> None:
    first = changes_of(None, seen(modified=date(2026, 5, 4)), DAY).known

    assert changes_of(first, seen(modified=date(2026, 5, 3)), DAY).facts == []


def test_what_is_gone_is_withdrawn_once() -> None:
    datasets = known("a", "b", "c", "d", "e")

    gone = gone_from(datasets, frozenset("abcd"), DAY, most_gone=0.2)
    after = datasets | {name: one.known for name, one in gone.items()}
    later = DAY + timedelta(days=9)

    assert [(one.NAME, one.entity_id) for one in gone["e"].facts] == [("dataset.withdrawn", "e")]
    assert gone_from(after, frozenset("abcd"), later, most_gone=0.2) == {}
    back = changes_of(after["e"], seen("e"), later).facts
    assert [(one.NAME, one.effective_day) for one in back] == [("dataset.released", later)]


@pytest.mark.parametrize("left", [frozenset(), frozenset("abc")])
def test_too_many_gone_at_once_are_not_withdrawn(left: frozenset[str]) -> None:
    """The portal is rather wrong; all of it never goes unless that is allowed."""
    datasets = known("a", "b", "c", "d", "e")

    with pytest.raises(HarvestError, match=r"--most-gone: .* \((40|100)%\) are gone"):
        gone_from(datasets, left, DAY, most_gone=0.2)
    assert len(gone_from(datasets, left, DAY, most_gone=1)) == 5 - len(left)


def test_one_of_a_few_may_go() -> None:
    """A quarter of four is no sign of a wrong portal; the last one, or any with 0, stays."""
    datasets = known("a", "b", "c", "d")
    assert [*gone_from(datasets, frozenset("abc"), DAY, most_gone=0.2)] == ["d"]
    for few, left, share in ((datasets, "ab", 0.2), (datasets, "abc", 0), (known("a"), "", 0.2)):
        with pytest.raises(HarvestError):
            gone_from(few, frozenset(left), DAY, most_gone=share)


portals = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(
        st.one_of(st.none(), st.dates(date(2019, 1, 1), DAY)),
        st.sampled_from(Licence),
        st.sampled_from(UpdateFrequency),
    ),
)


@given(st.lists(portals, min_size=1, max_size=8))
def test_the_facts_say_what_the_portal_has(
    history: list[dict[str, tuple[date | None, Licence, UpdateFrequency]]],
) -> None:
    memory: dict[str, KnownDataset] = {}
    facts_sent: list[Fact] = []
    for number, content in enumerate(history):
        day = DAY + timedelta(days=number)
        datasets = {
            name: seen(name, modified=modified, licence=licence, frequency=frequency)
            for name, (modified, licence, frequency) in content.items()
        }
        for repeated in (False, True):
            changes = {n: changes_of(memory.get(n), one, day) for n, one in datasets.items()}
            changes |= gone_from(memory, frozenset(datasets), day, most_gone=1)
            facts = [fact for change in changes.values() for fact in change.facts]
            if repeated:
                assert facts == []
            facts_sent += facts
            memory |= {name: one.known for name, one in changes.items()}
        assert _published(facts_sent) == {name: tuple(one[1:]) for name, one in content.items()}


def _published(facts_sent: list[Fact]) -> dict[str, tuple[Licence, UpdateFrequency]]:
    """Return what is open by the facts alone: of a day the later one counts, then the last day."""
    by_day = {(one.entity_id, one.NAME, one.effective_day): one for one in facts_sent}
    order = {id(one): number for number, one in enumerate(facts_sent)}
    found: dict[str, tuple[Licence, UpdateFrequency]] = {}
    for fact in sorted(by_day.values(), key=lambda one: (one.effective_day, order[id(one)])):
        if isinstance(fact, DatasetReleased):
            found[fact.dataset_id] = (fact.licence, fact.update_frequency)
        elif isinstance(fact, DatasetWithdrawn):
            found.pop(fact.dataset_id, None)
        else:
            assert isinstance(fact, DatasetUpdated)
    return found
