"""The territory: sizes and turns of the communes."""

from __future__ import annotations

from simulation.territory import draw_territory


def test_turns_run_from_first_to_last_in_each_departement() -> None:
    """A roll-out that has come to its end has come to every commune."""
    for communes in draw_territory(1).values():
        turns = sorted(commune.turn for commune in communes)
        assert (turns[0], turns[-1]) == (0, 1)
        assert len(set(turns)) == len(communes)
