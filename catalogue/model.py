"""What was promised: programmes, their indicators, baselines and milestones."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Self, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)

from boundary.diagnostic import Diagnostic, FieldPath, choose
from boundary.errors import SmartRegionError
from catalogue.algebra import (
    CENTS_PER_EURO,
    MeasureError,
    break_down,
    compile_measure,
    has_department,
    in_money,
)
from catalogue.observed import country_measure, is_percent
from catalogue.open_data import THEMES
from catalogue.publication import PersonPart, Publication, PublicationStep, person_parts
from catalogue.terms import Measure, Term
from catalogue.territories import REGION, department_of, territory_key
from catalogue.vocabulary import FieldUse, resolve_field
from events.declaration import invalid, invalid_model
from events.explanation import NUMBER_REMEDY
from events.fact import Family
from events.frequency import Frequency
from events.identifiers import DEPARTMENTS, FIRST_DAY, Department, not_blank
from events.territory import TERRITORY

Item = TypeVar("Item")
Promise: TypeAlias = tuple[str, str, str | None]
"""An indicator's id, a milestone's id, a département or None for the Région."""

LAST_DAY = date(2099, 12, 31)
LARGEST_NUMBER = 10**15
MOST_DECIMALS = 12
MOST_DECIMALS_SHOWN = 6
SHORTEST_MONTH = 28
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}")


class UndeclaredError(SmartRegionError):
    """An indicator or a milestone (the `kind`) that the catalogue does not have."""

    def __init__(self, kind: str, value: str, *, known: Collection[str]) -> None:
        remedy = f"one of {', '.join(known) or 'none yet'}"
        super().__init__(str(Diagnostic((), "is not declared", value, remedy, field=kind)))


class Unit(StrEnum):
    """What a value is counted in: a fraction of 1, a number of things, or euros."""

    RATIO = "ratio"
    COUNT = "count"
    EUROS = "euros"


class Direction(StrEnum):
    """Which way the promise goes (tendance: hausse, baisse)."""

    RISING = "rising"
    FALLING = "falling"


class Grain(StrEnum):
    """The smallest territory that an indicator has a value for; each also has the region's."""

    REGION = "region"
    DEPARTMENT = "department"


def _compiled(declared: object) -> Measure:
    if isinstance(declared, Measure):
        return declared
    try:
        return compile_measure(declared)
    except MeasureError as error:
        raise invalid_model(CatalogueModel, error.diagnostics) from error


def _number(declared: object) -> object:
    """Refuse what pydantic would convert to a number: text and flags."""
    if isinstance(declared, bool | str):
        raise invalid("is not a number", declared, NUMBER_REMEDY)
    return declared


def _bounded(number: Decimal) -> Decimal:
    """Refuse what a rule, a metric or a page could not write as a number."""
    if abs(number) > LARGEST_NUMBER:
        remedy = f"write a number from -{LARGEST_NUMBER} to {LARGEST_NUMBER}"
        raise invalid("is out of range", number, remedy)
    if _digits_after_point(number) > MOST_DECIMALS:
        remedy = f"write at most {MOST_DECIMALS} digits after the point"
        raise invalid("has more digits than any figure", number, remedy)
    return number


def _digits_after_point(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _some(declared: tuple[Item, ...]) -> tuple[Item, ...]:
    """Check that there is an item; a minimal length would also count those that are wrong."""
    if not declared:
        raise invalid("is empty", [], "write at least one item")
    return declared


def _identifier(declared: str) -> str:
    if not _IDENTIFIER.fullmatch(declared):
        remedy = "write lower-case letters, digits and _, a letter first"
        raise invalid("is not an identifier", declared, remedy)
    return declared


def _former_milestone(declared: str) -> str:
    if not all(map(_IDENTIFIER.fullmatch, declared.split("."))) or declared.count(".") != 1:
        remedy = "write INDICATOR.MILESTONE, as schools_connected_ratio.all_connected"
        raise invalid("is not a milestone of an indicator", declared, remedy)
    return declared


def _territory(declared: object) -> object:
    return _known_territory(declared, REGION)


def _scope(declared: object) -> object:
    return _known_territory(declared, REGION, "departments")


def _known_territory(declared: object, *others: str) -> object:
    known = (*others, *DEPARTMENTS)
    if declared not in known:
        problem = f"is no territory of {TERRITORY.name}"
        raise invalid(problem, declared, choose(declared, known))
    return declared


def _theme(declared: str) -> str:
    if declared not in THEMES:
        raise invalid("is not a theme of open data", declared, f"one of {', '.join(THEMES)}")
    return declared


Identifier = Annotated[str, AfterValidator(_identifier)]
Text = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(not_blank)]
Day = Annotated[date, Field(strict=True, ge=FIRST_DAY, le=LAST_DAY)]
Days = Annotated[int, Field(strict=True, ge=0, le=3660)]
Number = Annotated[Decimal, BeforeValidator(_number), AfterValidator(_bounded)]
Flag = Annotated[bool, Field(strict=True)]
TerritoryKey = Annotated[str, BeforeValidator(_territory)]
ScopeKey = Annotated[str, BeforeValidator(_scope)]


