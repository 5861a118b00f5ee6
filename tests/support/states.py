"""The merge of two whole states, with which that of a batch is compared."""

from streams.state import EntityState, newest


def merge_states(left: EntityState, right: EntityState) -> EntityState:
    """Return the union of two states of one entity, with the newest cell of each day."""
    if not left:
        return right
    merged = {fact: dict(days) for fact, days in left.items()}
    for fact, days in right.items():
        known = merged.setdefault(fact, {})
        for day, cell in days.items():
            current = known.get(day)
            known[day] = cell if current is None else newest(current, cell)
    return merged
