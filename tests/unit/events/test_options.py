"""The options that commands have in common."""

from __future__ import annotations

import click
import pytest

from events.options import SECONDS, SHARE, NumberRange


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((SECONDS, text) for text in ("nan", "inf", "1e400", "0", "-1", "3000000", "x")),
        *((SHARE, text) for text in ("nan", "1.1", "-inf")),
    ],
)
def test_what_is_no_number_in_bounds_is_refused(kind: NumberRange, text: str) -> None:
    """`nan` is neither below nor above anything: a share of it would withdraw all datasets."""
    with pytest.raises(click.BadParameter):
        kind.convert(text, None, None)


def test_a_number_in_bounds_is_taken() -> None:
    assert SECONDS.convert("0.5", None, None) == 0.5
    assert SHARE.convert("1", None, None) == 1.0
