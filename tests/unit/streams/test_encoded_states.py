"""States that are kept encoded."""

from streams.encoded_states import EncodedStates
from streams.state import EMPTY, encode_state
from tests.support.histories import event, state_of, uai

PARIS, MEAUX = uai("0750001"), uai("0770001")
STATE = state_of(event("school.connected", PARIS, "2018-03-01"))
STATES = EncodedStates({PARIS.encode(): encode_state(STATE)})


def test_are_read_as_they_were_written() -> None:
    """Each by its entity, and all of them."""
    assert STATES[PARIS] == STATE
    assert dict(STATES) == {PARIS: STATE}
    assert STATES.get(MEAUX, EMPTY) is EMPTY
    assert (PARIS in STATES, MEAUX in STATES, len(STATES)) == (True, False, 1)


def test_are_the_readers_own() -> None:
    """What is read may be changed: the next reader finds what is kept."""
    read = STATES[PARIS]
    assert isinstance(read, dict)
    read.clear()

    assert STATES[PARIS] == STATE
