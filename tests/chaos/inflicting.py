"""Faults done to the parts of a running system, each a generator that yields until it is over."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Final, TypeAlias

from tests.chaos.cluster import Node
from tests.chaos.faults import Fault, FaultKind
from tests.chaos.system import System
from tests.support.tcp_proxy import CUT, HALF_OPEN, OPEN, Condition

Steps: TypeAlias = Generator[None, None, bool]
"""Yields while it lasts; returns whether the fault was done, which needs a target that runs."""


def inflict(system: System, fault: Fault) -> Steps:
    return _WAYS[fault.kind](system, fault)


def _lasting(seconds: float) -> Iterator[None]:
    until = monotonic() + seconds
    while monotonic() < until:
        yield


def _until(condition: Callable[[], bool]) -> Iterator[None]:
    while not condition():
        yield


def _worker_kill(system: System, fault: Fault) -> Steps:
    # Whoever supervises it starts it again.
    system.workers[fault.target].kill()
    yield
    return True


def _worker_pause(system: System, fault: Fault) -> Steps:
    worker = system.workers[fault.target]
    if not worker.alive:
        return False
    worker.sleep()
    yield from _lasting(fault.seconds)
    if worker.alive:
        worker.wake()
    return True


def _assessor_kill(system: System, fault: Fault) -> Steps:  # noqa: ARG001 - there is one
    system.assessor.kill()
    yield
    return True


def _gateway_kill(system: System, fault: Fault) -> Steps:
    system.gateway.kill()
    yield from _lasting(fault.seconds)
    system.start_gateway()
    return True


def _broken(
    go: Callable[[Node], object], come: Callable[[Node], object]
) -> Callable[[System, Fault], Steps]:
    """Return what does something to a broker, and undoes it after a while."""
    return lambda system, fault: _away(system.cluster.nodes[fault.target], fault, go, come)


def _controller_kill(system: System, fault: Fault) -> Steps:
    node = system.cluster.controller()
    return False if node is None else (yield from _away(node, fault, Node.kill, Node.launch))


def _away(
    node: Node, fault: Fault, go: Callable[[Node], object], come: Callable[[Node], object]
) -> Steps:
    if not node.broker.alive:
        return False
    go(node)
    yield from _lasting(fault.seconds)
    come(node)
    return True


def _rolling_restart(system: System, fault: Fault) -> Steps:
    nodes = system.cluster.nodes
    done = False
    for node in (*nodes[fault.target :], *nodes[: fault.target]):
        if not node.broker.alive:
            continue
        node.terminate()
        yield from _until(partial(_has_ended, node))
        node.launch()
        yield from _until(partial(_serves_or_has_ended, node))
        done = True
    return done


def _has_ended(node: Node) -> bool:
    return not node.broker.alive


def _serves_or_has_ended(node: Node) -> bool:
    return node.broker.is_ready or _has_ended(node)


def _network(condition: Condition) -> Callable[[System, Fault], Steps]:
    def change(system: System, fault: Fault) -> Steps:
        proxy = system.cluster.nodes[fault.target].proxy
        proxy.set(replace(condition, delay=fault.delay / 1000))
        yield from _lasting(fault.seconds)
        proxy.set(OPEN)
        return True

    return change


_WAYS: Final[Mapping[FaultKind, Callable[[System, Fault], Steps]]] = {
    FaultKind.WORKER_KILL: _worker_kill,
    FaultKind.WORKER_PAUSE: _worker_pause,
    FaultKind.ASSESSOR_KILL: _assessor_kill,
    FaultKind.GATEWAY_KILL: _gateway_kill,
    FaultKind.BROKER_KILL: _broken(Node.kill, Node.launch),
    FaultKind.BROKER_PAUSE: _broken(Node.pause, Node.resume),
    # Kafka ends once its only folder cannot be written.
    FaultKind.BROKER_DISK_FULL: _broken(Node.fill_disk, Node.heal),
    FaultKind.ROLLING_RESTART: _rolling_restart,
    FaultKind.CONTROLLER_KILL: _controller_kill,
    FaultKind.NETWORK_DELAY: _network(OPEN),
    FaultKind.NETWORK_CUT: _network(CUT),
    FaultKind.NETWORK_HALF_OPEN: _network(HALF_OPEN),
}
