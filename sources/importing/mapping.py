"""A declared mapping: which column of a CSV file fills which field of a fact, and how."""

from __future__ import annotations

import glob
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from boundary.diagnostic import Diagnostic, choose
from boundary.errors import SmartRegionError
from events.broadband import BroadbandCoverageReported
from events.declaration import invalid_model, read_declaration
from events.explanation import field_refusal
from events.fact import Fact
from events.identifiers import DEPARTMENTS
from events.observation import Territory
from events.registry import FACTS_BY_NAME
from sources.importing.conversions import (
    CONVERSIONS,
    Convert,
    ParsingError,
    parts_of,
    usual_conversion,
)
from sources.importing.table import Encoding, TableLayout

MAPPINGS: Final = Path(__file__).parent / "mappings"
"""The package's own mappings; each may be given by its name alone."""

_PLACEHOLDER: Final = re.compile(r"\{([^{}]+)\}")
#: What a mapping may write instead of codes, so that it is right in any Région.
_ANY_COMMUNE: Final = "$COMMUNES"
_REGION: Final = "$REGION_CODE"
_WAYS: Final = ("column", "constant", "template", "pseudonym", "total", "each")

Column = Annotated[str, Field(min_length=1, max_length=200)]
Constant = bool | int | Decimal | date | str


class MappingModel(BaseModel):
    """Base of what a mapping's file declares."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        ignored_types=(cached_property,),
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        found = tuple(self._contradictions())
        if found:
            raise invalid_model(type(self), found)
        return self

    def _contradictions(self) -> Iterator[Diagnostic]:
        """Yield what its fields, each correct by itself, contradict."""
        raise NotImplementedError


class FieldRule(MappingModel):
    """What fills a field: exactly one of `column` … `each`."""

    column: Column | None = None
    constant: Constant | None = None
    template: Annotated[str, Field(pattern=r"\{[^{}]+\}")] | None = None
    """A text with columns in braces, for an id: `liv-{code_uai}-{lot}`."""
    pseudonym: Column | None = None
    """A column that identifies a person; its keyed pseudonym is sent."""
    total: Column | None = None
    """A column that is added up over the lines whose other fields are the same."""
    of_each: Column | None = None
    """With `total`: what may be counted only once."""
    each: Annotated[dict[str, Column], Field(min_length=1)] | None = None
    """For a field of several numbers: which column has which."""
    convert: Annotated[str | None, Field(alias="as")] = None
    """A conversion other than the field's usual one."""
    values: Annotated[dict[str, Constant], Field(min_length=1)] | None = None
    """Text in the file → value of the fact; any other text is refused."""
    default: Constant | None = None
    """The value of an empty cell."""

    @field_validator("constant")
    @classmethod
    def _of_the_region(cls, constant: Constant | None) -> Constant | None:
        return Territory.REGION.value if constant == _REGION else constant

    def _contradictions(self) -> Iterator[Diagnostic]:
        ways = [way for way in _WAYS if getattr(self, way) is not None]
        if len(ways) != 1:
            given = ", ".join(ways) or None
            yield Diagnostic((), "is not one rule", given, f"give one of {', '.join(_WAYS)}")
        if self.convert is not None and self.convert not in CONVERSIONS:
            remedy = choose(self.convert, CONVERSIONS)
            yield Diagnostic(("as",), "is not a conversion", self.convert, remedy)
        if (self.total is None) != (self.of_each is None):
            remedy = "give both: what is added up, and what a line is counted for only once"
            yield Diagnostic((), "is half of a total", self.total or self.of_each, remedy)

        if self.values is not None and len(self.words) < len(self.values):
            twice = [
                name for name, value in self.values.items() if self.words[folded(name)] != value
            ]
            for name in twice:
                problem = "means two things, as case and accents' forms do not matter"
                yield Diagnostic(("values", name), problem, name, "keep one of the two")

    @cached_property
    def words(self) -> Mapping[str, Constant]:
        """Return the meanings of `values`, by their folded words."""
        return {folded(word): meaning for word, meaning in (self.values or {}).items()}

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that it reads."""
        plain = (self.column, self.pseudonym, self.total, self.of_each)
        return (
            *(name for name in plain if name is not None),
            *_PLACEHOLDER.findall(self.template or ""),
            *(self.each or {}).values(),
        )

    def conversion(self, kind: object) -> Convert:
        """Return the conversion of a cell to a field's type, or to that of its parts."""
        if self.convert is not None:
            return CONVERSIONS[self.convert]
        parts = parts_of(kind)
        return usual_conversion(kind if parts is None else parts[1])

    def made_of(self, parts: Mapping[str, object]) -> str:
        """Return the text of the template, with these parts for its columns."""
        return _PLACEHOLDER.sub(lambda found: str(parts[found[1]]), self.template or "")


