"""The answers that declare a new producer, each checked with the declaration that stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from events.explanation import declaration_diagnostics
from events.producers.model import Producer, Producers
from operations.declaring.shares import (
    EVERYTHING,
    parts_of,
    share_question,
    shares_of,
    wrong_identifiers,
)

_LISTS: Final = ("sources", "types")
#: What is not answered yet, so that the checks of one answer can run; never written.
_UNANSWERED: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "id": "not-answered-yet",
        "title": "?",
        "contact": "?",
        "sources": ["urn:not-answered-yet"],
        "types": ["school.closed"],
        "expected_every": "irregular",
    }
)


class AnswerRefusedError(SmartRegionError):
    """An answer that the declaration of producers cannot have."""

    def __init__(self, option: str, found: Sequence[Diagnostic]) -> None:
        first, *others = found
        more = f" (and {len(others)} more)" if others else ""
        super().__init__(f"{replace(first, field=first.field or option)}{more}")


class DeclaredAlreadyError(SmartRegionError):
    """A producer with this id is declared."""

    def __init__(self, producer: str) -> None:
        super().__init__(
            f"--id: is declared already, value {producer!r}: choose another id, or make a new "
            f"secret for this one with `smart-region producers issue {producer}`"
        )


class Question(NamedTuple):
    """A question about a new producer, and the option that answers it."""

    field: str
    """The field of the declaration."""
    option: str
    text: str
    default: str | None = None
    """What Enter alone answers, `{id}` for the id; None: it has to be answered."""


QUESTIONS: Final = (
    Question("id", "--id", "Its id (lower-case letters, digits and -)"),
    Question("title", "--title", "What people call it", "{id}"),
    Question("contact", "--contact", "Who is asked about its events: an address, a team"),
    Question(
        "sources",
        "--source",
        "The `source` of its events",
        "urn:iledefrance:{id}",
    ),
    Question("types", "--types", "The facts it may send, as school.* or grant.paid"),
    Question(
        "owns",
        "--owns",
        "Of these, what its word alone counts for",
        EVERYTHING,
    ),
    Question(
        "expected_every",
        "--every",
        "How often it promises to send (daily, weekly, monthly, quarterly, annual, irregular)",
        "monthly",
    ),
)


@dataclass
class Answers:
    """The declaration of a new producer, as far as it is answered.

    `declared` are the producers that stand, as a file's plain data.
    """

    declared: Sequence[Mapping[str, Any]]
    quota: Mapping[str, int]
    known: dict[str, Any] = field(default_factory=dict)

    def take(self, question: Question, text: str) -> None:
        """Keep an answer.

        Raises AnswerRefusedError, or DeclaredAlreadyError, where the declaration cannot have it.
        """
        name, text = question.field, text.strip()
        if name == "id" and any(one.get("id") == text for one in self.declared):
            raise DeclaredAlreadyError(text)
        value: Any = text
        if name in _LISTS:
            value = parts_of(text)
        elif name == "owns":
            value = shares_of(text, self.known["types"])
        found = self._problems(name, value)
        if name == "owns":
            found += wrong_identifiers(text, self.known["types"])
        if found:
            raise AnswerRefusedError(question.option, found)
        self.known[name] = value

    def text(self, question: Question) -> str:
        """Return a question in words that fit what is answered so far."""
        return share_question(self.known["types"]) if question.field == "owns" else question.text

    def default(self, question: Question) -> str | None:
        """Return what is answered by default, once the id is known; None without a default."""
        return None if question.default is None else question.default.format_map(self.known)

    @property
    def declaration(self) -> dict[str, Any]:
        """The producer as plain data, in the order of the shipped declaration."""
        names = ("id", "title", "contact", "sources", "types", "owns")
        said = {name: self.known[name] for name in names if self.known[name]}
        return said | {"quota": {**self.quota}, "expected_every": self.known["expected_every"]}

    @property
    def producers(self) -> Producers:
        """All producers, with the new one as the last."""
        return Producers.model_validate({"producers": [*self.declared, self.declaration]})

    @property
    def producer(self) -> Producer:
        """The new producer."""
        return self.producers.producers[-1]

    def _problems(self, name: str, value: object) -> list[Diagnostic]:
        """Return what is wrong with an answer; of what is owned, with the whole declaration."""
        candidate = {**_UNANSWERED, **self.known, name: value, "quota": {**self.quota}}
        # Whether its facts are others' own is asked after them.
        candidate.setdefault("owns", candidate["types"])
        try:
            Producers.model_validate({"producers": [*self.declared, candidate]})
        except ValidationError as error:
            found = declaration_diagnostics(error, Producers)
            return [one for one in map(self._named, found) if name == "owns" or self._is(one, name)]
        return []

    def _is(self, one: Diagnostic, name: str) -> bool:
        return one.path[:3] == ("producers", len(self.declared), name)

    def _named(self, one: Diagnostic) -> Diagnostic:
        """Return a diagnostic with the place of what is wrong, where another producer has it."""
        index = one.path[1] if len(one.path) > 1 else None
        if not isinstance(index, int) or index >= len(self.declared):
            return one
        place = ".".join(map(str, one.path[2:3]))
        return replace(one, field=f"producers[{self.declared[index].get('id')}].{place}")
