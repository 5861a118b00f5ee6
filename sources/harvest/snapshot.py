"""What one harvest has read of a portal's catalogue, and whether it is complete."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from boundary.addresses import UnusableAddressError, shown_address
from boundary.errors import SmartRegionError
from sources.harvest.polite_client import MOST_BYTES, PoliteAnswer, PoliteClient
from sources.harvest.portal_dataset import Described, HarvestError

MOST_PAGES: Final = 2000
MOST_TOTAL_BYTES: Final = 512 * 1024 * 1024
"""Limit of all pages of a catalogue: some hundred thousand datasets."""


@dataclass(slots=True)
class PortalSnapshot:
    """The datasets of a catalogue, in its own words."""

    found: list[Described] = field(default_factory=list)
    incomplete: str = ""
    """Why some datasets may be missing; "" if all were read."""
    total: int | None = None
    """The number of datasets on its first page; None if it says nothing."""
    keys: set[str] = field(default_factory=set)
    """The keys of its datasets."""

    def count(self, total: int) -> None:
        """Note the number of datasets that a page states.

        If it changes between pages, datasets may have moved to a page that was read before.
        """
        if self.total is None:
            self.total = total
        elif total != self.total:
            self.incomplete = f"there were {self.total} datasets, then {total}, as they were listed"

    def check(self, listed: int) -> None:
        """Check that as many datasets were listed as the pages state."""
        if not self.incomplete and self.total is not None and listed < self.total:
            self.incomplete = f"{listed} of {self.total} datasets were listed"

    def add(self, entries: Iterable[Described | None]) -> None:
        """Add the datasets of a page that were not on one before; None has no name."""
        for described in entries:
            if described is None:
                self.incomplete = "a dataset of the catalogue has neither address nor identifier"
            elif described.key not in self.keys:
                self.keys.add(described.key)
                self.found.append(described)


def get_page(client: PoliteClient, url: str, *, accept: str) -> PoliteAnswer:
    """Return a page of a catalogue.

    Raises HarvestError if it is not a page or the client has received MOST_TOTAL_BYTES, and what
    the client raises.
    """
    if client.received > MOST_TOTAL_BYTES:
        problem = f"is behind more than {MOST_TOTAL_BYTES} bytes of pages, which is the most"
        remedy = "harvest parts of it, as one publisher's, each with its own address"
        raise HarvestError(shown_address(url), problem, remedy=remedy)
    try:
        page = client.get(url, headers={"Accept": accept}, insist=True)
    except UnusableAddressError as error:
        raise HarvestError(error.shown, error.problem, remedy=error.remedy) from error
    status = page.answer.status
    if status != HTTPStatus.OK:
        remedy = "check the address, and that it is open to all"
        raise HarvestError(page.url, f"is no catalogue, value status {status}", remedy=remedy)
    if page.is_cut:
        remedy = "ask the portal for pages"
        raise HarvestError(page.url, f"is longer than {MOST_BYTES} bytes", remedy=remedy)
    return page


def follow_pages(snapshot: PortalSnapshot, first: str, read: Callable[[str], str | None]) -> None:
    """Read a page and those after it; `read` returns the address of the next one.

    Raises what the first page raises; a later page that cannot be read leaves the snapshot
    incomplete, with what was found before.
    """
    visited: set[str] = set()
    url: str | None = first
    while url is not None:
        if url in visited or len(visited) >= MOST_PAGES:
            snapshot.incomplete = "its pages lead in a circle, or are too many"
            return
        try:
            following = read(url)
        except SmartRegionError as error:
            if not visited:
                raise
            snapshot.incomplete = str(error)
            return
        visited.add(url)
        url = following
