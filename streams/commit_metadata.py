"""The metadata of a committed offset: Kafka stores up to 4 096 bytes with each.

It is JSON. Workers of 0.1 and operators' tools write none. Unknown keys, of a later release, are
ignored.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

from boundary.errors import SmartRegionError

#: A broker's default for `offset.metadata.max.bytes`; a commit with more is refused.
MAX_BYTES: Final = 4096

_MODEL: Final = ConfigDict(frozen=True, extra="ignore")


class MetadataTooLargeError(SmartRegionError):
    """The metadata of an offset is larger than a broker accepts."""

    def __init__(self, size: int) -> None:
        super().__init__(
            f"commit metadata: {size} bytes, more than the {MAX_BYTES} that a broker accepts: "
            "write less metadata with an offset"
        )


class ChangelogExtent(BaseModel):
    """The known first and last offsets of the states in a changelog partition."""

    model_config = _MODEL

    start: NonNegativeInt
    """The log's start offset when the states were restored; compaction does not move it."""
    end: NonNegativeInt
    """The offset after the last acknowledged write."""
    summary: NonNegativeInt | None = None
    """The offset of the last record with a summary; None for none."""


class Attempt(BaseModel):
    """An unfinished attempt to process the record at the committed offset."""

    model_config = _MODEL

    offset: NonNegativeInt
    count: PositiveInt
    """The number of attempts in a row; all but the last have ended the worker."""


class CommitMetadata(BaseModel):
    """The metadata of a partition of events at a committed offset."""

    model_config = _MODEL

    version: PositiveInt = 1
    changelog: ChangelogExtent | None = None
    attempt: Attempt | None = None


NO_METADATA: Final = CommitMetadata()


def encode_commit_metadata(metadata: CommitMetadata) -> str:
    """Return the metadata as JSON without empty keys; "" for no metadata.

    Raises MetadataTooLargeError.
    """
    if metadata == NO_METADATA:
        return ""
    text = metadata.model_dump_json(exclude_none=True)
    size = len(text.encode())
    if size > MAX_BYTES:
        raise MetadataTooLargeError(size)
    return text


def decode_commit_metadata(text: str | None) -> CommitMetadata:
    """Return the metadata of an offset; NO_METADATA for a text in another format."""
    if not text:
        return NO_METADATA
    try:
        return CommitMetadata.model_validate_json(text)
    except ValidationError:
        return NO_METADATA
