"""New secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.producers.tokens import Scheme, issue, token_owner

producer_ids = st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True)


@given(producer=producer_ids)
def test_a_token_names_its_producer(producer: str) -> None:
    assert token_owner(issue(producer, Scheme.BEARER).secret.get_secret_value()) == producer


@pytest.mark.parametrize("scheme", Scheme)
def test_no_two_secrets_are_alike(scheme: Scheme) -> None:
    issued = {issue("lycees", scheme).secret.get_secret_value() for _ in range(100)}
    assert len(issued) == 100


@pytest.mark.parametrize("scheme", Scheme)
def test_an_issued_secret_does_not_show_itself(scheme: Scheme) -> None:
    issued = issue("lycees", scheme)
    assert issued.secret.get_secret_value() not in f"{issued!r} {issued}"
    assert issued.entry.get_secret_value() not in f"{issued!r} {issued}"


@given(text=st.text() | st.from_regex(r"srt_[a-z_-]*"))
def test_other_texts_name_nobody(text: str) -> None:
    assert token_owner(text) is None or text.startswith("srt_")
