"""What is kept beside a committed offset."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.commit_metadata import (
    NO_METADATA,
    ChangelogExtent,
    CommitMetadata,
    MetadataTooLargeError,
    decode_commit_metadata,
    encode_commit_metadata,
)

OFFSETS = st.integers(min_value=0, max_value=2**63 - 1)
EXTENTS = st.builds(ChangelogExtent, start=OFFSETS, end=OFFSETS)
METADATA = st.builds(CommitMetadata, changelog=st.none() | EXTENTS)


@given(METADATA)
def test_what_was_noted_is_read_again(metadata: CommitMetadata) -> None:
    """All of it, whatever it was."""
    assert decode_commit_metadata(encode_commit_metadata(metadata)) == metadata


@given(METADATA)
def test_it_fits_beside_an_offset(metadata: CommitMetadata) -> None:
    """A broker's default limit is 4 096 bytes."""
    assert len(encode_commit_metadata(metadata).encode()) < 200


def test_nothing_known_is_an_empty_text() -> None:
    """As workers of 0.1 and Kafka's own tools write it."""
    assert encode_commit_metadata(NO_METADATA) == ""


@pytest.mark.parametrize("text", [None, "", "host-7", "{", "[]", '{"version": -1}'])
def test_a_text_that_is_not_ours_says_nothing(text: str | None) -> None:
    """An operator's tool may have moved the offset."""
    assert decode_commit_metadata(text) == NO_METADATA


def test_a_later_releases_keys_are_ignored() -> None:
    """Old and new workers share a group while they are upgraded."""
    text = '{"version": 2, "changelog": {"start": 0, "end": 7, "of": "x"}, "attempts": 3}'
    assert decode_commit_metadata(text).changelog == ChangelogExtent(start=0, end=7)


def test_more_than_a_broker_keeps_is_not_sent() -> None:
    """The broker would refuse the offset with it."""

    class Longer(CommitMetadata):
        text: str

    with pytest.raises(MetadataTooLargeError, match="more than the 4096"):
        encode_commit_metadata(Longer(text="x" * 5000))
