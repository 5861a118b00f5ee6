"""The restoring of states that are the first of their entities: of most changelog records."""

from __future__ import annotations

from pydantic_core import from_json

from events.record_rules import RecordRules, latest_time
from events.registry import Family
from streams.fold import Difference, Fold
from streams.state import EMPTY, state_in

__all__ = ["FirstStates"]


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

    def take(self, key: bytes, value: bytes, timestamp: int) -> bool:
        """Take the state of a record; return False for one that is not taken, or no state."""
        latest = timestamp * 1000 + self._ahead if timestamp >= 0 else self._endless
        try:
            difference = self._difference(key.decode(), value, latest)
        except Exception:  # noqa: BLE001 - foreign bytes may raise anything
            return False
        if difference is None:
            return False
        self.differences.append(difference)
        return True

    def _difference(self, entity: str, value: bytes, latest: int) -> Difference | None:
        content = from_json(value, cache_strings="keys")
        if len(content) == 1:
            ((fact, days),) = content.items()
            if len(days) == 1:
                # Without cells: of large families most entities have one.
                ((day, (time, source, id_, attributes)),) = days.items()
                if type(time) is not int or type(source) is not str or type(id_) is not str:
                    return None
                if time > latest or not self._takes_all(fact, source):
                    return None
                difference = self._fold.first(self._family, entity, fact, day, attributes)
                self._fold.verify(difference)
                return difference
        state = state_in(content)
        for fact, cells in state.items():
            for cell in cells.values():
                if cell[0] > latest or not self._takes_all(fact, cell[1]):
                    return None
        if not state:
            return None
        difference = self._fold.difference(self._family, entity, EMPTY, state)
        self._fold.verify(difference)
        return difference
