"""A worker with a planted fault: `python -m tests.support.faulty_worker worker`.

SMARTREGION_TEST_FAULT names the fault:

- `produce:N`: the broker refuses the Nth write of dead letters or forwards;
- `unknown:TYPE`: it does not know an event type yet, like a worker of an earlier release;
- `kill:ID`: the event with that id kills it, as a fault in native code would.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka.errors import KafkaError

from events import cloudevent
from events.cloudevent import CloudEvent
from events.errors import ContractError, RefusalReason
from events.records import OutgoingRecord
from streams import engine, reading
from streams.batch_transport import BatchProducer, ProduceFailedError


def plant(fault: str) -> None:
    name, _, number = fault.partition(":")
    {
        "produce": lambda: _fail_write(int(number)),
        "unknown": lambda: _forget(number),
        "kill": lambda: _kill(number),
    }[name]()


def _forget(event_type: str) -> None:
    decode = cloudevent.decode

    def forgetful(*args: Any, **kwargs: Any) -> CloudEvent:
        event = decode(*args, **kwargs)
        if event.type == event_type:
            raise ContractError(RefusalReason.UNKNOWN_TYPE, "type", event_type, "planted")
        return event

    _decode_all_with(forgetful)


def _kill(id_: str) -> None:
    decode = cloudevent.decode

    def deadly(*args: Any, **kwargs: Any) -> CloudEvent:
        event = decode(*args, **kwargs)
        if event.id == id_:
            os.kill(os.getpid(), signal.SIGKILL)
        return event

    _decode_all_with(deadly)
    # A minute, so that an operator can decide: a test has decided by then.
    vars(engine)["HOLD_SECONDS"] = 15.0


def _decode_all_with(decode: Callable[..., CloudEvent]) -> None:
    # The imports of the module that reads, not its exports; no record is of the usual form.
    setattr(reading, "decode", decode)  # noqa: B010
    setattr(reading, "read_usual", lambda *_: None)  # noqa: B010


def _fail_write(number: int) -> None:
    writes = itertools.count(1)
    write: Callable[..., Awaitable[None]] = BatchProducer.write_all

    async def failing(self: BatchProducer, records: Sequence[OutgoingRecord]) -> None:
        if next(writes) == number:
            raise ProduceFailedError("planted", None, cause=KafkaError("planted"))
        await write(self, records)

    BatchProducer.write_all = failing  # type: ignore[method-assign]


if __name__ == "__main__":
    from smart_region import main

    plant(os.environ["SMARTREGION_TEST_FAULT"])
    main()
