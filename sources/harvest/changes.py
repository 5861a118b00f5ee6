"""What changed on a portal since the last harvest, as facts: a pure comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from events.dataset import DatasetProbed, DatasetReleased, DatasetUpdated, DatasetWithdrawn
from events.fact import Fact
from sources.harvest.data_state import FoundData, probed, remember
from sources.harvest.memory import KnownDataset
from sources.harvest.portal_dataset import HarvestError, PortalDataset


@dataclass(frozen=True, slots=True)
class Changes:
    """The facts of one dataset, and what is known of it once they are sent."""

    known: KnownDataset
    facts: list[Fact] = field(default_factory=list)


def changes_of(known: KnownDataset | None, seen: PortalDataset, today: date) -> Changes:
    """Return what is new in a dataset that the portal has.

    The day of its release is the first one that was known: a portal that changes it later says
    nothing new. A dataset that comes back after its withdrawal is released again, today.
    """
    is_back = known is not None and known.withdrawn_on is not None
    if known is None:
        released_on = seen.issued or seen.modified or today
    else:
        released_on = today if is_back else known.released.released_on
    released = DatasetReleased(
        dataset_id=seen.dataset_id,
        released_on=released_on,
        title=seen.title,
        theme=seen.theme,
        publisher=seen.publisher,
        licence=seen.licence,
        update_frequency=seen.frequency,
    )
    facts: list[Fact] = []
    # One that is back on the day of its release: the later time comes after the withdrawal.
    if known is None or is_back or released != known.released:
        facts.append(released)
    updated_on = None if known is None else known.updated_on
    if seen.modified is not None and seen.modified > max(updated_on or released_on, released_on):
        updated_on = seen.modified
        facts.append(DatasetUpdated(dataset_id=seen.dataset_id, updated_on=updated_on))
    before = known or KnownDataset(released=released)
    urls = {one.url for one in seen.distributions}
    now = before.model_copy(
        update={
            "released": released,
            "updated_on": updated_on,
            "withdrawn_on": None,
            "distributions": seen.distributions,
            "data": {url: one for url, one in before.data.items() if url in urls},
            # What counts once a dataset is back is told again, by `probe_of`.
            "probed": None if is_back else before.probed,
        }
    )
    return Changes(now, facts)


def to_probe(memory: Mapping[str, KnownDataset], since: date) -> list[str]:
    """Return the datasets whose data were not all asked for since a day, longest ago first.

    Those of whose data nothing is told come first of all.
    """

    def last(known: KnownDataset) -> date:
        if known.probed is None:
            return date.min  # What was found earlier today is told again of one that is back.
        days = [
            known.data[one.url].asked_on for one in known.distributions if one.url in known.data
        ]
        return min(days) if days and len(days) == len(known.distributions) else date.min

    published = [(last(one), name) for name, one in memory.items() if one.withdrawn_on is None]
    return [name for day, name in sorted(published) if day < since]


def asked_since(memory: Mapping[str, KnownDataset], since: date) -> int:
    """Return how many addresses of published datasets were asked for data since a day."""
    published = [known for known in memory.values() if known.withdrawn_on is None]
    return sum(
        one.url in known.data and known.data[one.url].asked_on >= since
        for known in published
        for one in known.distributions
    )


def probe_of(known: KnownDataset, found: Mapping[str, FoundData | None], today: date) -> Changes:
    """Return what is new once a dataset's addresses were asked: at most one fact.

    None of an address changes nothing. Nothing is said before something is known of each.
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
    told = probed(about.dataset_id, [data[url] for url in addresses], about.update_frequency, today)
    if known.probed is not None and _says_the_same(known.probed, told):
        return Changes(kept)
    return Changes(kept.model_copy(update={"probed": told}), [told])


def _says_the_same(one: DatasetProbed, other: DatasetProbed) -> bool:
    """Return whether two probes differ in their day alone, and in how long nothing has changed."""
    apart = {"probed_on", "unchanged_days"}
    return one.model_dump(exclude=apart) == other.model_dump(exclude=apart)


def gone_from(
    known: Mapping[str, KnownDataset], seen: frozenset[str], today: date, *, most_gone: float
) -> dict[str, Changes]:
    """Return the withdrawals of what a complete harvest has not seen, by dataset.

    Raises HarvestError where they are a larger share of the datasets than `most_gone`. One
    alone may always go, unless it is the last, or `most_gone` is 0: of four it is a quarter.
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
