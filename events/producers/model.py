"""The declared producers: their facts, sources, quotas and frequencies, read from a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings

from boundary.diagnostic import Diagnostic
from boundary.settings import SETTINGS_CONFIG
from events.declaration import invalid, invalid_model, read_declaration
from events.errors import ContractError, RefusalReason
from events.frequency import Frequency
from events.identifiers import not_blank
from events.producers.ownership import (
    MONITOR,
    FactPattern,
    Ownership,
    OwnershipClaim,
    OwnShare,
    shared_claims,
    types_of,
)
from events.registry import FACTS

REGION: Final = Path(__file__).parent / "region.yaml"
"""The declaration in the package: the Région's own systems."""

UNKNOWN_PRODUCER: Final = "unknown"
"""The id of undeclared producers in metrics and reports; no producer may have it."""

LONGEST_LABEL: Final = 200
MOST_EVENTS_PER_SECOND: Final = 1_000_000

_URN: Final = "urn:"
#: What a producer may append to a declared source: plain steps, none of them empty, `.` or `..`.
_STEPS: Final = re.compile(r"(?:[/:](?!\.\.?(?:[/:]|$))[A-Za-z0-9._~!$&'()*+,=@-]+)*")
_DOTS: Final = re.compile(r"(?:^|[/:])\.\.?(?:[/:]|$)")
#: Without an underscore, which ends the id in a token.
_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_SOURCE: Final = re.compile(r"[A-Za-z0-9:/?#\[\]@!$&'()*+,;=._~-]{1,256}")


def _producer_id(name: str) -> str:
    if not _ID.fullmatch(name):
        remedy = (
            "write lower-case letters a to z, digits and -, a letter first, at most 40 of them, as"
            " usage-tiers-lieux"
        )
        raise invalid("is not an id", name, remedy)
    if name == UNKNOWN_PRODUCER:
        raise invalid("is reserved for who is not declared", name, "choose another id")
    return name


def _whole_prefix(source: str) -> str:
    if not _SOURCE.fullmatch(source) or _DOTS.search(source):
        remedy = "write a URI reference without %, . or .. in its path, as /iledefrance/lycees"
        raise invalid("is not a source", source, remedy)
    if source.endswith(("/", ":")):
        raise invalid("ends in the middle of a path", source, "leave out the last / or :")
    if source == MONITOR or source.startswith(f"{MONITOR}/"):
        raise invalid("is reserved for this program", source, "choose another source")
    return source


ProducerId = Annotated[
    str,
    Field(examples=["lycees"]),
    AfterValidator(_producer_id),
]
Label = Annotated[str, Field(min_length=1, max_length=LONGEST_LABEL), AfterValidator(not_blank)]
Rate = Annotated[int, Field(strict=True, gt=0, le=MOST_EVENTS_PER_SECOND)]


class _ProducerModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Quota(_ProducerModel):
    """How much a producer may send through the gateway."""

    events_per_second: Rate
    """The sustained rate."""
    burst: Rate
    """How many events it may send at once after a pause."""


class Producer(_ProducerModel):
    """A system that sends events, and what it may send."""

    id: ProducerId
    title: Label
    """What people call it."""
    contact: Label
    """Whom to ask about its events: a mail address, a team."""
    sources: Annotated[
        tuple[Annotated[str, AfterValidator(_whole_prefix)], ...], Field(min_length=1)
    ]
    """The `source` of its events, or the part of it before a `/` (or a `:` in a URN)."""
    types: Annotated[tuple[FactPattern, ...], Field(min_length=1)]
    """The facts it may send: `school.closed`, `school.*` or whole CloudEvents types."""
    owns: tuple[OwnShare, ...] = ()
    """The facts, or entities of facts, that only this producer may report."""
    quota: Quota
    expected_every: Annotated[Frequency, Field(strict=False)]
    """How often it promises to send."""

    @cached_property
    def event_types(self) -> frozenset[str]:
        """The CloudEvents types it may send."""
        return frozenset(kind for pattern in self.types for kind in types_of(pattern))

    @cached_property
    def facts(self) -> frozenset[str]:
        """The names of the facts it may send."""
        return frozenset(FACTS[kind].NAME for kind in self.event_types)


