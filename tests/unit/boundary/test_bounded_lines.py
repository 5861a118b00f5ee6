"""A line without an end does not fill the memory, and the next one is read."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from boundary.bounded_lines import bounded_lines


@given(
    text=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"x" * 70_000])).map(b"".join),
    longest=st.integers(1, 5),
)
def test_each_line_is_there_with_its_beginning(text: bytes, longest: int) -> None:
    """In order, and none is taken for two."""
    whole = io.BytesIO(text).readlines()

    assert list(bounded_lines(io.BytesIO(text), longest=longest)) == [
        line[: longest + 1] for line in whole
    ]


def test_the_beginning_is_given_before_the_rest_is_read() -> None:
    """Whoever writes an endless line is told so at once."""

    class Endless(io.BytesIO):
        asked = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            self.asked += 1
            return b"x" * (size or 0)

    stream = Endless()

    assert next(bounded_lines(stream, longest=3)) == b"xxxx"
    assert stream.asked == 1
