"""What is known of all figures: their histories, and the judgements of any day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Final, Self

from catalogue.explanations import NO_EXPLANATIONS, Explanations, explanations_for
from catalogue.history import COUNTRY, Histories, History
from catalogue.judgement import Judgement, judge_figure
from catalogue.model import Catalogue, Indicator
from report.standing import Standing
from streams.explanations import explanations_of
from streams.histories import Parts, categories_of, histories_of
from streams.state_store import StateStore

MOST_FIGURES: Final = 2048
"""The number of figures whose judgements are kept, those last shown: all of some 16 days."""


class Knowledge:
    """The histories of every indicator at one moment, or as known at the end of a past day.

    It is immutable but for the judgements that it keeps, and safe for several threads. `judged` are
    a day's judgements that are there already.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        histories: Histories,
        parts: Parts,
        *,
        explanations: Explanations = NO_EXPLANATIONS,
        judged: tuple[date, Sequence[Judgement]] | None = None,
    ) -> None:
        self.catalogue = catalogue
        self.histories = histories
        self.parts = parts
        self.explanations = explanations
        self._judged: dict[tuple[str, str | None, date], list[Judgement]] = {}
        if judged is not None:
            day, judgements = judged
            for one in judgements:
                key = one.indicator.id, one.department, day
                self._judged.setdefault(key, []).append(one)
        self._kept = lru_cache(MOST_FIGURES)(self._standings)

    @classmethod
    def from_states(
        cls, state_store: StateStore, catalogue: Catalogue, known_on: date | None = None
    ) -> Self:
        """Return what states hold; those of a past day as known at its end."""
        return cls(
            catalogue,
            histories_of(state_store, catalogue, known_on),
            categories_of(state_store, catalogue, known_on),
            explanations=explanations_of(state_store),
        )

    def standings(self, as_of: date) -> tuple[Standing, ...]:
        """Return how every indicator stands on a day, in every territory, by milestone."""
        return tuple(
            standing
            for indicator in self.catalogue.indicators
            for department in indicator.territories
            for standing in self.of(indicator, department, as_of)
        )

    def standing(self, indicator: Indicator, department: str | None, as_of: date) -> Standing:
        """Return how an indicator stands against the milestone in force on a day."""
        milestone = indicator.milestone_for(department, as_of)
        found = self.of(indicator, department, as_of)
        return next(one for one in found if one.judgement.milestone == milestone)

    def of(self, indicator: Indicator, department: str | None, as_of: date) -> tuple[Standing, ...]:
        """Return how an indicator stands in one territory, against each milestone."""
        return self._kept(indicator.id, department, as_of)

    def country(self, indicator: Indicator) -> History | None:
        """Return the country's history, where the catalogue shows one beside the Région's."""
        return self.histories.get((indicator.id, COUNTRY))

    def _standings(
        self, indicator: str, department: str | None, as_of: date
    ) -> tuple[Standing, ...]:
        judgements = self._judged.get((indicator, department, as_of)) or judge_figure(
            self.catalogue.indicator(indicator), department, self.histories, as_of
        )
        history = self.histories.get((indicator, department), History())
        return tuple(
            Standing(one, history, explanations_for(self.explanations, one, as_of), as_of)
            for one in judgements
        )
