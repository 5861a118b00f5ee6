"""What sites let robots read."""

from __future__ import annotations

import codecs

import pytest

from boundary.http_client import HttpAnswer
from operations.harvest.robots import rules_of

NOTHING = b"User-agent: *\nDisallow: /\n"


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_rules_are_read_with_and_without_a_byte_order_mark(mark: bytes) -> None:
    """Editors on Windows put one there: all was taken for allowed (RFC 9309, 2.3)."""
    rules = rules_of(HttpAnswer(200, {}, mark + NOTHING))
    assert not rules.allow("https://example.org/data.csv")
