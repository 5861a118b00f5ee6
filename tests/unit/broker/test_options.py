"""What commands that reach a broker have in common."""

from __future__ import annotations

import logging

from broker.options import quiet_client


def test_the_client_is_quieted_once() -> None:
    """A page does so at each read, for as long as it runs."""
    quiet_client()
    before = list(logging.getLogger("kafka").handlers)

    quiet_client()

    assert logging.getLogger("kafka").handlers == before
