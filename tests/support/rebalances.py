"""What a change of the group hides, by continuously querying each worker's partitions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from time import monotonic, sleep
from typing import NamedTuple

from tests.support.workers import Worker

PAUSE_SECONDS = 0.01


class Answer(NamedTuple):
    """The partitions that a worker showed and owned when it answered."""

    at: float
    ready: bool
    shown: frozenset[int]
    owned: frozenset[int]


class _Shown(NamedTuple):
    at: float
    worker: int
    shown: frozenset[int]


NOTHING: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the group, in seconds."""

    what: str
    hidden_seconds: float
    """How long some partition was shown by no worker."""
    kept_hidden_seconds: float
    """How long, at most, a partition that stayed with its worker was not shown by it."""
    settled_seconds: float
    """How long until all workers were ready, with all partitions."""
    restores: Sequence[tuple[int, float]]
    """By worker: the number of its new partitions, and the time from assignment until shown."""


@dataclass
class Watch:
    """The answers of workers during a change."""

    began: float
    answers: dict[int, list[Answer]] = field(default_factory=dict)

    def change(self, what: str, ended: float, partitions: int) -> Change:
        return Change(
            what,
            self.hidden_seconds(partitions, ended),
            max(self._kept_hidden(), default=0.0),
            ended - self.began,
            tuple(self._restores()),
        )

    def hidden_seconds(self, partitions: int, ended: float) -> float:
        changes = sorted(
            _Shown(answer.at, worker, answer.shown)
            for worker, answers in self.answers.items()
            for answer in answers
        )
        shown: dict[int, frozenset[int]] = {}
        hidden, since = 0.0, changes[0].at
        for at, worker, now in [*changes, _Shown(ended, -1, NOTHING)]:
            if len(NOTHING.union(*shown.values())) < partitions:
                hidden += at - since
            since = at
            shown[worker] = now
        return hidden

    def _kept_hidden(self) -> Iterator[float]:
        for answers in self.answers.values():
            first, last = answers[0], answers[-1]
            for partition in first.shown & last.shown:
                yield sum(
                    after.at - before.at
                    for before, after in pairwise(answers)
                    if partition not in after.shown
                )

    def _restores(self) -> Iterator[tuple[int, float]]:
        for answers in self.answers.values():
            new = answers[-1].shown - answers[0].shown
            if not new:
                continue
            assigned = next(one.at for one in answers if new <= one.owned)
            shown = next(one.at for one in answers if one.at >= assigned and new <= one.shown)
            yield len(new), shown - assigned


@contextmanager
def watched(workers: Callable[[], Sequence[Worker]]) -> Iterator[Watch]:
    watch = Watch(monotonic())
    done = threading.Event()
    threads: dict[int, threading.Thread] = {}

    def ask(worker: Worker) -> None:
        answers = watch.answers.setdefault(worker.port, [])
        while not done.is_set():
            state = worker.readiness()
            shown, owned = state.get("shown", ()), state.get("partitions", ())
            ready = bool(state.get("ready"))
            answers.append(Answer(monotonic(), ready, frozenset(shown), frozenset(owned)))
            sleep(PAUSE_SECONDS)

    def follow() -> None:
        while not done.is_set():
            for worker in list(workers()):
                if worker.port not in threads:
                    threads[worker.port] = threading.Thread(target=ask, args=(worker,))
                    threads[worker.port].start()
            sleep(PAUSE_SECONDS)

    follower = threading.Thread(target=follow)
    follower.start()
    try:
        yield watch
    finally:
        done.set()
        follower.join()
        for thread in threads.values():
            thread.join()
