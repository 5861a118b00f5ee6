"""A consumer group at its coordinator, by the classic protocol (joins, syncs, heartbeats).

The states and the answers are those of Apache Kafka's group coordinator. The group outlives its
coordinator, as its topic does: a new coordinator continues with members, generation and offsets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple, TypeVar

from tests.simulation import codes

_Given = TypeVar("_Given")


class GroupState(Enum):
    """The state of a group."""

    EMPTY = auto()
    PREPARING = auto()
    COMPLETING = auto()
    STABLE = auto()


class Joined(NamedTuple):
    """The answer to a request to join."""

    error: int
    generation: int = -1
    protocol: str = ""
    leader: str = ""
    member: str = ""
    members: tuple[tuple[str, str | None, bytes], ...] = ()


@dataclass
class _Member:
    id: str
    protocols: tuple[tuple[str, bytes], ...]
    session_seconds: float
    rebalance_seconds: float
    assignment: bytes = b""
    joining: asyncio.Future[Joined] | None = None
    syncing: asyncio.Future[tuple[int, bytes]] | None = None
    expiry: asyncio.TimerHandle | None = None


@dataclass
class ConsumerGroup:
    """Members, generation, assignment and committed offsets of one group."""

    loop: asyncio.AbstractEventLoop
    initial_delay: float = 0.0
    state: GroupState = GroupState.EMPTY
    generation: int = 0
    leader: str = ""
    members: dict[str, _Member] = field(default_factory=dict)
    #: By (topic, partition): offset and metadata.
    offsets: dict[tuple[str, int], tuple[int, str]] = field(default_factory=dict)
    #: The duration of each rebalance in seconds: until all members have joined, or have expired.
    waits: list[float] = field(default_factory=list)
    #: Called with the id of a member that was silent for a session, and has expired.
    on_expiry: Callable[[str], object] = lambda _: None
    _pending: dict[str, None] = field(default_factory=dict)
    _completion: asyncio.TimerHandle | None = None
    _prepared_at: float = 0.0
    _made: int = 0
    #: True while a new group waits for further members.
    _initial: bool = False
    #: True if a rebalance was in progress when the group was handed over.
    _begins_anew: bool = False

    # -- requests

    def join(
        self,
        member_id: str,
        client_id: str,
        protocols: tuple[tuple[str, bytes], ...],
        session_seconds: float,
        rebalance_seconds: float,
    ) -> asyncio.Future[Joined]:
        """Return the future answer to a request to join."""
        answer: asyncio.Future[Joined] = self.loop.create_future()
        if not member_id:
            self._made += 1
            made = f"{client_id}-{self._made}"
            self._pending[made] = None
            answer.set_result(Joined(codes.MEMBER_ID_REQUIRED, member=made))
            return answer
        member = self.members.get(member_id)
        if member is None and member_id not in self._pending:
            answer.set_result(Joined(codes.UNKNOWN_MEMBER_ID, member=member_id))
            return answer
        if member is None:
            self._pending.pop(member_id)
            member = _Member(member_id, protocols, session_seconds, rebalance_seconds)
            self.members[member_id] = member
        elif member.protocols == protocols and (
            self.state is GroupState.COMPLETING
            or (self.state is GroupState.STABLE and member_id != self.leader)
        ):
            # The answer to the last request was lost.
            answer.set_result(self._joined(member))
            self.touch(member)
            return answer
        member.protocols = protocols
        _answer(member.joining, Joined(codes.UNKNOWN_MEMBER_ID, member=member_id))
        member.joining = answer
        self._stop_expiry(member)
        self._prepare()
        self._maybe_complete()
        return answer

    def sync(
        self, member_id: str, generation: int, assignments: list[tuple[str, bytes]]
    ) -> asyncio.Future[tuple[int, bytes]]:
        """Return the future answer to a request for the assignment: an error code, and bytes."""
        answer: asyncio.Future[tuple[int, bytes]] = self.loop.create_future()
        error = self._error_of(member_id, generation)
        if error == codes.NONE and self.state in {GroupState.PREPARING, GroupState.EMPTY}:
            error = codes.REBALANCE_IN_PROGRESS
        if error != codes.NONE:
            answer.set_result((error, b""))
            return answer
        member = self.members[member_id]
        if self.state is GroupState.STABLE:
            self.touch(member)
            answer.set_result((codes.NONE, member.assignment))
            return answer
        _answer(member.syncing, (codes.UNKNOWN_MEMBER_ID, b""))
        member.syncing = answer
        if member_id == self.leader:
            given = dict(assignments)
            self.state = GroupState.STABLE
            for one in self.members.values():
                one.assignment = given.get(one.id, b"")
                _answer(one.syncing, (codes.NONE, one.assignment))
                one.syncing = None
                self.touch(one)
        return answer

    def heartbeat(self, member_id: str, generation: int) -> int:
        """Return the error code that answers a heartbeat."""
        error = self._error_of(member_id, generation)
        if error != codes.NONE:
            return error
        self.touch(self.members[member_id])
        return codes.REBALANCE_IN_PROGRESS if self.state is GroupState.PREPARING else codes.NONE

    def leave(self, member_id: str) -> int:
        """Return the error code that answers a member's request to leave."""
        if member_id in self._pending:
            del self._pending[member_id]
            return codes.NONE
        if member_id not in self.members:
            return codes.UNKNOWN_MEMBER_ID
        self._remove(self.members[member_id])
        return codes.NONE

    def commit_error(self, member_id: str, generation: int) -> int:
        """Return the error code that answers a commit of offsets."""
        if generation < 0 and self.state is GroupState.EMPTY:
            return codes.NONE
        error = self._error_of(member_id, generation)
        if error != codes.NONE:
            return error
        if self.state is GroupState.COMPLETING:
            return codes.REBALANCE_IN_PROGRESS
        self.touch(self.members[member_id])
        return codes.NONE

    # -- changes

    def touch(self, member: _Member) -> None:
        """Restart a member's session."""
        self._stop_expiry(member)
        member.expiry = self.loop.call_later(member.session_seconds, self._expire, member)

    def restart_sessions(self) -> None:
        """Give each member a full session, as a new coordinator does."""
        for member in self.members.values():
            if member.joining is None and member.syncing is None:
                self.touch(member)
        if self._begins_anew:
            self._begins_anew = False
            self.rebalance()

    def resign(self) -> None:
        """Answer all pending requests, as does a coordinator that hands the group over."""
        for member in self.members.values():
            self._stop_expiry(member)
            _answer(member.joining, Joined(codes.NOT_COORDINATOR, member=member.id))
            _answer(member.syncing, (codes.NOT_COORDINATOR, b""))
            member.joining = member.syncing = None
        if self._completion is not None:
            self._completion.cancel()
        if self.state in {GroupState.PREPARING, GroupState.COMPLETING}:
            # Only a stable group is stored: a rebalance in progress starts again.
            self.state = GroupState.STABLE
            self._begins_anew = True

    def end_session(self, number: int) -> None:
        """Expire a member that is still alive."""
        if self.members:
            ids = list(self.members)
            self._remove(self.members[ids[number % len(ids)]])

    def rebalance(self) -> None:
        """Ask all members to join again."""
        if self.members:
            self._prepare()

    def _error_of(self, member_id: str, generation: int) -> int:
        if member_id not in self.members:
            return codes.UNKNOWN_MEMBER_ID
        return codes.NONE if generation == self.generation else codes.ILLEGAL_GENERATION

    def _joined(self, member: _Member) -> Joined:
        protocol = member.protocols[0][0]
        members = tuple(
            (one.id, None, dict(one.protocols)[protocol]) for one in self.members.values()
        )
        return Joined(
            codes.NONE,
            self.generation,
            protocol,
            self.leader,
            member.id,
            members if member.id == self.leader else (),
        )

    def _prepare(self) -> None:
        if self.state is GroupState.PREPARING:
            return
        for member in self.members.values():
            if member.syncing is not None:
                _answer(member.syncing, (codes.REBALANCE_IN_PROGRESS, b""))
                member.syncing = None
                self.touch(member)
        first = self.state is GroupState.EMPTY
        self.state = GroupState.PREPARING
        self._prepared_at = self.loop.time()
        longest = max((one.rebalance_seconds for one in self.members.values()), default=0.0)
        self._initial = first and self.initial_delay > 0
        wait = self.initial_delay if self._initial else longest
        self._completion = self.loop.call_later(wait, self._complete)

    def _maybe_complete(self) -> None:
        if self.state is not GroupState.PREPARING or self._initial:
            return
        if self.members and all(
            one.joining is not None and not one.joining.done() for one in self.members.values()
        ):
            self._complete()

    def _complete(self) -> None:
        if self.state is not GroupState.PREPARING:
            return
        if self._completion is not None:
            self._completion.cancel()
        for member in list(self.members.values()):
            if member.joining is None or member.joining.done():
                self._stop_expiry(member)
                del self.members[member.id]
        self.generation += 1
        self.waits.append(self.loop.time() - self._prepared_at)
        if not self.members:
            self.state = GroupState.EMPTY
            return
        self.state = GroupState.COMPLETING
        if self.leader not in self.members:
            self.leader = next(iter(self.members))
        for member in self.members.values():
            _answer(member.joining, self._joined(member))
            member.joining = None
            self.touch(member)

    def _expire(self, member: _Member) -> None:
        if self.members.get(member.id) is not member:
            return
        if member.joining is not None and not member.joining.done():
            return
        if member.syncing is not None and not member.syncing.done():
            self.touch(member)
            return
        self.on_expiry(member.id)
        self._remove(member)

    def _remove(self, member: _Member) -> None:
        self._stop_expiry(member)
        _answer(member.joining, Joined(codes.UNKNOWN_MEMBER_ID, member=member.id))
        _answer(member.syncing, (codes.UNKNOWN_MEMBER_ID, b""))
        del self.members[member.id]
        if self.state in {GroupState.STABLE, GroupState.COMPLETING}:
            self._prepare()
        if not self.members:
            self._complete()
        else:
            self._maybe_complete()

    @staticmethod
    def _stop_expiry(member: _Member) -> None:
        if member.expiry is not None:
            member.expiry.cancel()
            member.expiry = None


def _answer(request: asyncio.Future[_Given] | None, given: _Given) -> None:
    """Answer a pending request, unless it was answered already."""
    if request is not None and not request.done():
        request.set_result(given)