def folded(text: str) -> str:
    """Return a text as words of a mapping are compared: as `plain`, without differences of case."""
    return plain(text).casefold()


def plain(text: str) -> str:
    """Return a text without invisible differences in accents, apostrophes and spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return " ".join(text.split())


def fits(text: str, pattern: str) -> bool:
    """Return whether a text fits a pattern, in which `*` is any text and all else is itself."""
    return fnmatchcase(text, glob.escape(pattern).replace("[*]", "*"))


def _rule(declared: object) -> object:
    """Return a bare name as the rule of the column of that name."""
    return {"column": declared} if isinstance(declared, str) else declared


class EditionRule(MappingModel):
    """How a file shows that it counts wired networks and no satellite."""

    networks: Column
    """The column that says which networks are counted."""
    wired: Annotated[list[str], Field(min_length=1)]
    """Its words for wired networks alone (any case)."""
    unsaid: Annotated[list[str], Field(default_factory=list)]
    """Its words that leave it open: the file's name must then fit one of `named`."""
    named: Annotated[list[str], Field(default_factory=list)]
    """Patterns of names of wired files (`*` is any text, any case)."""
    cumulative: Annotated[list[Column], Field(default_factory=list)]
    """Columns of numbers, each of which includes the next."""

    def _contradictions(self) -> Iterator[Diagnostic]:
        if self.unsaid and not self.named:
            remedy = "say how files of wired networks are named"
            yield Diagnostic(("named",), "is missing where a word leaves it open", None, remedy)


