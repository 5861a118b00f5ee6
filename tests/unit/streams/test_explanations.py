"""Explanations as the states hold them."""

from __future__ import annotations

from tests.support.explanations import explained, explanations_from

CONNECTED = "schools_connected_ratio", "all_connected"


def test_the_newest_day_comes_first_and_a_day_in_the_order_of_the_kinds() -> None:
    found = explanations_from(
        [
            explained("2019-01-01", "ancienne"),
            explained("2019-02-01", "une action", kind="action"),
            explained("2019-02-01", "un résultat", kind="result"),
            explained("2019-03-01", "ailleurs", territory="D77"),
        ]
    )
    assert [one.text for one in found[*CONNECTED, None]] == [
        "un résultat",
        "une action",
        "ancienne",
    ]
    [elsewhere] = found[*CONNECTED, "77"]
    assert elsewhere.entity == "schools_connected_ratio/all_connected/D77/cause"


def test_a_later_text_of_the_day_corrects_it_and_a_retraction_takes_it_back() -> None:
    first = explained("2019-01-01", "faux", at="2019-01-01T10:00:00")
    corrected = explained("2019-01-01", "juste", at="2019-01-02T10:00:00")
    retracted = explained("2019-01-01", "juste", at="2019-01-03T10:00:00", retracted=True)
    [one] = explanations_from([corrected, first])[*CONNECTED, None]
    assert one.text == "juste"
    assert not explanations_from([retracted, first, corrected])
