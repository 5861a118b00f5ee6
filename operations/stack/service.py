"""A service of the stack: a program, and how it is known to serve."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Final

from operations.programs.program import Program

__all__ = ["Service", "answers", "has_said"]

ANSWER_SECONDS: Final = 2.0
"""How long one question may take: the supervisor looks after nothing else meanwhile."""


@dataclass(frozen=True, slots=True)
class Service:
    """A program that is kept running."""

    program: Program
    is_ready: Callable[[], bool]
    """Whether it serves, asked in this life of it; an answer takes two seconds at most."""

    @property
    def name(self) -> str:
        """What it is called where it is told of."""
        return self.program.name


def answers(address: str, path: str) -> Callable[[], bool]:
    """Ask whether something at HOST:PORT answers 200 for a path."""

    def ask() -> bool:
        with closing(HTTPConnection(address, timeout=ANSWER_SECONDS)) as connection:
            try:
                connection.request("GET", path)
                return connection.getresponse().status == HTTPStatus.OK
            except (OSError, HTTPException):
                return False

    return ask


def has_said(program: Program, text: str) -> Callable[[], bool]:
    """Ask whether a program has said something since it was last started."""
    return lambda: text in program.log
