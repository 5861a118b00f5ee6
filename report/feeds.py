"""What changed in a year, as entries of Atom feeds: statuses, explanations, figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Final

from catalogue.formatting import STATUSES, long_day_text
from catalogue.history import History
from catalogue.judgement import Judgement, judge_figure
from catalogue.model import Indicator, Programme
from catalogue.reference_day import month_end_before
from catalogue.territories import TERRITORY_NAMES, territory_key
from report.corrections import Corrections
from report.knowledge import Knowledge
from report.view import AS_OF, KNOWN_ON, View

DAYS: Final = 365
"""How far back a feed goes."""
ATOM: Final = "application/atom+xml"
CORRECTED_MONTHS: Final = 3
"""How far back corrected figures go: what was known at each month's end has to be computed."""
TAG: Final = "tag:iledefrance.fr,2026:smart-region"
"""What permanent ids begin with (RFC 4151)."""


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A change; its id is the same for ever, in every process with the same history."""

    id: str
    updated: datetime
    title: str
    text: str
    path: str
    """The page that shows it, from the first page's address."""


@dataclass(frozen=True)
class Feed:
    """The changes of a year before a view's day, the newest first."""

    knowledge: Knowledge
    view: View
    programme: Programme | None
    corrections: Corrections | None = None
    """What finds corrected figures; without it there are none."""

    page = ""
    """The page that it follows, from the first one's address."""

    @property
    def id(self) -> str:
        """The permanent id."""
        about = "all" if self.programme is None else self.programme.id
        return f"{TAG}/feeds/{about}/{self.view.territory}"

    @property
    def path(self) -> str:
        """Its address, from the first page's."""
        own = {} if self.programme is None else {"programme": self.programme.id}
        return f"changements.atom{self.view.query(**own)}"

    @property
    def title(self) -> str:
        """What it is about."""
        about = "toutes les promesses" if self.programme is None else self.programme.title
        return f"Smart Région : {about}, {self.view.territory_name}"

    @property
    def updated(self) -> datetime:
        """When the newest entry was, or the day before the first one would be."""
        entries = self.entries
        return entries[0].updated if entries else instant(self.view.as_of - timedelta(days=DAYS))

    @cached_property
    def entries(self) -> list[FeedEntry]:
        """The entries."""
        found = [
            *self._statuses(),
            *self._explanations(),
            *self._published(),
            *self._corrected(),
        ]
        return sorted(found, key=lambda one: (one.updated, one.id), reverse=True)

    def _indicators(self) -> Iterator[Indicator]:
        """Yield the indicators with a target that the view's territory itself is held to."""
        return (
            one for one in self._all() if any(item.target is not None for item in one.milestones)
        )

    def _all(self) -> Iterator[Indicator]:
        """Yield the indicators of the programme that have figures of the view's territory."""
        for programme in self.knowledge.catalogue.programmes:
            if self.programme is None or programme.id == self.programme.id:
                for one in programme.indicators:
                    if self.view.department in one.territories:
                        yield one

    def _statuses(self) -> Iterator[FeedEntry]:
        first = self.view.as_of - timedelta(days=DAYS)
        for indicator in self._indicators():
            before = self._judged(indicator, first)
            for number in range(1, DAYS + 1):
                day = first + timedelta(days=number)
                now = self._judged(indicator, day)
                for key, one in now.items():
                    then = before.get(key)
                    if one.status is not None and (then is None or then.status != one.status):
                        yield self._change(one, then, day)
                before = now

    def _judged(self, indicator: Indicator, day: date) -> dict[str, Judgement]:
        """Return how an indicator stands on a day, by milestone."""
        found = judge_figure(indicator, self.view.department, self.knowledge.histories, day)
        return {one.milestone.id: one for one in found if one.milestone is not None}

    def _change(self, now: Judgement, then: Judgement | None, day: date) -> FeedEntry:
        assert now.status is not None  # noqa: S101 - as the caller has seen
        assert now.milestone is not None  # noqa: S101 - likewise
        indicator, territory = now.indicator, self.view.territory
        word = STATUSES[now.status].word
        was = None if then is None or then.status is None else STATUSES[then.status].word
        text = f"{indicator.title}, {TERRITORY_NAMES[territory]} : {word} au {long_day_text(day)}"
        return FeedEntry(
            id=f"{TAG}/changes/{indicator.id}/{now.milestone.id}/{territory}/{day}/{now.status}",
            updated=instant(day),
            title=f"{indicator.title} : {word}",
            text=f"{text}{f', {was} auparavant' if was else ''}.",
            path=self._path(indicator, day),
        )

    def _explanations(self) -> Iterator[FeedEntry]:
        known = {one.id: one for one in self._indicators()}
        first = self.view.as_of - timedelta(days=DAYS)
        for (indicator, _, department), said in self.knowledge.explanations.items():
            if indicator not in known or territory_key(department) != self.view.territory:
                continue
            for one in said:
                if first < one.day <= self.view.as_of:
                    yield FeedEntry(
                        id=f"{TAG}/explanations/{one.entity}/{one.day}/{one.kind}",
                        updated=instant(one.day),
                        title=f"{known[indicator].title} : {one.kind.word.lower()}",
                        text=f"{one.text} ({one.author_role}, {long_day_text(one.day)})",
                        path=f"{self._path(known[indicator], one.day)}#explications",
                    )

    def _published(self) -> Iterator[FeedEntry]:
        """Yield the days on which a figure about persons was published, with its value.

        Late facts change the value: that is another entry.
        """
        territory, department = self.view.territory, self.view.department
        for indicator in self._all():
            history = self.knowledge.histories.get((indicator.id, department), History())
            publication = history.publication
            if publication is None or not history.reports:
                continue
            for number in range(DAYS):
                day = self.view.as_of - timedelta(days=number)
                end = publication.day(day)
                if end < history.reports[0] or end == publication.day(day - timedelta(days=1)):
                    continue
                value = self.knowledge.standing(indicator, department, day).value
                about = f"{indicator.title}, {TERRITORY_NAMES[territory]}"
                digits = "".join(filter(str.isdecimal, value.text))
                yield FeedEntry(
                    id=f"{TAG}/published/{indicator.id}/{territory}/{end}/{digits or 'none'}",
                    updated=instant(day),
                    title=f"{indicator.title} : chiffre publié",
                    text=f"{about}, au {long_day_text(end)} : {value.text or value.reason}.",
                    path=self._path(indicator, day),
                )

    def _corrected(self) -> Iterator[FeedEntry]:
        """Yield the figures of past months that became others during each of the last months."""
        view = self.view
        for months in range(1, CORRECTED_MONTHS + 1):
            until = month_end_before(view.as_of, months=months)
            if self.corrections is None or (view.known_on and view.known_on < until):
                continue
            for indicator in self._all():
                found = list(self.corrections.of(indicator, view.department, until))
                if found:
                    parts = (
                        f"{one.became} au lieu de {one.was} au {long_day_text(one.day)}"
                        for one in found
                    )
                    about = f"{indicator.title}, {view.territory_name}"
                    yield FeedEntry(
                        id=f"{TAG}/corrected/{indicator.id}/{view.territory}/{until}",
                        updated=instant(until + timedelta(days=1)),
                        title=f"{indicator.title} : chiffre corrigé",
                        text=f"{about} : {' ; '.join(parts)}.",
                        path=self._path(indicator, found[-1].day, until),
                    )

    def _path(self, indicator: Indicator, day: date, known_on: date | None = None) -> str:
        known = {} if known_on is None else {KNOWN_ON: known_on}
        return f"promesses/{indicator.id}{self.view.query(**{AS_OF: day, **known})}"


def instant(day: date) -> datetime:
    """Return the beginning of a day (UTC)."""
    return datetime.combine(day, time.min, UTC)
