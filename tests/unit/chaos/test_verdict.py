"""The check of receipts: each one's event is where the receipt says, as it was offered."""

from events.cloudevent import encode_structured
from tests.chaos.verdict import wrong_places
from tests.support.gateway_senders import Position, with_id
from tests.support.histories import event, uai

VALUE = encode_structured(event("school.connected", uai("0750001"), "2018-01-01", id="one")).value
AT: Position = ("smartregion.schools", 3, 7)


def wrong(found: bytes | None) -> list[str]:
    """Return what is wrong where this is found at the position of the receipt."""
    return list(wrong_places({"one": AT}, {"one": VALUE}, {AT: found}))


def test_an_event_as_it_was_offered_is_right() -> None:
    """The value may be written in another way, the event is the same."""
    assert wrong(VALUE) == []
    assert wrong(VALUE.replace(b":", b": ", 1)) == []


def test_a_receipt_for_something_else_is_wrong() -> None:
    """Another event, a changed one, no record and what is no event are all found."""
    changed = VALUE.replace(b"2018-01-01", b"2018-01-02")
    for found in (with_id(VALUE, "two"), changed, None, b"{"):
        assert wrong(found) == ["receipt one: its event is not at smartregion.schools/3/7"]
    assert list(wrong_places({"one": AT}, {}, {AT: VALUE})) != []
