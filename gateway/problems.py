"""The gateway's problems: why it refuses a request or an event, as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, Unpack

from boundary.diagnostic import shown
from events.document import data_beside
from events.errors import ContractError
from gateway.answers import Problem, ProblemMembers

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A kind of problem; its address `/problems/{name}` explains it."""

    name: str
    status: int
    title: str
    meaning: str
    """When it is returned and what to do about it, for client authors."""

    @property
    def type(self) -> str:
        """The URI reference that identifies the kind in a problem."""
        return f"/problems/{self.name}"

    def problem(self, detail: str, **members: Unpack[ProblemMembers]) -> Problem:
        """Return the problem of one request; `detail` is what is wrong with it."""
        return {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "detail": detail,
            **members,
        }


class ProblemError(Exception):
    """A request that is answered with a problem; `headers` go with the answer."""

    def __init__(
        self,
        name: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Unpack[ProblemMembers],
    ) -> None:
        self.kind = problem_kinds()[name]
        self.problem = self.kind.problem(detail, **members)
        self.headers = dict(headers or {})
        super().__init__(f"{name}: {detail}")


@cache
def problem_kinds() -> Mapping[str, ProblemKind]:
    """Return the kinds of problems.yaml by name; every reason that the gateway answers is one."""
    return MappingProxyType(
        {name: ProblemKind(name, **kind) for name, kind in data_beside(__file__).items()}
    )


def of_contract(error: ContractError) -> Problem:
    """Return the problem of an event that breaks its contract."""
    return problem_kinds()[error.reason.value].problem(
        str(error),
        field=error.field,
        value=None if error.value is None else shown(error.value),
        remedy=error.remedy,
    )
