"""The metadata of a committed offset: a broker stores at most 4 096 bytes with each by default.

It is JSON. Operators' tools write none. Unknown keys of other releases are ignored.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

from events.last_record import LastRecord

#: The maximum number of attempts kept at once, those at the lowest offsets.
MOST_ATTEMPTS: Final = 8

_MODEL: Final = ConfigDict(frozen=True, extra="ignore")


class Attempt(BaseModel):
    """An unfinished attempt to process a record."""

    model_config = _MODEL

    offset: NonNegativeInt
    count: PositiveInt
    """The number of attempts in a row; all but the last have ended the worker."""


class CommitMetadata(BaseModel):
    """The metadata of a partition of events at a committed offset."""

    model_config = _MODEL

    version: PositiveInt = 2
    start: NonNegativeInt | None = None
    """The first offset that the log had when its states were read."""
    last: LastRecord | None = None
    """The last record before the committed offset."""
    rules: str | None = None
    """The fingerprint of the rules applied to all records before the committed offset."""
    attempts: tuple[Attempt, ...] = ()
    """By offset: the last attempt, and earlier ones at later records, which will be read again."""


class Committed(NamedTuple):
    """A committed offset of the group, and its metadata."""

    offset: int
    metadata: CommitMetadata

    def without_attempts(self) -> Committed:
        """Return it without the attempts that a worker has in progress."""
        return self._replace(metadata=self.metadata.model_copy(update={"attempts": ()}))


NO_METADATA: Final = CommitMetadata()
NOT_COMMITTED: Final = Committed(0, NO_METADATA)


def encode_commit_metadata(metadata: CommitMetadata) -> str:
    """Return the metadata as JSON without empty keys; "" for no metadata."""
    if metadata == NO_METADATA:
        return ""
    return metadata.model_dump_json(
        exclude_none=True, exclude={} if metadata.attempts else {"attempts"}
    )


def decode_commit_metadata(text: str | None) -> CommitMetadata:
    """Return the metadata of an offset; NO_METADATA for a text in another format."""
    if not text:
        return NO_METADATA
    try:
        return CommitMetadata.model_validate_json(text)
    except ValidationError:
        return NO_METADATA