class CatalogueModel(BaseModel):
    """Base of everything that a catalogue file declares."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        str_strip_whitespace=True,
        # `Indicator.measure` and the like are computed once; the models are frozen.
        ignored_types=(cached_property,),
    )


class Baseline(CatalogueModel):
    """Where an indicator stood before the promise (valeur initiale, vi)."""

    value: Number
    day: Day
    source: Text
    assumed: Flag = False
    """True where the promise does not state the value or the day."""

    @cached_property
    def exact_value(self) -> Fraction:
        """The value, to compute with."""
        return Fraction(self.value)


class Milestone(CatalogueModel):
    """A target with a date (jalon). What the promise does not state is absent or assumed."""

    id: Identifier
    title: Text | None = None
    target: Number | None = None
    """The value to reach (valeur cible, vc), in the indicator's unit."""
    day: Day | None = None
    """The last day on which the target can be reached in time."""
    source: Text
    assumed: Flag = False
    """True where the promise does not state the target or the day; `source` has which."""
    scope: Annotated[tuple[ScopeKey, ...], AfterValidator(_some)] = (REGION,)
    """Whose values are held to it: `region`, `departments` (all), or INSEE codes."""

    @property
    def name(self) -> str:
        """Its title, or its id where it has none."""
        return self.title or self.id

    @cached_property
    def exact_target(self) -> Fraction | None:
        """The target, to compute with."""
        return None if self.target is None else Fraction(self.target)

    @cached_property
    def departments(self) -> tuple[Department, ...]:
        """The départements that are held to it, in the order of their codes."""
        return tuple(
            code for code in Department if "departments" in self.scope or code in self.scope
        )

    def holds(self, department: str | None) -> bool:
        """Return whether a département (None: the region) is held to this milestone."""
        return REGION in self.scope if department is None else department in self.departments


class CountryTarget(CatalogueModel):
    """A target of the whole country."""

    target: Number
    day: Day
    source: Text


class Country(CatalogueModel):
    """The whole country's figures, kept for comparison: no territory here is held to them."""

    shown: Flag = False
    """True where its value is shown beside the region's."""
    baseline: Baseline | None = None
    targets: tuple[CountryTarget, ...] = ()


class TrendWindow(CatalogueModel):
    """The points of an indicator's history that its trend is computed from."""

    window_days: Annotated[int, Field(strict=True, ge=1, le=3660)] = 365
    """How far back the points go."""
    step_days: Annotated[int, Field(strict=True, ge=1, le=3660)] = 30
    """How far apart they are, from 28 days on in whole months: at least as far as the reports."""
    at_least: Annotated[int, Field(strict=True, ge=3, le=1000)] = 6
    """How many of them must have a value before anything is projected."""
    margin_days: Annotated[int, Field(strict=True, ge=0, le=3660)] = 30
    """How long before a milestone's day it must be projected to be no longer at risk."""

    @property
    def points(self) -> int:
        """How many points there are: both ends of the window, where the step divides it."""
        return self.window_days // self.step_days + 1

    @property
    def step_months(self) -> int:
        """The step in months, as near as it comes; 0 where it is shorter than any month."""
        return max(1, round(self.step_days * 12 / 365)) if self.step_days >= SHORTEST_MONTH else 0


