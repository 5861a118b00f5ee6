"""What is kept beside a committed offset."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.last_record import LastRecord
from streams.commit_metadata import (
    MOST_ATTEMPTS,
    NO_METADATA,
    Attempt,
    CommitMetadata,
    decode_commit_metadata,
    encode_commit_metadata,
)

OFFSETS = st.integers(min_value=0, max_value=2**63 - 1)
KEYS = st.integers(min_value=0, max_value=2**32 - 1)
ATTEMPTS = st.builds(Attempt, offset=OFFSETS, count=KEYS.map(lambda n: n + 1))
METADATA = st.builds(
    CommitMetadata,
    start=st.none() | OFFSETS,
    last=st.none() | st.builds(LastRecord, offset=OFFSETS, timestamp=OFFSETS, key=KEYS),
    rules=st.none() | st.text("0123456789abcdef", min_size=16, max_size=16),
    attempts=st.lists(ATTEMPTS, max_size=MOST_ATTEMPTS).map(tuple),
)


@given(METADATA)
def test_what_was_noted_beside_an_offset_is_read_again(metadata: CommitMetadata) -> None:
    """A broker's default limit is 4 096 bytes."""
    text = encode_commit_metadata(metadata)

    assert decode_commit_metadata(text) == metadata
    assert len(text.encode()) < 1000


@pytest.mark.parametrize("text", [None, "", "host-7", "{", "[]", '{"version": -1}'])
def test_a_text_that_is_not_ours_says_nothing(text: str | None) -> None:
    """An operator's tool may have moved the offset."""
    assert decode_commit_metadata(text) == NO_METADATA


def test_keys_of_other_releases_are_ignored() -> None:
    """Old and new workers follow each other in a group while they are upgraded."""
    text = '{"version": 1, "changelog": {"start": 0, "end": 7}, "start": 3, "later": 3}'
    assert decode_commit_metadata(text).start == 3
