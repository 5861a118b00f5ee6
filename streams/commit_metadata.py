"""What a worker writes beside a committed offset: Kafka keeps up to 4 096 bytes with each.

It is small JSON. Workers of 0.1 write nothing there, operators' tools neither: then nothing is
known. A later release may add keys, which this one ignores.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

from boundary.errors import SmartRegionError

__all__ = [
    "NOTHING_NOTED",
    "Attempt",
    "ChangelogExtent",
    "CommitMetadata",
    "MetadataTooLargeError",
    "decode_commit_metadata",
    "encode_commit_metadata",
]

#: A broker's default for `offset.metadata.max.bytes`; more is refused with the offset.
MAX_BYTES: Final = 4096

_MODEL: Final = ConfigDict(frozen=True, extra="ignore")


class MetadataTooLargeError(SmartRegionError):
    """A programmer noted more beside an offset than a broker takes."""

    def __init__(self, size: int) -> None:
        super().__init__(
            f"commit metadata: {size} bytes, more than the {MAX_BYTES} that a broker keeps: "
            "note less beside an offset"
        )


class ChangelogExtent(BaseModel):
    """From which offset to which a changelog partition holds the states, as far as it was known."""

    model_config = _MODEL

    start: NonNegativeInt
    """The log's start when the states were restored; compaction does not move it."""
    end: NonNegativeInt
    """The offset after the last write that the broker acknowledged."""


class Attempt(BaseModel):
    """That work at the record with which a partition begins was begun, and not ended yet."""

    model_config = _MODEL

    offset: NonNegativeInt
    count: PositiveInt
    """How often it was begun in a row; each but the last has ended the worker."""


class CommitMetadata(BaseModel):
    """What is known about a partition of events up to the offset beside which it is kept."""

    model_config = _MODEL

    version: PositiveInt = 1
    changelog: ChangelogExtent | None = None
    attempt: Attempt | None = None


NOTHING_NOTED: Final = CommitMetadata()


def encode_commit_metadata(metadata: CommitMetadata) -> str:
    """Encode as JSON, without what is not known; nothing known is an empty text.

    Raises MetadataTooLargeError.
    """
    if metadata == NOTHING_NOTED:
        return ""
    text = metadata.model_dump_json(exclude_none=True)
    size = len(text.encode())
    if size > MAX_BYTES:
        raise MetadataTooLargeError(size)
    return text


def decode_commit_metadata(text: str | None) -> CommitMetadata:
    """Decode what is kept beside an offset; a text that is not ours says nothing."""
    if not text:
        return NOTHING_NOTED
    try:
        return CommitMetadata.model_validate_json(text)
    except ValidationError:
        return NOTHING_NOTED