class Indicator(CatalogueModel):
    """A figure that measures how far a promise is kept."""

    id: Identifier
    title: Text
    """French, as the delegate reads it."""
    definition: Text
    """French: what is counted, from which facts, and what is not."""
    unit: Unit
    direction: Direction
    grain: Grain
    plan: Annotated[Measure, PlainValidator(_compiled)] = Field(alias="measure")
    """The measure before it is broken down; see `measure`."""
    breakdown: str | None = None
    """The field whose values (or keys) are the categories: audience, theme…"""
    periodicity: Frequency
    """How often the facts behind it are expected."""
    availability_delay_days: Days
    """How long after a period its facts are there."""
    grace_days: Days = 0
    """How much later still an indicator is not yet called unreported."""
    explanation_grace_days: Days = 30
    """How long a milestone may be missed or at risk without an explanation."""
    trend: TrendWindow = TrendWindow()
    min_cell: Annotated[int, Field(strict=True, ge=2, le=1000)] | None = None
    """The smallest number of persons that may be shown; see `catalogue.publication`."""
    published: PublicationStep | None = None
    """How often figures about persons are published: as they stood at the end of such a period."""
    baseline: Baseline | None = None
    """The region's, and each département's where it can be theirs too; see `baseline_for`."""
    baselines: dict[TerritoryKey, Baseline] = {}
    """Those of the territories that have their own: `region`, or an INSEE code."""
    milestones: tuple[Milestone, ...] = ()
    country: Country | None = None
    """France's own figures, of what is observed."""

    @field_validator("breakdown")
    @classmethod
    def _divides_the_measure(cls, field: str | None, info: ValidationInfo) -> str | None:
        if field is not None and "plan" in info.data:
            try:
                break_down(info.data["plan"], field)
            except MeasureError as error:
                raise invalid_model(CatalogueModel, error.diagnostics) from error
        return field

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        mistakes = tuple(self._contradictions())
        if mistakes:
            raise invalid_model(Indicator, mistakes)
        return self

    def _contradictions(self) -> Iterator[Diagnostic]:
        """Yield where two fields, each correct by itself, contradict each other."""
        measured = self._measured_units()
        if self.unit not in measured:
            problem = f"does not fit the measure, which is in {measured[0]}"
            yield Diagnostic(("unit",), problem, str(self.unit), f"write '{measured[0]}'")
        if self.grain is Grain.DEPARTMENT and not has_department(self.plan):
            problem = "does not fit the measure, whose facts name no département"
            yield Diagnostic(("grain",), problem, str(self.grain), "write 'region'")
        if self.trend.at_least > self.trend.points:
            problem = f"is more than the {self.trend.points} points of the window"
            remedy = "lengthen window_days, shorten step_days, or ask for fewer points"
            yield Diagnostic(("trend", "at_least"), problem, self.trend.at_least, remedy)
        yield from self._misfits_of_persons()
        yield from self._impossible_starts()
        yield from self._misfits_of_the_country()
        for index, milestone in enumerate(self.milestones):
            where = ("milestones", index)
            yield from self._impossible((*where, "target"), milestone.target)
            yield from self._misplaced(where, milestone, self.milestones[:index])

    def _misfits_of_persons(self) -> Iterator[Diagnostic]:
        if (self.min_cell is None) != (self.published is None):
            missing = "published" if self.published is None else "min_cell"
            problem = "is missing: who counts persons declares min_cell and published"
            example = "monthly" if self.published is None else "10"
            yield Diagnostic((missing,), problem, None, f"write {missing}: {example}")
        if self.min_cell is None:
            return
        if self.unit is Unit.EUROS or not self.plan.additive:
            observed = "observed" if not self.plan.additive else f"in {self.unit}"
            problem = f"counts persons, and the measure is {observed}"
            remedy = (
                "remove it: who observes decides what may be known"
                if not self.plan.additive
                else "remove it: only persons are counted in cells"
            )
            yield Diagnostic(("min_cell",), problem, self.min_cell, remedy)
        if self.unit is Unit.RATIO and self.breakdown is not None:
            problem = "divides a ratio of persons, which has no cells of its own"
            yield Diagnostic(("breakdown",), problem, self.breakdown, "leave breakdown out")
        for index, milestone in enumerate(self.milestones):
            target = milestone.target
            if self.unit is Unit.COUNT and target is not None and target < self.min_cell:
                problem = f"is below min_cell: whether {self.min_cell - 1} or fewer is reached"
                remedy = f"write at least {self.min_cell}, or leave the target out"
                where = ("milestones", index, "target")
                yield Diagnostic(where, f"{problem} would be shown", target, remedy)

    def _impossible_starts(self) -> Iterator[Diagnostic]:
        if self.baseline is not None:
            yield from self._impossible(("baseline", "value"), self.baseline.value)
            if REGION in self.baselines:
                remedy = "keep this one or baseline"
                yield Diagnostic(("baselines", REGION), "is there twice", REGION, remedy)
        for territory, baseline in self.baselines.items():
            yield from self._impossible(("baselines", territory, "value"), baseline.value)
            if territory != REGION and self.grain is Grain.REGION:
                remedy = "write region, or give the indicator grain: department"
                path = ("baselines", territory)
                yield Diagnostic(path, "is finer than the grain", territory, remedy)

    def _misfits_of_the_country(self) -> Iterator[Diagnostic]:
        if self.country is None:
            return
        if self.plan.additive:
            problem = "is kept of what is observed alone"
            yield Diagnostic(("country",), problem, "country", "remove it")
        if self.country.baseline is not None:
            where = ("country", "baseline", "value")
            yield from self._impossible(where, self.country.baseline.value)
        for index, one in enumerate(self.country.targets):
            yield from self._impossible(("country", "targets", index, "target"), one.target)

    def _impossible(
        self, path: tuple[str | int, ...], value: Decimal | None
    ) -> Iterator[Diagnostic]:
        if value is None or (self.unit is not Unit.RATIO and not self.plan.additive):
            return  # What others observe may well be negative: a balance, a rate of growth.
        highest = 1 if self.unit is Unit.RATIO else None
        if value < 0 or (highest is not None and value > highest):
            remedy = "write a ratio between 0 and 1" if highest else "write a number from 0 up"
            yield Diagnostic(path, "is out of range", value, remedy)

    def _misplaced(
        self, path: FieldPath, milestone: Milestone, before: tuple[Milestone, ...]
    ) -> Iterator[Diagnostic]:
        if milestone.id in {other.id for other in before}:
            remedy = "give each milestone its own id"
            yield Diagnostic((*path, "id"), "is there twice", milestone.id, remedy)
        if milestone.target is None and milestone.day is None:
            remedy = "give it a target, a day or both"
            yield Diagnostic(path, "promises nothing", milestone.id, remedy)
        if milestone.departments and self.grain is Grain.REGION:
            remedy = "write [region], or give the indicator grain: department"
            scope = ", ".join(milestone.scope)
            yield Diagnostic((*path, "scope"), "is finer than the grain", scope, remedy)
        if milestone.day is None:
            return
        starts = [start.day for start in self._starts_of(milestone)]
        if starts and milestone.day <= max(starts):
            remedy = f"write a day after {max(starts)}"
            yield Diagnostic((*path, "day"), "is not after the baseline's", milestone.day, remedy)
        previous = max((other.day for other in before if other.day is not None), default=None)
        if previous is not None and milestone.day < previous:
            remedy = "put the milestones in the order of their days"
            problem = "is before the previous milestone's"
            yield Diagnostic((*path, "day"), problem, milestone.day, remedy)

    def _starts_of(self, milestone: Milestone) -> Iterator[Baseline]:
        """Yield the baselines of the territories that are held to a milestone."""
        if self.baseline is not None and (self.plan.additive or milestone.holds(None)):
            yield self.baseline
        for territory, baseline in self.baselines.items():
            if milestone.holds(department_of(territory)):
                yield baseline

    def _measured_units(self) -> tuple[Unit, ...]:
        """Return the units that the measure allows; an observed value keeps its owner's unit."""
        if self.plan.whole:
            return (Unit.COUNT, Unit.EUROS)
        if not self.plan.additive:
            return (Unit.RATIO,) if is_percent(self.plan) else tuple(Unit)
        if self.plan.denominator is not None:
            return (Unit.RATIO,)
        return (Unit.EUROS,) if self.plan.divisor != 1 else (Unit.COUNT,)

    @cached_property
    def measure(self) -> Measure:
        """The compiled plan, broken down where the indicator is."""
        return self.plan if self.breakdown is None else break_down(self.plan, self.breakdown)

    @property
    def term_unit(self) -> Unit:
        """The unit of its terms: what a counted ratio divides are numbers, or euros."""
        if self.plan.denominator is None:
            return self.unit
        return Unit.EUROS if in_money(self.plan.numerator) else Unit.COUNT

    @property
    def term_divisor(self) -> int:
        """What a term's whole number is divided by to be in `term_unit`: 100 for cents."""
        return CENTS_PER_EURO if in_money(self.plan.numerator) else self.plan.divisor

    @cached_property
    def publication(self) -> Publication | None:
        """How its counts of persons are published; None where it counts none."""
        if self.min_cell is None or self.published is None:
            return None
        return Publication(self.min_cell, self.published, self.availability_delay_days)

    @cached_property
    def comparison(self) -> Measure | None:
        """The figure of the whole country, if the catalogue shows it."""
        shown = self.country is not None and self.country.shown
        return country_measure(self.plan) if shown else None

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of the breakdown, in their declared order; none without one."""
        return () if self._divided_by is None else self._divided_by.choices

    @property
    def category_words(self) -> Mapping[str, str]:
        """The French word of each category."""
        return {} if self._divided_by is None else self._divided_by.words

    @property
    def dimension(self) -> str:
        """French for what the breakdown divides the figure by, after « par »; empty without one."""
        return "" if self._divided_by is None else self._divided_by.dimension

    @cached_property
    def _divided_by(self) -> FieldUse | None:
        if self.breakdown is None:
            return None
        return resolve_field(self.plan.numerator.facts[0], self.breakdown)

    @property
    def all_baselines(self) -> tuple[Baseline, ...]:
        """Every baseline that it has, of whatever territory."""
        shared = () if self.baseline is None else (self.baseline,)
        return (*shared, *self.baselines.values())

    @property
    def territories(self) -> tuple[str | None, ...]:
        """The territories that it has a figure for: the region (None), then each département."""
        own = Department if self.grain is Grain.DEPARTMENT else ()
        return (None, *(code.value for code in own))

    @cached_property
    def decimals(self) -> int:
        """How many decimals of a value are shown; those of a ratio are of its percentage.

        What is counted here is a sum of whole numbers, and an amount has its cents. Of what others
        compute the catalogue alone knows that it is whole: it may be a mean. A target with more
        decimals has them shown, or a figure just below it would read the same.
        """
        targets = [one.target for one in self.milestones if one.target is not None]
        if self.country is not None:
            targets += [one.target for one in self.country.targets]
        most = max((_digits_after_point(one.normalize()) for one in targets), default=0)
        if self.unit is Unit.RATIO:
            return min(max(1, most - 2), MOST_DECIMALS_SHOWN)
        is_whole = self.unit is Unit.COUNT and (self.plan.additive or self.plan.whole)
        return min(max(0 if is_whole else 2, most), MOST_DECIMALS_SHOWN)

    @property
    def pace_decimals(self) -> int:
        """How many decimals of a pace are shown: of an estimate in euros, none."""
        return 0 if self.unit is Unit.EUROS else self.decimals

    @property
    def reporting_delay_days(self) -> int | None:
        """How old the last report may be before the indicator is unreported; None: any age."""
        span = self.periodicity.days
        return None if span is None else span + self.availability_delay_days + self.grace_days

    @property
    def carries_forward(self) -> bool:
        """True if a value holds until the next fact; otherwise a fact is missing.

        Values that others compute may have changed; expected facts have not arrived.
        """
        return self.periodicity is Frequency.IRREGULAR and self.plan.additive

    def baseline_for(self, department: str | None) -> Baseline | None:
        """Return the baseline of a territory; the region's total is none of a département's.

        A ratio, and a start from zero, hold for each of them that has none of its own; unless they
        were observed, where each territory's is its own.
        """
        for territory, own in self.baselines.items():
            if territory == territory_key(department):
                return own
        if department is not None and not self.plan.additive:
            return None
        shared = self.unit is Unit.RATIO or (self.baseline is not None and self.baseline.value == 0)
        return self.baseline if department is None or shared else None

    def milestone_for(self, department: str | None, as_of: date) -> Milestone | None:
        """Return the milestone in force: the next one whose day has not passed, else the last."""
        held = [milestone for milestone in self.milestones if milestone.holds(department)]
        coming = (one for one in held if one.day is None or one.day >= as_of)
        return next(coming, held[-1] if held else None)


class Programme(CatalogueModel):
    """A programme of the Smart Région (chantier) and its promise."""

    id: Identifier
    order: Annotated[int, Field(strict=True, ge=0)] = 100
    """Its position among the programmes, on boards and in tables."""
    title: Text
    promise: Text
    """French: what the Région announced."""
    owner: Text
    """French: the function that answers for it."""
    theme: Annotated[str, AfterValidator(_theme)] = "GOVE"
    """The theme of its figures on portals of open data, by its code in the EU's table."""
    indicators: Annotated[tuple[Indicator, ...], AfterValidator(_some)]
    former_milestones: tuple[Annotated[str, AfterValidator(_former_milestone)], ...] = ()
    """INDICATOR.MILESTONE of what is no longer declared: its explanations stay accepted."""


