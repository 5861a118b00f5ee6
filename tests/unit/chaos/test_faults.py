"""The plan of faults: from the seed alone, all kinds in turn, each within its minute."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.faults import BROKERS, FAULTS_A_MINUTE, FaultKind, plan

SEEDS = st.integers(0, 2**32)
MINUTES = st.integers(1, 1_000)


@given(SEEDS, MINUTES)
def test_the_same_seed_plans_the_same_faults(seed: int, minute: int) -> None:
    """A minute is planned again whatever was planned before it."""
    again = plan(seed, minute, workers=4)
    plan(seed, minute + 1, workers=4)
    assert plan(seed, minute, workers=4) == again
    assert plan(seed + 1, minute, workers=4) != again


@given(SEEDS, MINUTES, st.integers(2, 8), st.floats(20, 300))
def test_each_fault_is_within_its_minute_and_of_somebody(
    seed: int, minute: int, workers: int, seconds: float
) -> None:
    """Faults begin in order, end before the healing, and their targets exist."""
    faults = plan(seed, minute, workers=workers, seconds=seconds)
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
    for fault in faults:
        assert fault.at > 0
        assert fault.at + fault.seconds <= seconds + 0.1  # both are rounded
        assert 0 <= fault.target < max(workers, BROKERS)
        if "broker" in fault.kind or "network" in fault.kind:
            assert fault.target < BROKERS
        assert bool(fault.delay) is (fault.kind is FaultKind.NETWORK_DELAY)


@given(SEEDS, MINUTES)
def test_each_kind_comes_within_five_minutes(seed: int, first: int) -> None:
    """Kinds are dealt from decks: a run of five minutes has them all, none more than thrice."""
    dealt = Counter(
        fault.kind for minute in range(first, first + 5) for fault in plan(seed, minute, workers=4)
    )
    assert dealt.total() == 5 * FAULTS_A_MINUTE
    assert set(dealt) == set(FaultKind)
    assert max(dealt.values()) <= 3
