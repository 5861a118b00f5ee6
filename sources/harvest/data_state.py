"""The state of a dataset's data, judged by requests for the data alone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from boundary.http_client import HttpAnswer
from events.dataset import DatasetProbed, DataState, UpdateFrequency
from events.frequency import Frequency

GRACE_DAYS: Final = 7
"""How much longer than the announced frequency data may stay unchanged."""


class Validators(BaseModel):
    """The validators of an answer (RFC 9110, 8.8), by which changes are detected; "" for none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    etag: str = ""
    last_modified: str = ""

    @classmethod
    def of(cls, answer: HttpAnswer) -> Validators:
        """Return those of an answer."""
        headers = answer.headers
        return cls(etag=headers.get("ETag", ""), last_modified=headers.get("Last-Modified", ""))

    def headers(self) -> dict[str, str]:
        """Return the headers of a request for what is newer."""
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in given.items() if value}


class DataOutcome(StrEnum):
    """The outcome of a request for data."""

    DATA = "data"
    SAME = "same"
    """The server says that they have not changed."""
    EMPTY = "empty"
    FAILED = "failed"
    PRIVATE = "private"
    """Not requested: it is on a private network, which was not allowed."""


class FoundData(BaseModel):
    """The finding at an address."""

    model_config = ConfigDict(frozen=True)

    outcome: DataOutcome
    why: str = ""
    """What failed, in a line."""
    fingerprint: str = ""
    """A digest of the data, whatever their order."""
    is_whole: bool = True
    """False if the data may have changed although the fingerprint has not."""
    changed_on: date | None = None
    """The day of the data, by the server."""
    validators: Validators = Validators()


class KnownData(FoundData):
    """What is known of an address from all findings there.

    `changed_on` is when the data last changed: None before there were any.
    """

    model_config = ConfigDict(extra="forbid")

    probed_on: date

    @property
    def asked_on(self) -> date:
        """The last day on which a request was made; the first of all days if there was none."""
        return date.min if self.outcome is DataOutcome.PRIVATE else self.probed_on


def remember(known: KnownData | None, found: FoundData, today: date) -> KnownData:
    """Return what is known after a finding.

    Data that were missing or empty and come back as they were have not changed. Data that are first
    seen have changed on the day that the server states, or else today. Later, the server's day
    counts only if it is after the last probe: a server may state any.
    """
    before = known or KnownData(probed_on=today, outcome=DataOutcome.FAILED)
    update: dict[str, object] = {"probed_on": today, "outcome": found.outcome, "why": found.why}
    if found.outcome is DataOutcome.SAME:
        update["outcome"] = DataOutcome.DATA
    elif found.outcome is DataOutcome.DATA:
        update |= {
            "fingerprint": found.fingerprint,
            "is_whole": found.is_whole,
            "validators": found.validators,
        }
        if found.fingerprint != before.fingerprint:
            given = found.changed_on
            is_new = before.changed_on is None
            is_given = given is not None and given <= today
            believed = is_given and (is_new or (given or today) >= before.probed_on)
            update["changed_on"] = given if believed else today
    return before.model_copy(update=update)


def probed(
    dataset_id: str, found: Collection[KnownData], frequency: UpdateFrequency, today: date
) -> DatasetProbed:
    """Return the state of a dataset on a day, from all of its addresses.

    Data are stale if all that answer are known not to have changed for longer than the frequency
    and GRACE_DAYS. A dataset without an address is unavailable.
    """
    there = [one for one in found if one.outcome is DataOutcome.DATA]
    empty = sum(one.outcome is DataOutcome.EMPTY for one in found)
    failing = len(found) - len(there)
    is_known = bool(there) and all(one.is_whole for one in there)
    changed = max((one.changed_on or today for one in there), default=today)
    unchanged = max((today - changed).days, 0) if is_known else 0
    longest = Frequency(frequency).days
    if not there:
        state = DataState.EMPTY if found and empty == len(found) else DataState.UNAVAILABLE
    elif failing:
        state = DataState.PARTIAL
    elif longest is not None and unchanged > longest + GRACE_DAYS:
        state = DataState.STALE
    else:
        state = DataState.CURRENT
    return DatasetProbed(
        dataset_id=dataset_id,
        probed_on=today,
        data_state=state,
        distributions=len(found),
        failing_distributions=failing,
        unchanged_days=unchanged,
    )
