"""The restoring of states that are the first of their entities: of most changelog records."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

from events.fact import Family
from events.record_rules import RecordRules, latest_time
from streams.contribution import Counting, contributions_of_first
from streams.fold import Difference, Fold
from streams.state import EMPTY, state_in


class FirstStates:
    """The first states of entities of one family, which a fold has yet to be given.

    Only states are taken of which nothing has to be left out: all is recorded in time, by sources
    that may report every entity.
    """

    def __init__(self, family: Family, fold: Fold, rules: RecordRules) -> None:
        """Create one without states."""
        self.differences: list[Difference] = []
        """What the states taken give to the fold."""
        self._fold = fold
        self._family = family
        self._ahead = latest_time(0, rules.tolerance)
        self._endless = latest_time(-1, rules.tolerance)
        self._takes_all = rules.ownership.takes_all
        #: What `Fold.counting` returns for a fact, by fact and source; None for a source whose
        #: states are not taken.
        self._of_sources: dict[tuple[str, str], Counting | None] = {}

    def take(self, key: bytes, value: bytes, timestamp: int) -> bool:
        """Take the state of a record; return False for one that is not taken, or no state."""
        latest = timestamp * 1000 + self._ahead if timestamp >= 0 else self._endless
        try:
            entity = key.decode()
            content = from_json(value, cache_strings="keys")
            if len(content) == 1:
                ((fact, days),) = content.items()
                if len(days) == 1:
                    # Without cells: of large families most entities have one.
                    ((day, (time, source, id_, attributes)),) = days.items()
                    if (
                        type(time) is not int
                        or type(source) is not str
                        or type(id_) is not str
                        or time > latest
                    ):
                        return False
                    try:
                        counting = self._of_sources[fact, source]
                    except KeyError:
                        counting = self._of_sources[fact, source] = self._counting(fact, source)
                    if counting is None:
                        return False
                    difference = contributions_of_first(counting, day, attributes)
                    self._fold.verify(difference)
                    self.differences.append(difference)
                    return True
            return self._take_all(entity, content, latest)
        except Exception:  # noqa: BLE001 - foreign bytes may raise anything
            return False

    def _counting(self, fact: str, source: str) -> Counting | None:
        if not self._takes_all(fact, source) or self._fold.has_own_views(self._family):
            return None
        return self._fold.counting(self._family, fact)

    def _take_all(self, entity: str, content: Any, latest: int) -> bool:  # noqa: ANN401 - JSON
        state = state_in(content)
        for fact, cells in state.items():
            for cell in cells.values():
                if cell[0] > latest or not self._takes_all(fact, cell[1]):
                    return False
        if not state:
            return False
        difference = self._fold.difference(self._family, entity, EMPTY, state)
        self._fold.verify(difference)
        self.differences.append(difference)
        return True