class Catalogue(CatalogueModel):
    """All programmes, in their order."""

    programmes: tuple[Programme, ...]

    @cached_property
    def indicators(self) -> tuple[Indicator, ...]:
        """Every indicator, programme by programme."""
        return tuple(one for programme in self.programmes for one in programme.indicators)

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """Every distinct term of the indicators' measures, in the order of first use."""
        measures = (
            measure
            for one in self.indicators
            for measure in (one.measure, one.comparison)
            if measure is not None
        )
        return tuple(dict.fromkeys(term for measure in measures for term in measure.terms))

    @cached_property
    def person_parts(self) -> Mapping[str, tuple[PersonPart, ...]]:
        """What the figures about persons are added up from, by indicator; see `PersonPart`."""
        found = ((one.id, person_parts(self, one)) for one in self.indicators if one.publication)
        return {identifier: parts for identifier, parts in found if parts is not None}

    def known_through(self, known_on: date) -> Mapping[Family, date]:
        """Return the last day whose records are in figures as known on a day, by family.

        Of families about persons, it is the day of the last publication.
        """
        published = {
            family: publication.known_through(known_on)
            for family, publication in self.publications.items()
            if family.about_persons
        }
        return {**dict.fromkeys(Family, known_on), **published}

    @cached_property
    def publications(self) -> Mapping[Family, Publication]:
        """How figures of a family are published; those about persons have one calendar."""
        return {
            term.family: one.publication
            for one in self.indicators
            if one.publication is not None
            for term in one.measure.terms
        }

    @cached_property
    def promises(self) -> frozenset[Promise]:
        """Every milestone in each territory held to it."""
        return frozenset(
            (indicator.id, milestone.id, department)
            for indicator in self.indicators
            for milestone in indicator.milestones
            for department in indicator.territories
            if milestone.holds(department)
        )

    @cached_property
    def known_milestones(self) -> Mapping[str, Collection[str]]:
        """The milestones that explanations may name, by indicator, former ones among them."""
        known = {
            indicator.id: [milestone.id for milestone in indicator.milestones]
            for indicator in self.indicators
        }
        for programme in self.programmes:
            for former in programme.former_milestones:
                indicator, milestone = former.split(".")
                known.setdefault(indicator, []).append(milestone)
        return known

    def indicator(self, identifier: str) -> Indicator:
        """Return the indicator of an id. Raises `UndeclaredError`."""
        for indicator in self.indicators:
            if indicator.id == identifier:
                return indicator
        raise UndeclaredError("indicator", identifier, known=[one.id for one in self.indicators])

    def programme_of(self, indicator: str) -> Programme:
        """Return the programme that declares an indicator. Raises `UndeclaredError`."""
        found = self.indicator(indicator)
        return next(one for one in self.programmes if found in one.indicators)
