"""A dataset in the portal's own words, and the error of a harvest that cannot continue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from boundary.errors import SmartRegionError


class HarvestError(SmartRegionError):
    """A catalogue cannot be read, or a harvest cannot continue."""

    def __init__(self, where: str, problem: str, *, remedy: str) -> None:
        self.where, self.problem, self.remedy = where, problem, remedy
        super().__init__(f"{where}: {problem}: {remedy}")


LONGEST_URL: Final = 2000
"""Characters of an address of data; longer ones are passed over."""


class Distribution(BaseModel):
    """An address of a dataset's data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(min_length=1, max_length=LONGEST_URL)]
    is_data: bool = True
    """False for an address that may be a page about the data."""
    as_page: bool = False
    """True where the data themselves are announced as a web page."""


@dataclass(frozen=True, slots=True)
class Described:
    """What a portal says of one dataset, as text; "" where it says nothing."""

    key: str
    """The portal's own identifier, or the dataset's address."""
    identifier: str = ""
    title: str = ""
    publisher: str = ""
    themes: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    """The dataset's, then those of its distributions."""
    frequency: str = ""
    issued: str = ""
    modified: str = ""
    distributions: tuple[Distribution, ...] = ()
