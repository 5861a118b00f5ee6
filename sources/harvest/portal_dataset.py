"""A dataset as a portal describes it: in the portal's own words, and in those of the contract.

And what says why a harvest cannot go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from boundary.errors import SmartRegionError
from events.dataset import Licence, Theme, UpdateFrequency


class HarvestError(SmartRegionError):
    """A catalogue cannot be read, or a harvest not go on: where, why, and what to do."""

    def __init__(self, where: str, problem: str, *, remedy: str) -> None:
        self.where, self.problem, self.remedy = where, problem, remedy
        super().__init__(f"{where}: {problem}: {remedy}")


class Distribution(BaseModel):
    """An address at which a dataset's data can be had."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(min_length=1, max_length=2000)]
    is_data: bool = True
    """False for an address that may be a page about the data."""
    as_page: bool = False
    """True where the data themselves are announced as a web page."""


@dataclass(frozen=True, slots=True)
class Described:
    """What a portal says of one dataset, before it is understood; "" where it says nothing."""

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


@dataclass(frozen=True, slots=True)
class PortalDataset:
    """A dataset whose description was understood."""

    dataset_id: str
    title: str
    publisher: str
    theme: Theme
    licence: Licence
    frequency: UpdateFrequency
    issued: date | None = None
    modified: date | None = None
    distributions: tuple[Distribution, ...] = ()
