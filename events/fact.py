"""A fact: something that happened to one entity on one day, as its producer states it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, ClassVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, JsonValue

JSON = JsonValue
TYPE_PREFIX = "fr.iledefrance.smartregion"


class Family(StrEnum):
    """The kinds of entities that facts are about; each has its topic."""

    SCHOOLS = "schools"
    EQUIPMENT = "equipment"
    BROADBAND = "broadband"
    COWORKING = "coworking"
    WORKSTATIONS = "workstations"
    TRAININGS = "trainings"
    GRANTS = "grants"
    DATASETS = "datasets"
    OBSERVATIONS = "observations"
    EXPLANATIONS = "explanations"

    @property
    def about_persons(self) -> bool:
        """True for entities that are persons: small numbers of them are not published."""
        return self is Family.TRAININGS


def entity_key(*parts: str) -> str:
    """Return the record's key of an entity that several fields identify, in their order."""
    return "/".join(parts)


class Fact(BaseModel):
    """Base of all facts. A subclass names itself, its key and its effective day, and adds fields.

    JSON is read strictly: no text for a number, no number for a day, no unknown field.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )

    FAMILY: ClassVar[Family]
    NAME: ClassVar[str]
    """What happened, as the catalogue writes it: `school.connected`."""
    VERSION: ClassVar[int] = 1
    TYPE: ClassVar[str]
    """The CloudEvents type, derived from NAME and VERSION."""
    KEY: ClassVar[str]
    """The field that identifies the entity, or the first of several."""
    FURTHER_KEYS: ClassVar[tuple[str, ...]] = ()
    """The fields that identify it together with `KEY`, in the order of the record's key."""
    DAY: ClassVar[str]
    """The field that holds the day on which the fact took effect."""
    WITHIN: ClassVar[str | None] = None
    """The identifiers of the entities of a territory, with `*` for any characters; `{department}`
    stands for the code of a département, `{territory}` for that of any territory. None: where an
    entity is cannot be derived from its identifier."""

    FLAGS: ClassVar[Mapping[str, str]] = {}
    """French for what each field that is true or false divides figures by, after « par »."""

    _PLAIN: ClassVar[tuple[str, ...]] = ()
    _CODED: ClassVar[tuple[str, ...]] = ()

    retracted: bool = False
    """True takes back what was recorded for this entity, this fact and this day."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not hasattr(cls, "NAME"):
            return  # A family's base, not yet a fact.
        cls.TYPE = f"{TYPE_PREFIX}.{cls.NAME}.v{cls.VERSION}"
        # attributes() runs once per event: the fields are classified once per class.
        kept = _kept_fields(cls)
        cls._CODED = tuple(name for name, kind in kept.items() if _is_code(kind))
        cls._PLAIN = tuple(name for name in kept if name not in cls._CODED)

    @property
    def entity_id(self) -> str:
        """The entity that the fact is about; the record's key: `IND-042/D77`."""
        first = str(getattr(self, self.KEY))
        if not self.FURTHER_KEYS:
            return first
        return entity_key(first, *(str(getattr(self, name)) for name in self.FURTHER_KEYS))

    @classmethod
    def key_fields(cls) -> tuple[str, ...]:
        """Return the fields that identify the entity, in the order of its key."""
        return (cls.KEY, *cls.FURTHER_KEYS)

    @classmethod
    def entities_in(cls, territory: str) -> str | None:
        """Return the pattern of the identifiers of a territory's entities; None for no pattern.

        Territories are written `D77`, `R11`, `FRANCE`.
        """
        if cls.WITHIN is None or ("{department}" in cls.WITHIN and not territory.startswith("D")):
            return None
        return cls.WITHIN.format(territory=territory, department=territory[1:])

    @property
    def effective_day(self) -> date:
        """The day on which the fact took effect."""
        day: date = getattr(self, self.DAY)
        return day

    def attributes(self) -> dict[str, JSON]:
        """Return the fields of the fact except its day, as JSON values."""
        values = self.__dict__
        found: dict[str, JSON] = {}
        for name in self._PLAIN:
            found[name] = values[name]
        for name in self._CODED:
            code = values[name]
            # `value` is a property in Python, ten times as slow.
            found[name] = None if code is None else code._value_
        return found

    @classmethod
    def attribute_kinds(cls) -> Mapping[str, object]:
        """Return the type of each value of `attributes`, by name.

        A fact whose `attributes` differ from its fields overrides this method too.
        """
        return _kept_fields(cls)


def _kept_fields(fact: type[Fact]) -> dict[str, object]:
    return {
        name: field.annotation
        for name, field in fact.model_fields.items()
        if name not in ("retracted", fact.DAY)
    }


def bare_type(annotation: object) -> object:
    """Return an annotation without constraints and `| None`."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        return bare_type(next(part for part in get_args(annotation) if part is not NoneType))
    return annotation


def _is_code(annotation: object) -> bool:
    kind = bare_type(annotation)
    return isinstance(kind, type) and issubclass(kind, StrEnum)