class Producers(_ProducerModel):
    """All declared producers. Facts that none of them may send are refused."""

    producers: Annotated[tuple[Producer, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _nothing_is_shared(self) -> Self:
        found = [
            *self._repeated_ids(),
            *self._shared_sources(),
            *shared_claims(self._claims),
            *self._owned_and_not_sent(),
            *self._sent_and_not_owned(),
        ]
        if found:
            raise invalid_model(Producers, found)
        return self

    def _repeated_ids(self) -> Iterator[Diagnostic]:
        seen: set[str] = set()
        for index, producer in enumerate(self.producers):
            if producer.id in seen:
                path = ("producers", index, "id")
                yield Diagnostic(
                    path, "is another producer's id", producer.id, "rename one of them"
                )
            seen.add(producer.id)

    def _shared_sources(self) -> Iterator[Diagnostic]:
        owners: dict[str, str] = {}
        for index, producer in enumerate(self.producers):
            for number, source in enumerate(producer.sources):
                if source in owners:
                    path = ("producers", index, "sources", number)
                    remedy = f"remove it: {owners[source]} has this source"
                    yield Diagnostic(path, "is declared already", source, remedy)
                owners.setdefault(source, producer.id)

    def _owned_and_not_sent(self) -> Iterator[Diagnostic]:
        for claim in self._claims:
            producer = self.producers[int(claim.path[1])]
            if claim.fact not in producer.facts:
                remedy = f"add {claim.fact} to types"
                yield Diagnostic(claim.path, "is owned and not sent", claim.fact, remedy)

    def _sent_and_not_owned(self) -> Iterator[Diagnostic]:
        owned = {claim.fact for claim in self._claims}
        for index, producer in enumerate(self.producers):
            own = {claim.fact for claim in self._claims if claim.producer == producer.id}
            for fact in sorted((producer.facts & owned) - own):
                remedy = (
                    "leave it out of types, or have the producer own the entities that it reports"
                )
                path = ("producers", index, "types")
                yield Diagnostic(path, "is owned by other producers alone", fact, remedy)

    def __iter__(self) -> Iterator[Producer]:  # type: ignore[override] # fields are not iterated
        """Yield the producers in the order of their declaration."""
        return iter(self.producers)

    def get(self, producer_id: str) -> Producer | None:
        """Return the producer with an id; None if there is none."""
        return self._by_id.get(producer_id)

    def of_source(self, source: str) -> Producer | None:
        """Return the producer with the longest declared source that equals or contains a source.

        A contained source continues with plain steps after `/`, or `:` in a URN, so `/lycees` does
        not contain `/lycees-prives`. A source that continues otherwise (percent-encoded, with an
        empty step, `.`, `..`, a query, a fragment or parameters) has no producer, since another
        program may resolve it to another one.
        """
        declared = self.declared_source(source)
        return None if declared is None else self._by_source[declared]

    def declared_source(self, source: str) -> str | None:
        """Return the declared source by which `of_source` finds a producer; None if it finds none.

        It lacks anything that the producer appends to its own source.
        """
        declared = source
        while declared not in self._by_source:
            # The separator before the last step, which a single step lacks.
            is_urn = declared.startswith(_URN)
            at = max(declared.rfind("/"), declared.rfind(":") if is_urn else -1)
            if at <= 0:
                return None
            declared = declared[:at]
        return declared if _STEPS.fullmatch(source, len(declared)) else None

    def allows(self, producer_id: str, source: str, event_type: str) -> bool:
        """Return True if a producer may send events of this type from this source."""
        return self.refusal(producer_id, source, event_type) is None

    def refusal(self, producer_id: str, source: str, event_type: str) -> ContractError | None:
        """Return the error of an event that a producer may not send; None if it may."""
        producer = self.get(producer_id)
        if producer is None or self.of_source(source) is not producer:
            own = "none" if producer is None else ", ".join(producer.sources)
            remedy = f"send your own sources ({own}), or have this one declared"
            return ContractError(RefusalReason.NOT_ALLOWED, "source", source, remedy)
        if event_type not in producer.event_types:
            remedy = f"send {', '.join(producer.types)}, or have this type declared"
            return ContractError(RefusalReason.NOT_ALLOWED, "type", event_type, remedy)
        return None

    @cached_property
    def ownership(self) -> Ownership:
        """Return the ownership of facts."""
        return Ownership(self._claims, self._id_of_source)

    @property
    def unowned(self) -> tuple[str, ...]:
        """Return the facts that producers may send but none owns."""
        sent = frozenset[str]().union(*(producer.facts for producer in self))
        return tuple(sorted(fact for fact in sent if not self.ownership.owns(fact)))

    def _id_of_source(self, source: str) -> str | None:
        producer = self.of_source(source)
        return None if producer is None else producer.id

    @cached_property
    def _claims(self) -> tuple[OwnershipClaim, ...]:
        return tuple(
            OwnershipClaim(fact, pattern, producer.id, ("producers", index, "owns", number))
            for index, producer in enumerate(self.producers)
            for number, share in enumerate(producer.owns)
            for fact in share.facts
            for pattern in share.patterns(fact) or (None,)
        )

    @cached_property
    def _by_id(self) -> dict[str, Producer]:
        return {producer.id: producer for producer in self.producers}

    @cached_property
    def _by_source(self) -> dict[str, Producer]:
        return {source: producer for producer in self.producers for source in producer.sources}


def load_producers(file: Path | None = None) -> Producers:
    """Return the producers in a file, by default the Région's own.

    Raises InvalidDeclarationError with all errors: file, line, field, value, remedy.
    """
    return read_declaration(REGION if file is None else file, Producers)


class ProducersSettings(BaseSettings):
    """Which producers are declared."""

    model_config = SETTINGS_CONFIG

    producers: Path | None = None
    """File of declared producers to use instead of the shipped one. Give all programs the same
    one, or they accept different events."""
