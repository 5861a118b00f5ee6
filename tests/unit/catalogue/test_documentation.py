"""The page on the declaration language, whose examples are run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from broker.stored_record import RawRecord
from catalogue.algebra import compile_measure
from catalogue.history import History, StepFunction
from catalogue.judgement import judge
from catalogue.loader import load_catalogue
from catalogue.model import Indicator
from catalogue.publication import Publication, PublicationStep
from events.fact import Family
from events.registry import FACTS_BY_NAME
from tests.support.audits import INDICATOR, audited, raw
from tests.support.histories import ENTITIES

PAGE = Path(__file__).parents[3] / "docs" / "catalogue.md"
BLOCKS = re.findall(
    r"^```yaml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
STATED: list[dict[str, Any]] = [yaml.safe_load(block) for block in BLOCKS[1:]]
EXAMPLES = [example for example in STATED if "figures" in example]
JUDGED = [
    (example, day, judged)
    for example in STATED
    for day, judged in example.get("judged", {}).items()
]
PUBLISHED = [example for example in STATED if "shown" in example]


def figures() -> Iterator[tuple[dict[str, Any], date, str | None, object]]:
    for example in EXAMPLES:
        for day, stated in example["figures"].items():
            by_category = stated if isinstance(stated, dict) else {None: stated}
            for category, figure in by_category.items():
                yield example, day, category, figure


def records_of(example: dict[str, Any]) -> Iterator[RawRecord]:
    """Yield the records of an example's facts, which name their entities in words."""
    entities: dict[str, str] = {}
    for day, fact, entity, given in example["facts"]:
        family = FACTS_BY_NAME[fact].FAMILY
        name, _, part = entity.partition("/")
        fields = {"available_hours": 1000} if family is Family.WORKSTATIONS else {}
        if part:
            fields["territory" if family is Family.OBSERVATIONS else "period_start"] = part
        if family is not Family.OBSERVATIONS:
            name = entities.setdefault(name, ENTITIES[family][len(entities)])
        yield raw(fact, name, str(day), **fields | given)


@pytest.mark.parametrize(("example", "day", "category", "stated"), list(figures()))
def test_an_example_gives_the_figure_that_the_page_states(
    example: dict[str, Any], day: date, category: str | None, stated: object
) -> None:
    measure, where = compile_measure(example["measure"]), example.get("department")
    unit = "count" if measure.denominator is None and measure.divisor == 1 else "ratio"
    counted = audited(
        records_of(example),
        example["measure"],
        str(day),
        unit="euros" if "amount_cents" in example["measure"].values() else unit,
        grain="department" if where else "region",
        breakdown=example.get("breakdown"),
    )
    reading = counted.readings[INDICATOR, where]
    amount = counted.categories[INDICATOR, category, where] if category else reading.numerator
    over = 1 if measure.denominator is None else reading.denominator
    is_reported = measure.additive or reading.last_reported is not None
    figure = Fraction(amount, over * measure.divisor) if over and is_reported else None
    assert figure == (None if stated is None else Fraction(str(stated)))


def totals(stated: dict[date, int] | None) -> StepFunction | None:
    return None if stated is None else StepFunction(tuple(stated), tuple(stated.values()))


def as_stated(judged: object) -> object:
    if is_dataclass(judged):
        return {part.name: as_stated(getattr(judged, part.name)) for part in fields(judged)}
    return Fraction(judged) if isinstance(judged, int | Fraction) else judged


def as_read(stated: object) -> object:
    if isinstance(stated, dict):
        return {name: as_read(part) for name, part in stated.items()}
    is_number = isinstance(stated, int) or (isinstance(stated, str) and "/" in stated)
    return Fraction(str(stated)) if is_number else stated


@pytest.mark.parametrize(("example", "day", "stated"), JUDGED)
def test_an_example_is_judged_as_the_page_states(
    example: dict[str, Any], day: date, stated: dict[str, Any]
) -> None:
    numerator, denominator = (totals(example.get(key)) for key in ("numerator", "denominator"))
    assert numerator is not None
    counted = {"count": "coworking.opened"}
    baseline = example.get("baseline")
    indicator = Indicator.model_validate(
        {
            "id": "example",
            "title": "Exemple",
            "definition": "Exemple.",
            "unit": "ratio" if denominator else "count",
            "direction": "rising",
            "grain": "region",
            "measure": {"ratio": {"of": counted, "over": counted}} if denominator else counted,
            "periodicity": example.get("periodicity", "irregular"),
            "availability_delay_days": 0,
            "trend": example.get("trend", {}),
            "baseline": baseline and {**baseline, "source": "La page."},
            "milestones": [{"id": "example", "source": "La page.", **example["milestone"]}],
        }
    )
    history = History(numerator, denominator, numerator.days)
    judgement = judge(indicator, indicator.milestones[0], None, history, day)
    assert {name: as_stated(getattr(judgement, name)) for name in stated} == as_read(stated)


@pytest.mark.parametrize("example", PUBLISHED)
def test_an_example_is_published_as_the_page_states(example: dict[str, Any]) -> None:
    persons = totals(example["persons"])
    assert persons is not None
    publication = Publication(
        example["min_cell"],
        PublicationStep(example["published"]),
        example["availability_delay_days"],
    )
    published = persons.published(publication)
    shown = {day: published.at(publication.day(day)) or None for day in example["shown"]}
    assert shown == example["shown"]


def test_every_example_is_run() -> None:
    judged = [example for example in STATED if "judged" in example]
    assert len(EXAMPLES) + len(judged) + len(PUBLISHED) == len(STATED)


@pytest.mark.parametrize("form", ["count", "latest", "sum", "fresh", "ratio", "share", "observed"])
def test_each_form_has_an_example(form: str) -> None:
    assert any(form in example["measure"] for example in EXAMPLES)


def test_the_programme_on_the_page_loads(tmp_path: Path) -> None:
    (tmp_path / "lycees.yaml").write_text(BLOCKS[0], encoding="utf-8")
    assert load_catalogue(tmp_path).indicator("schools_connected_ratio").milestones[0].target == 1
