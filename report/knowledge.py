"""What is known of all figures: their histories, and the judgements of any day."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import date
from threading import Lock
from typing import TYPE_CHECKING, Final, Self

from catalogue.history import COUNTRY, History
from catalogue.judgement import judge_all
from report.standing import Standing
from streams.histories import categories_of, histories_of

if TYPE_CHECKING:
    from catalogue.history import Histories
    from catalogue.judgement import Judgement
    from catalogue.model import Catalogue, Indicator
    from streams.histories import Parts
    from streams.state_store import StateStore

__all__ = ["Knowledge"]

MOST_DAYS: Final = 16
"""The number of days whose judgements are kept."""


class Knowledge:
    """The histories of every indicator at one moment, or as known at the end of a past day.

    It is immutable but for the judgements that it keeps, and safe for several threads.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        histories: Histories,
        parts: Parts,
        *,
        judged: tuple[date, tuple[Judgement, ...]] | None = None,
    ) -> None:
        """Create it; `judged` has a day's judgements that are there already."""
        self.catalogue = catalogue
        self.histories = histories
        self.parts = parts
        self._lock = Lock()
        self._standings: OrderedDict[date, tuple[Standing, ...]] = OrderedDict()
        if judged is not None:
            self._standings[judged[0]] = self._with_histories(judged[1])

    @classmethod
    def from_states(cls, state_store: StateStore, catalogue: Catalogue) -> Self:
        """Return what states hold."""
        return cls(
            catalogue, histories_of(state_store, catalogue), categories_of(state_store, catalogue)
        )

    def standings(self, as_of: date) -> tuple[Standing, ...]:
        """Return how every indicator stands on a day, in every territory, by milestone."""
        with self._lock:
            found = self._standings.get(as_of)
            if found is None:
                judgements = judge_all(self.catalogue, self.histories, as_of)
                found = self._standings[as_of] = self._with_histories(judgements)
                if len(self._standings) > MOST_DAYS:
                    self._standings.popitem(last=False)
            return found

    def standing(self, indicator: Indicator, department: str | None, as_of: date) -> Standing:
        """Return how an indicator stands against the milestone in force on a day."""
        milestone = indicator.milestone_for(department, as_of)
        return next(
            one
            for one in self.of(indicator, department, as_of)
            if one.judgement.milestone == milestone
        )

    def of(self, indicator: Indicator, department: str | None, as_of: date) -> Sequence[Standing]:
        """Return how an indicator stands in one territory, against each milestone."""
        return [
            one
            for one in self.standings(as_of)
            if one.judgement.indicator.id == indicator.id and one.judgement.department == department
        ]

    def country(self, indicator: Indicator) -> History | None:
        """Return the country's history, where the catalogue shows one beside the Région's."""
        return self.histories.get((indicator.id, COUNTRY))

    def _with_histories(self, judgements: Sequence[Judgement]) -> tuple[Standing, ...]:
        return tuple(
            Standing(one, self.histories.get((one.indicator.id, one.department), History()))
            for one in judgements
        )
