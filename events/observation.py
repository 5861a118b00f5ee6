"""Facts about external indicators: a value observed in a territory on a day."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Self

from pydantic import Field, GetPydanticSchema
from pydantic import StringConstraints as Text
from pydantic_core import CoreSchema, core_schema

from events.fact import JSON, Fact, Family, entity_key
from events.identifiers import DEPARTMENTS, Day, Department, also_checked
from events.territory import TERRITORY

MICROS: Final = 10**6
"""The number of millionths in one: values have up to six decimals."""

LARGEST_VALUE: Final = 10**9
# At most 15 digits in all, which a double represents exactly: no JSON reader or writer, in any
# language, changes such a value.
DECIMALS: Final = 6


class Territory(StrEnum):
    """Where an indicator is observed: a département of the Région, the region, the country."""

    locals().update({f"D{code}": f"D{code}" for code in DEPARTMENTS})
    REGION = f"R{TERRITORY.code}"
    COUNTRY = "FRANCE"

    @classmethod
    def of(cls, department: str | None) -> Self:
        """Return the territory of a département's code; None: the region."""
        return cls(f"R{TERRITORY.code}" if department is None else f"D{department}")

    @property
    def department(self) -> Department | None:
        """The département of the territory; None for the Région and the country."""
        return Department(self.value[1:]) if self.value.startswith("D") else None


Territory.__doc__ = (
    f"Where an indicator is observed: a département of {TERRITORY.name}, the region, the country."
)
_CODES: Final = tuple(f"D{code}" for code in DEPARTMENTS)


def _exact_number(*_: object) -> CoreSchema:
    """Return the schema of JSON numbers, which keeps every decimal."""
    number = core_schema.decimal_schema(
        ge=Decimal(-LARGEST_VALUE),
        le=Decimal(LARGEST_VALUE),
        decimal_places=DECIMALS,
        allow_inf_nan=False,
        strict=True,
    )
    any_number = core_schema.union_schema(
        [core_schema.int_schema(strict=True), core_schema.float_schema(strict=True)],
        custom_error_type="number_type",
        custom_error_message="Input should be a number",
    )
    # The shortest decimal of this double is the original one: see DECIMALS.
    decimal = core_schema.no_info_plain_validator_function(lambda read: Decimal(repr(read)))
    return core_schema.json_or_python_schema(
        json_schema=core_schema.chain_schema([any_number, decimal, number]),
        python_schema=number,
        serialization=core_schema.plain_serializer_function_ser_schema(
            _json_number, when_used="json"
        ),
    )


def _json_number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


ExternalIndicator = Annotated[
    str,
    Text(pattern=r"^[A-Za-z0-9._-]{1,64}$"),
    Field(
        description="identifier of an indicator: 1 to 64 letters, digits and . _ -",
        examples=["IND-042"],
    ),
]
ObservedValue = Annotated[
    Decimal,
    GetPydanticSchema(
        _exact_number,
        lambda *_: {"type": "number", "minimum": -LARGEST_VALUE, "maximum": LARGEST_VALUE},
    ),
    Field(
        description=f"a number from -{LARGEST_VALUE} to {LARGEST_VALUE}, at most 6 decimals",
        examples=[71.5],
        json_schema_extra=also_checked("decimal_max_places"),
    ),
]


def observed_entity(indicator: str, territory: Territory) -> str:
    """Return the entity of an indicator in a territory, which is its key: `IND-042/D77`."""
    return entity_key(indicator, territory.value)


class IndicatorObserved(Fact):
    """The value that an indicator had in a territory on a day, as its owner computed it.

    The entity is the indicator *in its territory*: the region's value is its own, and not the sum
    of its départements' (it may be a rate, a median, a number of persons counted once).
    """

    FAMILY: ClassVar[Family] = Family.OBSERVATIONS
    NAME: ClassVar[str] = "indicator.observed"
    KEY: ClassVar[str] = "indicator"
    FURTHER_KEYS: ClassVar[tuple[str, ...]] = ("territory",)
    DAY: ClassVar[str] = "observed_on"
    WITHIN: ClassVar[str] = "*/{territory}"

    indicator: ExternalIndicator
    territory: Territory = Field(
        description=(
            f"Where: {' or '.join(filter(None, (', '.join(_CODES[:-1]), _CODES[-1])))},"
            f" the region {Territory.REGION.value}, or FRANCE."
        )
    )
    observed_on: Day
    """The day for which the value holds, YYYY-MM-DD; a later value of the same day corrects it."""
    value: ObservedValue

    def attributes(self) -> dict[str, JSON]:
        """Return the fact's fields, its value in integer millionths, and its département if any."""
        found: dict[str, JSON] = {
            "indicator": self.indicator,
            "territory": self.territory.value,
            "value_micros": int(self.value * MICROS),
        }
        department = self.territory.department
        if department is not None:
            found["department"] = department.value
        return found

    @classmethod
    def attribute_kinds(cls) -> Mapping[str, object]:
        """Return its fields with the value in millionths, and the département."""
        kinds = {**super().attribute_kinds(), "value_micros": int, "department": Department}
        del kinds["value"]
        return kinds
