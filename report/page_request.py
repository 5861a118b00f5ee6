"""A request for a page, the figures that answer it, and the parameters of its address."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, NamedTuple, TypeAlias

from starlette.requests import Request

from catalogue.formatting import day_text
from catalogue.judgement import CHANGE_DAYS
from catalogue.model import Catalogue, Indicator, Programme, UndeclaredError
from events.fact import Family
from events.identifiers import FIRST_DAY
from report.charts.commune_map import CommuneOutline, communes
from report.completeness import Completeness
from report.errors import LATER, PageError, bad_request, not_found
from report.evidence import EvidencePart
from report.evidence_pages import PARTS
from report.knowledge import Knowledge
from report.note.content import NoteRequest
from report.note.month import Month
from report.view import KNOWN_ON, View, parse_day

Known: TypeAlias = "tuple[Knowledge, Completeness]"

MOST_PAGES: Final = 100_000
LONGEST_SEARCH: Final = 100
MOST_FOLDERS: Final = 256


class PageRequest(NamedTuple):
    """A request and the figures that answer it. Wrong parameters raise PageError."""

    request: Request
    catalogue: Catalogue
    view: View
    knowledge: Knowledge
    completeness: Completeness

    @property
    def depth(self) -> int:
        """How many folders below the first page a browser takes the page to be."""
        return depth_of(self.request)

    @property
    def part(self) -> EvidencePart:
        """The part of the evidence."""
        text = self._given("part") or "all"
        for part in PARTS:
            if part == text:
                return part
        raise bad_request("part", text, f"choisir parmi {', '.join(PARTS)}")

    @property
    def page_number(self) -> int:
        """The page of a list, from 1."""
        text = self._given("page")
        if not text:
            return 1
        if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= MOST_PAGES:
            raise bad_request("page", text, f"écrire un nombre de 1 à {MOST_PAGES}")
        return int(text[:9])

    @property
    def since(self) -> date:
        """The day to compare with: the requested one, else that of a month before."""
        since = parse_day("since", self._given("since"), self.view.today)
        if since is not None and since > self.view.as_of:
            remedy = f"choisir un jour jusqu’au {day_text(self.view.as_of)}"
            raise bad_request("since", str(since), remedy)
        return since or self.view.as_of - timedelta(days=CHANGE_DAYS)

    @property
    def sought(self) -> str:
        """The text of a search."""
        text = self._given("q")
        if len(text) > LONGEST_SEARCH:
            raise bad_request("q", text, f"écrire au plus {LONGEST_SEARCH} caractères")
        return text

    @property
    def milestone(self) -> str:
        """The id of the only milestone that is asked for; empty for all."""
        return self._given("milestone")

    @property
    def producer(self) -> str:
        """The id of the only producer that is asked for; empty for all."""
        return self._given("producer")

    @property
    def programme(self) -> Programme | None:
        """The requested programme; None for all."""
        name = self._given("programme")
        if not name:
            return None
        found = next((one for one in self.catalogue.programmes if one.id == name), None)
        if found is None:
            raise not_found("programme", name)
        return found

    @property
    def is_of_indicator(self) -> bool:
        """True where the address names an indicator."""
        return "indicator" in self.request.path_params

    @property
    def indicator(self) -> Indicator:
        """The indicator that the address names."""
        name = self.request.path_params["indicator"]
        try:
            indicator = self.catalogue.indicator(name)
        except UndeclaredError as error:
            raise not_found("indicateur", name) from error
        if indicator not in self.knowledge.catalogue.indicators:
            message = (
                f"« {indicator.title} » n’est pas dans les chiffres de ce jour : la première page"
                " dit pourquoi"
            )
            raise PageError(message, LATER, "Ce chiffre n’est pas connu en ce moment")
        return indicator

    @property
    def chart(self) -> str:
        """The name of the chart in the address."""
        return str(self.request.path_params["chart"])

    @property
    def commune(self) -> CommuneOutline:
        """The commune that the address names."""
        code = self.request.path_params["code"]
        commune = communes().get(code)
        if commune is None:
            raise not_found("commune", code)
        return commune

    @property
    def entity(self) -> tuple[Family, str]:
        """The family and the id of the entity that the address names."""
        name, entity = self.request.path_params["family"], self.request.path_params["entity"]
        if name not in set(Family):
            raise not_found("sorte de faits", name)
        return Family(name), entity

    @property
    def note(self) -> NoteRequest:
        """The note of the month in the address."""
        view, text = self.view, self.request.path_params["month"]
        try:
            month = Month.parse(text)
        except ValueError:
            raise bad_request("mois", text, "écrire un mois, par exemple 2019-03") from None
        if not FIRST_DAY <= month.until < view.today:
            last = Month.before(view.today)
            raise bad_request("mois", text, f"choisir un mois terminé, jusqu’à {last}")
        known_on = view.known_on or view.today
        if known_on < month.until:
            raise bad_request(KNOWN_ON, str(known_on), f"choisir un jour depuis le {month.until}")
        return NoteRequest(month, known_on, self.programme)

    def _given(self, parameter: str) -> str:
        return self.request.query_params.get(parameter) or ""


def depth_of(request: Request) -> int:
    """Return how many folders below the first page a browser takes a page to be.

    It sees the path as it was sent, where `%2F` is no slash. Beyond MOST_FOLDERS there is no page,
    and the links of an error would be longer than its text.
    """
    raw: bytes = request.scope["raw_path"]
    return min(max(raw.count(b"/") - 1, 0), MOST_FOLDERS)
