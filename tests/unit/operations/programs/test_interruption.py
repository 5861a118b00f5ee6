"""How all that was started is ended by a signal."""

import signal
from collections.abc import Iterator

import pytest

from boundary.interruption import SIGNALS, Interrupted, interruptible


@pytest.fixture
def _nohup() -> Iterator[None]:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("_nohup")
def test_a_closed_terminal_ends_nothing_that_nohup_has_started() -> None:
    with interruptible():
        signal.raise_signal(signal.SIGHUP)

    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_second_signal_does_not_cut_the_end_short() -> None:
    ended: list[str] = []

    def run() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            ended.append("in order")

    with pytest.raises(Interrupted), interruptible():
        run()

    assert ended == ["in order"]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_interrupts_and_the_handlers_from_before_come_back(
    number: signal.Signals,
) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]

    with pytest.raises(Interrupted) as interrupted, interruptible():
        signal.raise_signal(number)

    assert interrupted.value.number == number
    # It is no error that a handler might swallow.
    assert not isinstance(interrupted.value, Exception)
    assert [signal.getsignal(number) for number in SIGNALS] == before
