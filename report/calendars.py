"""The calendar of promises: the days of milestones, and those by which reports are due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import icalendar

from catalogue.formatting import NumberFormat, day_text, days_text
from catalogue.model import Indicator, Milestone, Programme
from catalogue.reporting import due_day, producers_of
from catalogue.territories import REGION_NAME
from events.frequency import Frequency
from events.identifiers import FIRST_DAY
from events.producers.model import Producer, Producers
from report.charts.svg import plain
from report.feeds import instant
from report.knowledge import Knowledge
from report.standing import ASSUMED
from report.view import View

ICALENDAR: Final = "text/calendar"
_DOMAIN: Final = "smart-region.iledefrance.fr"
_PERIODS: Final = {Frequency.WEEKLY: "%G-W%V", Frequency.MONTHLY: "%Y-%m", Frequency.ANNUAL: "%Y"}


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """A day in the calendar; its uid is the same for ever, in every process."""

    uid: str
    day: date
    revised: date
    """The day since which it is known as it is, so that the same figures give the same bytes."""
    title: str
    text: str
    programme: Programme
    path: str
    """The page of the promise, from the first page's address."""


@dataclass(frozen=True)
class PromiseCalendar:
    """The days that concern a view's territory, of all programmes or one.

    With a `producer` they are only those of reports that it feeds. `root` is the absolute address
    of the first page: a calendar has no address that links could be relative to. None: no links.
    """

    knowledge: Knowledge
    view: View
    producers: Producers
    programme: Programme | None = None
    producer: Producer | None = None
    root: str | None = None

    @property
    def title(self) -> str:
        """What it is about."""
        about = "toutes les promesses" if self.programme is None else self.programme.title
        if self.producer is not None:
            about = f"{about}, relevés de « {self.producer.title} »"
        return f"Smart Région : {about}, {self.view.territory_name}"

    @property
    def events(self) -> list[CalendarEvent]:
        """The events, in the order of their days."""
        return sorted(self._events(), key=lambda one: (one.day, one.uid))

    @property
    def text(self) -> str:
        """The calendar as an iCalendar document (RFC 5545)."""
        calendar = icalendar.Calendar()
        calendar.add("version", "2.0")
        calendar.add("prodid", f"-//Région {REGION_NAME}//Smart Région//FR")
        calendar.add("x-wr-calname", plain(self.title))
        for one in self.events:
            calendar.add_component(self._component(one))
        text: str = calendar.to_ical().decode()
        return text

    def _component(self, one: CalendarEvent) -> icalendar.Event:
        component = icalendar.Event()
        component.add("uid", f"{one.uid}@{_DOMAIN}")
        component.add("dtstamp", instant(one.revised))
        component.add("dtstart", one.day)
        component.add("summary", plain(one.title))
        component.add("description", "\n".join(map(plain, one.text.splitlines())))
        component.add("categories", [plain(one.programme.title)])
        component.add("transp", "TRANSPARENT")  # It makes nobody busy.
        if self.root is not None:
            component.add("url", f"{self.root}{one.path}")
        return component

    def _events(self) -> Iterator[CalendarEvent]:
        for programme in self.knowledge.catalogue.programmes:
            if self.programme is not None and programme.id != self.programme.id:
                continue
            for indicator in programme.indicators:
                if self.view.department in indicator.territories:
                    if self.producer is None:
                        yield from self._milestones(programme, indicator)
                    yield from self._report(programme, indicator)

    def _milestones(self, programme: Programme, indicator: Indicator) -> Iterator[CalendarEvent]:
        for milestone in indicator.milestones:
            if milestone.day is not None and milestone.holds(self.view.department):
                yield CalendarEvent(
                    uid=f"milestones/{indicator.id}/{milestone.id}/{self.view.territory}",
                    day=milestone.day,
                    revised=FIRST_DAY,  # The catalogue does not say when it was declared.
                    title=f"Échéance : {milestone.title or indicator.title},"
                    f" {self.view.territory_name}",
                    text=_promise_text(indicator, milestone),
                    programme=programme,
                    path=self._path(indicator),
                )

    def _report(self, programme: Programme, indicator: Indicator) -> Iterator[CalendarEvent]:
        """Yield the day by which the next report is due, if one is.

        Of persons it follows the last publication, as all that the page shows of them.
        """
        feeding = producers_of(indicator, self.producers)
        if self.producer is not None and self.producer not in feeding:
            return
        department = self.view.department
        standings = self.knowledge.of(indicator, department, self.view.as_of)
        last = standings[0].judgement.last_reported
        day = due_day(indicator, department, last)
        if last is None or day is None:
            return
        delay = days_text((day - last).days)
        yield CalendarEvent(
            uid=f"reports/{indicator.id}/{self.view.territory}/{_period(indicator, day)}",
            day=day,
            revised=last,
            title=f"Relevé attendu : {indicator.title}, {self.view.territory_name}",
            text=f"Le dernier relevé porte sur le {day_text(last)}.\n"
            f"Le suivant est attendu au plus tard {delay} après ; passé ce jour, l’indicateur"
            " n’est plus renseigné.\n"
            f"Alimenté par : {', '.join(one.title for one in feeding) or 'aucun système déclaré'}.",
            programme=programme,
            path=self._path(indicator),
        )

    def _path(self, indicator: Indicator) -> str:
        return f"promesses/{indicator.id}{self.view.query(as_of=None, known_on=None)}"


def _promise_text(indicator: Indicator, milestone: Milestone) -> str:
    target = "non chiffrée"
    if milestone.target is not None:
        target = NumberFormat.of(indicator).text(float(milestone.target))
    assumed = f" ({ASSUMED})" if milestone.assumed else ""
    return f"Indicateur : {indicator.title}\nCible : {target}{assumed}\nSource : {milestone.source}"


def _period(indicator: Indicator, day: date) -> str:
    """Return the period in which a report is due: its day moves as facts arrive within it."""
    if indicator.periodicity is Frequency.QUARTERLY:
        return f"{day.year}-Q{(day.month + 2) // 3}"
    return day.strftime(_PERIODS.get(indicator.periodicity, "%Y-%m-%d"))
