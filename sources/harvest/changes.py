"""What changed on a portal since the last harvest, as facts: a pure comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from events.dataset import DatasetProbed, DatasetUpdated, DatasetWithdrawn
from events.fact import Fact
from sources.harvest.data_state import FoundData, probed, remember
from sources.harvest.memory import KnownDataset
from sources.harvest.portal_dataset import HarvestError
from sources.harvest.reading import PortalDataset


class Changes(NamedTuple):
    """The facts of one dataset, and what is known of it once they are sent."""

    known: KnownDataset
    facts: Sequence[Fact] = ()


def changes_of(known: KnownDataset | None, seen: PortalDataset, today: date) -> Changes:
    """Return what is new in a dataset that the portal has.

    The first known day of its release stays: a portal that changes it later says nothing new. A
    dataset that comes back after its withdrawal is released again, today.
    """
    is_back = known is not None and known.withdrawn_on is not None
    released = seen.released
    if known is not None:
        released_on = today if is_back else known.released.released_on
        released = released.model_copy(update={"released_on": released_on})
    facts: list[Fact] = []
    # One that is back on the day of its release: the later time comes after the withdrawal.
    if known is None or is_back or released != known.released:
        facts.append(released)
    before = known or KnownDataset(released=released)
    updated_on, released_on = before.updated_on, released.released_on
    if seen.modified is not None and seen.modified > max(updated_on or released_on, released_on):
        updated_on = seen.modified
        facts.append(DatasetUpdated(dataset_id=released.dataset_id, updated_on=updated_on))
    urls = {one.url for one in seen.distributions}
    now = before.model_copy(
        update={
            "released": released,
            "updated_on": updated_on,
            "withdrawn_on": None,
            "distributions": seen.distributions,
            "data": {url: one for url, one in before.data.items() if url in urls},
            # The state of the data is reported again once the dataset is back, by `probe_of`.
            "probed": None if is_back else before.probed,
        }
    )
    return Changes(now, facts)


def to_probe(memory: Mapping[str, KnownDataset]) -> list[str]:
    """Return the published datasets, those whose data were requested longest ago first.

    A dataset whose data have no reported state comes first of all.
    """

    def last(known: KnownDataset) -> date:
        urls = [one.url for one in known.distributions]
        days = [known.data[url].asked_on for url in urls if url in known.data]
        is_reported = known.probed is not None and len(days) == len(urls)
        return min(days, default=date.min) if is_reported else date.min

    published = [(last(one), name) for name, one in memory.items() if one.withdrawn_on is None]
    return [name for _, name in sorted(published)]


def probe_of(known: KnownDataset, found: Mapping[str, FoundData | None], today: date) -> Changes:
    """Return what is new once a dataset's addresses were requested: at most one fact.

    None for an address changes nothing. There is no fact before each address is known.
    """
    data = dict(known.data)
    for url, one in found.items():
        if one is not None:
            data[url] = remember(data.get(url), one, today)
    kept = known.model_copy(update={"data": data})
    addresses = [one.url for one in known.distributions]
    if any(url not in data for url in addresses):
        return Changes(kept)
    about = known.released
    fact = probed(about.dataset_id, [data[url] for url in addresses], about.update_frequency, today)
    if known.probed is not None and _says_the_same(known.probed, fact):
        return Changes(kept)
    return Changes(kept.model_copy(update={"probed": fact}), [fact])


def _says_the_same(one: DatasetProbed, other: DatasetProbed) -> bool:
    """Return whether two probes agree in all but their day and `unchanged_days`."""
    apart = {"probed_on", "unchanged_days"}
    return one.model_dump(exclude=apart) == other.model_dump(exclude=apart)


def gone_from(
    known: Mapping[str, KnownDataset], seen: frozenset[str], today: date, *, most_gone: float
) -> dict[str, Changes]:
    """Return the withdrawals of what a complete harvest has not seen, by dataset.

    Raises HarvestError where they are a larger share of the datasets than `most_gone`. A single
    dataset may always go, unless it is the last or `most_gone` is 0: one of four is a quarter.
    """
    published = [name for name, one in known.items() if one.withdrawn_on is None]
    gone = [name for name in published if name not in seen]
    alone = min(1, len(published) - 1) if most_gone else 0
    if len(gone) > max(alone, most_gone * len(published)):
        share = f"{len(gone)} of {len(published)} datasets ({len(gone) / len(published):.0%})"
        remedy = "look at the portal, and run again with --most-gone 1 if they really are"
        problem = f"{share} are gone at once, value {most_gone:g}, and none was withdrawn"
        raise HarvestError("--most-gone", problem, remedy=remedy)
    return {
        name: Changes(
            known[name].model_copy(update={"withdrawn_on": today}),
            [DatasetWithdrawn(dataset_id=name, withdrawn_on=today)],
        )
        for name in gone
    }
