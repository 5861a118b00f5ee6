"""Edits of a valid text or of bytes: token by token, so that much of the grammar is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from hypothesis import strategies as st

_MOST_EDITS: Final = 5
_REPEATS: Final = (1, 1, 1, 2, 3, 40, 1_500)
"""Of what is inserted: what nests or repeats without end is sent too."""
_LONGEST: Final = 2**18


@st.composite
def edited(draw: st.DrawFn, text: str, tokens: re.Pattern[str], fragments: Sequence[str]) -> str:
    """Draw a text of which some tokens were replaced, removed, doubled, or swapped.

    `tokens` finds all of the text; `fragments` are what the grammar gives a meaning to.
    """
    parts = tokens.findall(text)
    for _ in range(draw(st.integers(0, _MOST_EDITS))):
        at = draw(st.integers(0, len(parts)))
        match draw(st.integers(0, 4)):
            case 0:
                repeats = draw(st.sampled_from(_REPEATS))
                parts.insert(at, draw(st.sampled_from(fragments)) * repeats)
            case 1:
                parts[at : at + 1] = [draw(st.sampled_from(fragments) | st.text(max_size=6))]
            case 2:
                del parts[at : at + draw(st.integers(1, 6))]
            case 3:
                part = parts[at : at + draw(st.integers(1, 12))]
                parts[at:at] = part * draw(st.sampled_from(_REPEATS[:-1]))
            case _:
                other = draw(st.integers(0, len(parts)))
                parts[at : at + 1], parts[other : other + 1] = (
                    parts[other : other + 1],
                    parts[at : at + 1],
                )
    return "".join(parts)[:_LONGEST]


@st.composite
def edited_bytes(
    draw: st.DrawFn, text: str, tokens: re.Pattern[str], fragments: Sequence[str]
) -> bytes:
    """Draw an edited text in UTF-8, of which bytes were spliced."""
    text = draw(edited(text, tokens, fragments))
    return draw(spliced(text.encode(errors="surrogatepass")))


@st.composite
def spliced(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw bytes of which a few were replaced, or all that come after a place removed."""
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 3]))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(start + 8, len(content))) | st.just(len(content)))
        content = content[:start] + draw(st.binary(max_size=8)) + content[end:]
    return content
