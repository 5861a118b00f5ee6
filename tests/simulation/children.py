"""Runs in separate processes, forked from one that has loaded everything that runs share."""

from __future__ import annotations

import faulthandler
import gc
import os
import pickle
import traceback
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr
from io import StringIO
from selectors import EVENT_READ, DefaultSelector
from typing import BinaryIO, Final

from tests.simulation.run import Outcome, Plan, run, warm_up

#: The timeout of a run in real seconds; a run usually takes a few.
RUN_SECONDS: Final = 300.0


def run_apart(plan: Plan) -> Outcome:
    """Carry out a run in a forked process; a run that ends its process is reported as a problem."""
    (outcome,) = outcomes_of([plan], processes=1)
    return outcome


def outcomes_of(plans: Iterable[Plan], *, processes: int) -> Iterator[Outcome]:
    """Carry out runs in parallel, and yield each outcome when its run has ended.

    When the caller stops iterating, the runs in progress are awaited.
    """
    warm_up()
    # Children share the loaded objects: a collection would touch, and so copy, all of them.
    gc.collect()
    gc.freeze()
    with DefaultSelector() as selector:
        try:
            for plan in plans:
                _start(plan, selector)
                if len(selector.get_map()) == processes:
                    yield from _ended(selector)
            while selector.get_map():
                yield from _ended(selector)
        finally:
            while selector.get_map():
                list(_ended(selector))


def _start(plan: Plan, selector: DefaultSelector) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "wb") as stream:
            pickle.dump(_outcome(plan), stream)
        os._exit(0)
    os.close(writing)
    selector.register(os.fdopen(reading, "rb"), EVENT_READ, (plan, child))


def _outcome(plan: Plan) -> Outcome:
    gc.disable()
    # A run that blocks for ever is ended, and its stack is printed.
    faulthandler.dump_traceback_later(RUN_SECONDS, exit=True)
    try:
        # Faust prints what it cannot log.
        with redirect_stderr(StringIO()):
            return run(plan)
    except BaseException:  # noqa: BLE001 - any failure is the outcome of this seed
        return Outcome(plan.seed, problems=[f"simulation: {traceback.format_exc()}"])


def _ended(selector: DefaultSelector) -> Iterator[Outcome]:
    for key, _ in selector.select():
        plan, child = key.data
        stream: BinaryIO = key.fileobj  # type: ignore[assignment]
        with stream:
            selector.unregister(stream)
            content = stream.read()
        os.waitpid(child, 0)
        yield (
            pickle.loads(content)  # noqa: S301 - of our own child
            if content
            else Outcome(plan.seed, problems=["simulation: the process ended without an outcome"])
        )
