"""What is known of all figures: their histories, and the judgements of any day."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from datetime import date
from threading import Lock
from typing import Final, Self, TypeAlias

from catalogue.explanations import NO_EXPLANATIONS, Explanations, explanations_for
from catalogue.history import COUNTRY, Histories, History
from catalogue.judgement import Judgement, judge_figure
from catalogue.model import Catalogue, Indicator
from report.standing import Standing
from streams.explanations import explanations_of
from streams.histories import Parts, categories_of, histories_of
from streams.state_store import StateStore

MOST_DAYS: Final = 16
"""The number of days whose judgements are kept: those last asked for."""

_Figure: TypeAlias = tuple[str, str | None]
"""An indicator's id and a département; None is the Région."""
_Standings: TypeAlias = "dict[_Figure, tuple[Standing, ...]]"


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
        explanations: Explanations = NO_EXPLANATIONS,
        judged: tuple[date, tuple[Judgement, ...]] | None = None,
    ) -> None:
        """Create it; `judged` has a day's judgements that are there already."""
        self.catalogue = catalogue
        self.histories = histories
        self.parts = parts
        self.explanations = explanations
        self._lock = Lock()
        self._days: OrderedDict[date, _Standings] = OrderedDict()
        if judged is not None:
            day, judgements = judged
            self._days[day] = self._with_histories(judgements, day)

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
        return next(
            one
            for one in self.of(indicator, department, as_of)
            if one.judgement.milestone == milestone
        )

    def of(self, indicator: Indicator, department: str | None, as_of: date) -> tuple[Standing, ...]:
        """Return how an indicator stands in one territory, against each milestone.

        It is judged when it is first asked for: most pages show a few of all figures.
        """
        key = indicator.id, department
        of_day = self._of_day(as_of)
        found = of_day.get(key)
        if found is None:
            judged = judge_figure(indicator, department, self.histories, as_of)
            # Of two threads that judged the same, the first one's is kept.
            found = of_day.setdefault(key, self._with_histories(judged, as_of)[key])
        return found

    def country(self, indicator: Indicator) -> History | None:
        """Return the country's history, where the catalogue shows one beside the Région's."""
        return self.histories.get((indicator.id, COUNTRY))

    def _of_day(self, as_of: date) -> _Standings:
        with self._lock:
            found = self._days.setdefault(as_of, {})
            self._days.move_to_end(as_of)
            if len(self._days) > MOST_DAYS:
                self._days.popitem(last=False)
            return found

    def _with_histories(self, judgements: Sequence[Judgement], as_of: date) -> _Standings:
        found: dict[_Figure, list[Standing]] = defaultdict(list)
        for one in judgements:
            key = one.indicator.id, one.department
            found[key].append(
                Standing(
                    one,
                    self.histories.get(key, History()),
                    explanations_for(self.explanations, one, as_of),
                    as_of,
                )
            )
        return {key: tuple(standings) for key, standings in found.items()}
