"""Facts about milestones: what a programme's owner says of one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from pydantic import StringConstraints as Text

from boundary.diagnostic import choose
from events.code import Code
from events.errors import ContractError, RefusalReason
from events.fact import Fact, Family
from events.identifiers import DEPARTMENTS, Day, PlainText, Role, also_checked, broken
from events.observation import Territory


class ExplanationKind(Code, dimension="nature"):
    """What an explanation is about."""

    RESULT = "result", "Résultat"
    CAUSE = "cause", "Cause"
    RISK = "risk", "Risque"
    ACTION = "action", "Action"


def _in_the_region(territory: Territory) -> Territory:
    if territory is Territory.COUNTRY:
        remedy = f"write {Territory.REGION.value}, or D and the code of a département"
        raise broken("territory_of_region", "has no milestone", remedy)
    return territory


CatalogueId = Annotated[
    str,
    Text(pattern="^[a-z][a-z0-9_]{0,62}$"),
    Field(
        description=(
            "identifier of the catalogue: 1 to 63 lower-case letters, digits and _, a letter first"
        )
    ),
]
RegionTerritory = Annotated[
    Territory,
    AfterValidator(_in_the_region),
    Field(json_schema_extra=also_checked("territory_of_region")),
]


class MilestoneExplained(Fact):
    """What a programme's owner says of a milestone in a territory on a day.

    The entity is the milestone in its territory *with the kind*: one text a day of each kind. A
    later event of the same day corrects it. Do not name persons: the delegate's page shows it.
    """

    FAMILY: ClassVar[Family] = Family.EXPLANATIONS
    NAME: ClassVar[str] = "milestone.explained"
    KEY: ClassVar[str] = "indicator"
    FURTHER_KEYS: ClassVar[tuple[str, ...]] = ("milestone", "territory", "kind")
    DAY: ClassVar[str] = "explained_on"
    WITHIN: ClassVar[str] = "*/{territory}/*"

    indicator: CatalogueId = Field(examples=["schools_connected_ratio"])
    """The indicator that the milestone is of."""
    milestone: CatalogueId = Field(examples=["all_connected"])
    """The milestone within its indicator."""
    territory: RegionTerritory = Field(
        description=(
            f"Where: the region {Territory.REGION.value}, or one of its départements,"
            f" D{min(DEPARTMENTS)} to D{max(DEPARTMENTS)}."
        )
    )
    explained_on: Day
    """The day that the text is about."""
    kind: ExplanationKind
    """What it is about: a result, a cause, a risk, an action."""
    text: PlainText = Field(examples=["Les travaux ont pris trois mois de retard."])
    """The text for readers, in French."""
    author_role: Role = Field(examples=["Responsable du programme Lycées"])
    """In which role its author wrote it."""


def check_milestone(fact: Fact, known: Mapping[str, Collection[str]]) -> None:
    """Check that an explanation names a known milestone; other facts pass.

    `known` has the milestones of the catalogue by indicator. Raises ContractError.
    """
    if not isinstance(fact, MilestoneExplained):
        return
    milestones = known.get(fact.indicator)
    if not milestones:
        field, value, problem = "indicator", fact.indicator, "is no indicator with milestones"
        milestones = [indicator for indicator, some in known.items() if some]
    elif fact.milestone not in milestones:
        field, value, problem = "milestone", fact.milestone, f"is no milestone of {fact.indicator}"
    else:
        return
    raise ContractError(
        RefusalReason.INVALID_DATA,
        f"data.{field}",
        value,
        choose(value, milestones),
        problem=f"{problem} in the catalogue",
    )
