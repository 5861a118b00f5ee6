"""Connections in memory, with delays, resets, and closes that the other side never notices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from random import Random
from typing import Any, Final

from tests.simulation.loop import Process, SimulationLoop, current_process

#: Ranges of message delays in a network without faults, in seconds: with longer delays, more
#: messages are in flight.
DELAYS: Final = ((0.0001, 0.002), (0.0005, 0.02), (0.002, 0.06))


class Endpoint(asyncio.Transport):
    """One end of a connection: what is written arrives at the other end later, in order."""

    def __init__(self, network: Network, process: Process, context: Context) -> None:
        super().__init__()
        self.network = network
        self.process = process
        self.context = context
        self.protocol: Any = None
        self.peer: Endpoint
        self._arrives_at = 0.0
        self._is_closing = False
        self._is_lost = False
        self._is_reading = True
        self._unread: list[Callable[[], None]] = []

    # -- asyncio.Transport

    def write(self, data: Any) -> None:
        """Send data to the other end."""
        if self._is_closing:
            return
        self._send(self.peer._receive, bytes(data))

    def is_closing(self) -> bool:
        """Return True once it is closed."""
        return self._is_closing

    def close(self) -> None:
        """Close it; what was written before still arrives."""
        if self._is_closing:
            return
        self._is_closing = True
        self._send(self.peer._end, None)
        self.network.loop.call_soon(self._lose, None, context=self.context)

    def abort(self) -> None:
        """Close it."""
        self.close()

    def pause_reading(self) -> None:
        """Buffer incoming data."""
        self._is_reading = False

    def resume_reading(self) -> None:
        """Pass on the buffered data."""
        self._is_reading = True
        while self._unread and self._is_reading:
            self._unread.pop(0)()

    def is_reading(self) -> bool:
        """Return True unless reading is paused."""
        return self._is_reading

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Set the protocol of this end."""
        self.protocol = protocol

    def get_protocol(self) -> Any:
        """Return the protocol of this end."""
        return self.protocol

    @property
    def peer_host(self) -> str:
        """The address of the process at the other end."""
        return self.network.address_of(self.peer.process)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the address of the other end, otherwise the default: there is no socket."""
        return (self.peer_host, 0) if name == "peername" else default

    def get_write_buffer_size(self) -> int:
        """Return 0: the network takes everything at once."""
        return 0

    # -- the other side's

    def _send(self, callback: Callable[..., None], *arguments: Any) -> None:
        loop = self.network.loop
        self._arrives_at = max(
            self._arrives_at, loop.time() + self.network.delay(self.process, self.peer.process)
        )
        if self._arrives_at == float("inf"):
            return
        if self.network.added_delay:
            self.network.last_arrival = max(self.network.last_arrival, self._arrives_at)
        loop.call_at(self._arrives_at, callback, *arguments, context=self.peer.context)

    def _receive(self, data: bytes) -> None:
        if self._is_closing:
            return
        if self._is_reading:
            self.protocol.data_received(data)
        else:
            self._unread.append(lambda: self._receive(data))

    def _end(self, error: Exception | None) -> None:
        if self._is_closing:
            return
        self._is_closing = True
        if error is None:
            self.protocol.eof_received()
        self._lose(error)

    def _lose(self, error: Exception | None) -> None:
        if not self._is_lost:
            self._is_lost = True
            self.network.forget(self)
            self.protocol.connection_lost(error)

    def reset(self, *, is_heard: bool = True) -> None:
        """End the connection immediately; if `is_heard`, the other side gets a reset."""
        self._is_closing = True
        self._is_lost = True
        self.network.forget(self)
        if is_heard:
            self._send(self.peer._end, ConnectionResetError("connection reset by peer"))


class Network:
    """The listeners, the open connections, and the delays between processes."""

    def __init__(self, loop: SimulationLoop, chance: Random) -> None:
        self.loop = loop
        self.chance = chance
        self.delays = chance.choice(DELAYS)
        self._listeners: dict[tuple[str, int], tuple[Process, Context, Callable[[], Any]]] = {}
        self._open: dict[Endpoint, None] = {}
        self._addresses: dict[str, str] = {}
        #: The processes whose connections end with them.
        self._watched: dict[Process, None] = {}
        #: By pair of process names: what is added to each delay, in seconds; `inf` drops messages.
        self.added_delay: dict[tuple[str, str], float] = {}
        #: When the last message sent while messages were delayed will arrive.
        self.last_arrival = 0.0

    def delay(self, sender: Process, receiver: Process) -> float:
        """Return the delay of a message sent now."""
        usual = self.chance.uniform(*self.delays)
        if not self.added_delay:
            return usual
        return usual + self.added_delay.get((sender.name, receiver.name), 0.0)

    def address_of(self, process: Process) -> str:
        """Return the address from which a process connects: each name has its own."""
        return self._addresses.setdefault(process.name, f"10.0.0.{len(self._addresses) + 1}")

    def listen(
        self, host: str, port: int, process: Process, context: Context, make: Callable[[], Any]
    ) -> None:
        """Accept connections in a process; `make` returns the protocol of each."""
        self._listeners[host, port] = (process, context, make)

    def unlisten(self, host: str, port: int) -> None:
        """Refuse connections from now on."""
        self._listeners.pop((host, port), None)

    async def connect(self, make: Callable[[], Any], host: str, port: int) -> tuple[Endpoint, Any]:
        """Connect the current process; raise ConnectionRefusedError without a listener."""
        here = current_process()
        await asyncio.sleep(self.chance.uniform(*self.delays))
        found = self._listeners.get((host, port))
        if found is None or found[0].is_killed:
            message = f"connection refused: {host}:{port}"
            raise ConnectionRefusedError(message)
        process, context, make_other = found
        if self.delay(here, process) == float("inf"):
            await asyncio.sleep(1e9)
        near, far = Endpoint(self, here, copy_context()), Endpoint(self, process, context)
        near.peer, far.peer = far, near
        for end, protocol in ((near, make()), (far, make_other())):
            end.protocol = protocol
            self._open[end] = None
            self._when_killed(end)
        far.context.run(far.protocol.connection_made, far)
        near.protocol.connection_made(near)
        return near, near.protocol

    def connections(self, process: Process) -> list[Endpoint]:
        """Return the open ends of a process, oldest first."""
        return [end for end in self._open if end.process is process]

    def cut(self, end: Endpoint) -> None:
        """Reset a connection in the network: each side is notified separately."""
        other = end.peer
        error = ConnectionResetError("connection reset by the network")
        for one in (end, other):
            self.loop.call_soon(one._end, error, context=one.context)

    def forget(self, end: Endpoint) -> None:
        """Forget a closed end."""
        self._open.pop(end, None)

    def _when_killed(self, end: Endpoint) -> None:
        process = end.process
        if process not in self._watched:
            self._watched[process] = None
            process.on_kill.append(lambda: self.reset_all(process))

    def reset_all(self, process: Process) -> None:
        """Reset all connections of a process that has ended, as its machine would."""
        for end in self.connections(process):
            end.reset()
