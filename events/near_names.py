"""The known name that was probably meant by another, found in a bounded time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Final

_MOST_COMPARED: Final = 3
"""How many names are compared letter by letter: each takes some 20 microseconds."""


def near_name(written: str, known: Iterable[str], *, least: float) -> str | None:
    """Return the known name that is most like the written one; None where none is `least` like it.

    No known name is empty. Likeness is difflib's, from 0 to 1. The letters that two names have in
    common, in whatever order, bound it, and are counted in a tenth of the time: the few names with
    the highest bounds are compared in full. The worker looks in its loop, for thousands of events
    in a batch.
    """
    letters = Counter(written).items()
    bounded: list[tuple[float, str]] = []
    for name in known:
        whole = len(written) + len(name)
        if 2 * min(len(written), len(name)) < least * whole:
            continue
        common = sum(min(count, name.count(letter)) for letter, count in letters)
        if 2 * common >= least * whole:
            bounded.append((2 * common / whole, name))
    bounded.sort(reverse=True)
    compared = SequenceMatcher(None, "", written)
    best, found = least, None
    for bound, name in bounded[:_MOST_COMPARED]:
        if bound < best:
            break
        compared.set_seq1(name)
        likeness = compared.ratio()
        if likeness >= best:
            best, found = likeness, name
    return found
