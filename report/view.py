"""What a reader chose: the day of the figures, the day of the knowledge, and the territory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final
from urllib.parse import urlencode

from catalogue.model import Indicator
from catalogue.territories import REGION, TERRITORY_NAMES, TERRITORY_TITLES, department_of
from events.identifiers import FIRST_DAY
from report.errors import bad_request

AS_OF: Final = "as_of"
KNOWN_ON: Final = "known_on"
TERRITORY: Final = "territory"


@dataclass(frozen=True, slots=True)
class View:
    """The figures of `as_of` as known at the end of `known_on` (UTC); None: as known now."""

    as_of: date
    known_on: date | None
    territory: str
    """The key of a territory: `region`, or a département's INSEE code."""
    today: date
    version: int = 0
    """The number of what was known at the request; see `shown_version`."""

    @property
    def department(self) -> str | None:
        """The département's code; None for the Région."""
        return department_of(self.territory)

    def department_for(self, indicator: Indicator) -> str | None:
        """Return the département of an indicator's figure; None, the Région's, if none is finer."""
        return self.department if self.department in indicator.territories else None

    @property
    def territory_name(self) -> str:
        """The territory's name."""
        return TERRITORY_NAMES[self.territory]

    @property
    def is_now(self) -> bool:
        """True for today's figures as known now."""
        return self.known_on is None and self.as_of == self.today

    @property
    def shown_version(self) -> str:
        """The version of the figures that a page shows, to compare with that of a later message."""
        return version_text(self.version, self.today)

    @property
    def past_knowledge(self) -> date | None:
        """The day of the knowledge, where that is past; None: the figures are as known now."""
        return self.known_on if self.known_on is not None and self.known_on < self.today else None

    def query(self, **changed: object) -> str:
        """Return the query string that leads to this view, with some parameters changed.

        Parameters at their defaults are left out. A link without them is of the day on which it is
        followed; see `permanent`.
        """
        chosen: dict[str, object] = {
            AS_OF: self.as_of if self.as_of != self.today else None,
            KNOWN_ON: self.known_on,
            TERRITORY: self.territory if self.territory != REGION else None,
            **changed,
        }
        shown = {name: str(value) for name, value in chosen.items() if value not in (None, "")}
        return f"?{urlencode(shown)}" if shown else ""

    def permanent(self, **more: object) -> str:
        """Return the query string that shows the same figures later; see `RecordRules.final_on`."""
        return self.query(**{AS_OF: self.as_of, KNOWN_ON: self.known_on or self.today, **more})

    def of(self, territory: str) -> View:
        """Return the same days of another territory."""
        return replace(self, territory=territory)

    @property
    def territories(self) -> Iterator[tuple[str, str, bool]]:
        """Yield each territory's key and title, and whether it is chosen."""
        return ((key, title, key == self.territory) for key, title in TERRITORY_TITLES.items())


def version_text(version: int, today: date) -> str:
    """Return the version of the figures of a day as text; other figures have another one."""
    return f"{version}.{today}"


def parse_view(query: Mapping[str, str], today: date, version: int = 0) -> View:
    """Return the view of a query string. Raises PageError."""
    as_of = parse_day(AS_OF, query.get(AS_OF), today) or today
    known_on = parse_day(KNOWN_ON, query.get(KNOWN_ON), today)
    territory = query.get(TERRITORY) or REGION
    if territory not in TERRITORY_NAMES:
        remedy = f"choisir un territoire parmi {', '.join(TERRITORY_NAMES)}"
        raise bad_request(TERRITORY, territory, remedy)
    return View(as_of, known_on, territory, today, version)


def parse_day(name: str, text: str | None, today: date) -> date | None:
    """Return the day of a parameter, None without one. Raises PageError."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or str(day) != text:
        raise bad_request(name, text, "écrire un jour, par exemple 2019-06-30")
    if not FIRST_DAY <= day <= today:
        remedy = f"choisir un jour du {FIRST_DAY:%d/%m/%Y} au {today:%d/%m/%Y}"
        raise bad_request(name, text, remedy)
    return day
