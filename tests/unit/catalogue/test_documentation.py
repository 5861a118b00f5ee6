"""The page on the declaration language, whose examples are run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue.algebra import break_down, compile_measure
from catalogue.loader import load_catalogue
from tests.support.reference_figures import Record, reference_figure

PAGE = Path(__file__).parents[3] / "docs" / "catalogue.md"
BLOCKS = re.findall(
    r"^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
EXAMPLES: list[dict[str, Any]] = [yaml.safe_load(block) for block in BLOCKS[1:]]


def figures() -> Iterator[tuple[dict[str, Any], date, str | None, object]]:
    """Give each figure that an example states: the example, the day, the category, the figure."""
    for example in EXAMPLES:
        for day, stated in example["figures"].items():
            by_category = stated if isinstance(stated, dict) else {None: stated}
            for category, figure in by_category.items():
                yield example, day, category, figure


@pytest.mark.parametrize(("example", "day", "category", "stated"), list(figures()))
def test_an_example_gives_the_figure_that_the_page_states(
    example: dict[str, Any], day: date, category: str | None, stated: object
) -> None:
    """What the page says a measure gives is what its compiled plan gives."""
    measure = compile_measure(example["measure"])
    if "breakdown" in example:
        measure = break_down(measure, example["breakdown"])
    records = [Record(*fact) for fact in example["facts"]]
    expected = None if stated is None else Fraction(str(stated))
    assert reference_figure(measure, records, day, category) == expected


@pytest.mark.parametrize("form", ["count", "latest", "sum", "fresh", "ratio", "share"])
def test_each_form_has_an_example(form: str) -> None:
    """No form of the algebra is left without an example."""
    assert any(form in example["measure"] for example in EXAMPLES)


def test_the_programme_on_the_page_loads(tmp_path: Path) -> None:
    """The file that opens the page is a correct catalogue."""
    (tmp_path / "lycees.yaml").write_text(BLOCKS[0], encoding="utf-8")
    assert load_catalogue(tmp_path).indicator("schools_connected_ratio").milestones[0].target == 1