class CsvMapping(MappingModel):
    """How the lines of one kind of CSV file become events of one fact."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    """Which file it is for, for readers."""
    fact: str
    """The fact's name: `school.registered`."""
    source: Annotated[str, Field(pattern=r"^[A-Za-z0-9:/?#\[\]@!$&'()*+,;=._~%-]{1,256}$")]
    """The events' source: whose file it is."""
    delimiter: Annotated[str, Field(pattern=r'^[^"\r\n]$')] | None = None
    """One character, neither a quotation mark nor a line end; by default, it and the encoding are
    detected."""
    encoding: Encoding | None = None
    only: Annotated[dict[Column, list[str]], Field(default_factory=dict)]
    """The lines to take: column → patterns, of which its cell must fit one (`*` is any text)."""
    edition: EditionRule | None = None
    """For coverage by commune: when a whole file is refused."""
    fields: dict[str, Annotated[FieldRule, BeforeValidator(_rule)]]

    def _contradictions(self) -> Iterator[Diagnostic]:
        if self.fact not in FACTS_BY_NAME:
            yield Diagnostic(
                ("fact",), "is not a fact", self.fact, choose(self.fact, FACTS_BY_NAME)
            )
            return
        known = self.kind.model_fields
        for name in self.fields.keys() - known.keys():
            remedy = choose(name, known)
            yield Diagnostic(("fields", name), f"is not a field of {self.fact}", name, remedy)
        for name, field in known.items():
            if field.is_required() and name not in self.fields:
                remedy = f"say what fills it: {field.description or 'see the fact'}"
                yield Diagnostic(("fields",), f"leaves out {name}", None, remedy)
        for name, rule in self.fields.items():
            if name in known:
                yield from self._misfits(name, rule, known[name].annotation)
        totals = [name for name, rule in self.fields.items() if rule.total is not None]
        if self.edition is not None and self.kind is not BroadbandCoverageReported:
            remedy = f"leave it out, or make it one of {BroadbandCoverageReported.NAME}"
            yield Diagnostic(("edition",), "is not for this fact", self.fact, remedy)
        if len(totals) > 1:
            remedy = "make a mapping for each"
            yield Diagnostic(("fields", totals[1]), "is a second total", totals[1], remedy)

    def _misfits(self, name: str, rule: FieldRule, kind: object) -> Iterator[Diagnostic]:
        """Yield where a rule, correct by itself, does not fit its field."""
        path, parts = ("fields", name), parts_of(kind)
        if (parts is None) == (rule.each is not None):
            right = "each" if parts else "column"
            problem = f"is {'several numbers' if parts else 'one value'}"
            yield Diagnostic(path, problem, name, f"fill it with {right}")
        elif parts is not None:
            for key in rule.each or ():
                try:
                    parts[0](key)
                except ParsingError as error:
                    yield Diagnostic((*path, "each", key), error.problem, key, error.remedy)
        if rule.constant is not None:
            yield from self._impossible(name, rule, kind)

    def _impossible(self, name: str, rule: FieldRule, kind: object) -> Iterator[Diagnostic]:
        """Yield why the fact would refuse a constant."""
        path, value = ("fields", name, "constant"), rule.constant
        convert = rule.conversion(kind)
        try:
            self.kind.model_validate({name: convert(value) if isinstance(value, str) else value})
        except ParsingError as error:
            yield Diagnostic(path, error.problem, value, error.remedy)
        except ValidationError as refusal:
            for details in refusal.errors(include_url=False):
                if details["loc"][:1] == (name,):
                    refused = field_refusal(details, ("data", *details["loc"]), self.kind)
                    yield Diagnostic(path, refused.problem, value, refused.remedy)

    @property
    def kind(self) -> type[Fact]:
        """Return the class of the fact that a line becomes."""
        return FACTS_BY_NAME[self.fact]

    @cached_property
    def layout(self) -> TableLayout:
        """Return the columns that the file must have."""
        read = (name for rule in self.fields.values() for name in rule.columns)
        checked = (self.edition.networks, *self.edition.cumulative) if self.edition else ()
        columns = tuple(dict.fromkeys((*read, *self.only, *checked)))
        return TableLayout(columns, delimiter=self.delimiter, encoding=self.encoding)

    def takes(self, cells: Mapping[str, str]) -> bool:
        """Return whether a line with these cells is taken (`only`)."""
        return all(
            any(fits(text, pattern) for pattern in patterns)
            for text, patterns in (
                (plain(cells[column]), patterns) for column, patterns in self._patterns.items()
            )
        )

    @cached_property
    def _patterns(self) -> Mapping[str, list[str]]:
        """Return the patterns of `only`, in the form of the cells."""
        communes = [f"{code}*" for code in DEPARTMENTS]
        return {
            column: [
                plain(one)
                for pattern in patterns
                for one in (communes if pattern == _ANY_COMMUNE else [pattern])
            ]
            for column, patterns in self.only.items()
        }

    @property
    def total(self) -> tuple[str, str] | None:
        """Return the field that is added up over lines and the column counted once; or None."""
        for name, rule in self.fields.items():
            if rule.total is not None and rule.of_each is not None:
                return name, rule.of_each
        return None

    @property
    def needs_key(self) -> bool:
        """Return whether pseudonyms are made."""
        return any(rule.pseudonym is not None for rule in self.fields.values())


def mapping_names() -> list[str]:
    """Return the names of the package's own mappings."""
    return sorted(file.stem for file in MAPPINGS.glob("*.yaml"))


def load_mapping(name: str) -> CsvMapping:
    """Read a mapping: a file, or one of the package's own by its name.

    Raises SmartRegionError, or InvalidDeclarationError with every mistake.
    """
    carried = MAPPINGS / f"{name}.yaml"
    file = carried if name in mapping_names() else Path(name)
    if not file.is_file():
        raise SmartRegionError(
            f"--mapping: is not there, value {name!r}: name a file, or one of"
            f" {', '.join(mapping_names())}"
        )
    return read_declaration(file, CsvMapping)
