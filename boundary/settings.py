"""Settings read from `SMART_REGION_…` variables; all wrong and unknown ones are refused at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeVar

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from boundary.addresses import shown_address
from boundary.errors import SmartRegionError
from boundary.seconds import LONGEST_SECONDS

ENV_PREFIX: Final = "SMART_REGION_"

SETTINGS_CONFIG: Final = SettingsConfigDict(
    env_prefix=ENV_PREFIX,
    extra="forbid",
    frozen=True,
    env_ignore_empty=True,
    use_attribute_docstrings=True,
)

Seconds = Annotated[float, Field(gt=0, le=LONGEST_SECONDS)]
Megabytes = Annotated[int, Field(gt=0, le=1_000_000_000)]
"""At most a thousand terabytes: a database does not accept unbounded numbers."""

#: Shown instead of a secret, and of an unknown variable's value, which may be one.
_HIDDEN: Final = "…"

Model = TypeVar("Model", bound=BaseSettings)


class SettingsError(SmartRegionError):
    """Settings are wrong; the program does not start."""

    def __init__(self, problems: list[tuple[str, object, str]]) -> None:
        self.problems = problems
        lines = [f"{name}={value!r}: {remedy}" for name, value, remedy in problems]
        super().__init__("wrong settings: " + "; ".join(lines))


def read_settings(
    model: type[Model],
    *,
    own: str | tuple[str, ...] = ENV_PREFIX,
    foreign: tuple[str, ...] = (),
    removed: Mapping[str, str] = MappingProxyType({}),
    **overrides: Any,
) -> Model:
    """Return settings read from the environment; `overrides` (options) win unless they are None.

    A variable that begins with `own`, but not with a prefix in `foreign`, must be a setting of the
    model. `removed` has the remedy for each setting (its field's name) of an earlier release.
    Raises SettingsError with every wrong variable, its value and the remedy.
    """
    problems: list[tuple[str, object, str]] = [
        (name, _HIDDEN, removed.get(field) or _unknown(field, model))
        for name in sorted(os.environ)
        if name.startswith(own)
        and not name.startswith(foreign)
        and (field := name.removeprefix(ENV_PREFIX).lower()) not in model.model_fields
    ]
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = model(**given)
    except ValidationError as error:
        problems += [_problem(detail) for detail in error.errors(include_url=False)]
    if problems:
        raise SettingsError(problems)
    return settings


def variable(field: str) -> str:
    """Return the name of the variable that sets a field."""
    return ENV_PREFIX + field.upper()


def _unknown(field: str, model: type[BaseSettings]) -> str:
    known = sorted(model.model_fields)
    near = get_close_matches(field, known, n=1)
    remedy = f"did you mean {variable(near[0])}?" if near else f"there are {', '.join(known)}"
    return f"no such setting; {remedy}"


def _problem(detail: ErrorDetails) -> tuple[str, object, str]:
    field = str(detail["loc"][0])
    value = _HIDDEN if "password" in field else detail["input"]
    if field == "broker" or "@" in str(value):
        value = shown_address(str(value))  # Some users put a user and a password before a host.
    return variable(field), value, detail["msg"].removeprefix("Value error, ")
