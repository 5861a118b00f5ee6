"""The spool of a gateway's client: what was noted as published arrives, in order."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sources.client import Spool
from tests.crash.stage import Command
from tests.support.gateway_stub import GatewayStub

_TOKEN: Final = "srt_lycees_" + "A" * 43
_LAST: Final = 15
_ALL: Final = list(range(_LAST + 1))


class Spooling:
    """A producer publishes numbered events through a spool to a stub of the gateway."""

    def __init__(self, gateway: GatewayStub, folder: Path, *, fault: str | None = None) -> None:
        """A `fault` is one that `tests.support.spooling_producer` plants."""
        gateway.arrived.clear()
        self._gateway = gateway
        self._folder = folder
        self._notes = folder / "notes"
        spool = str(folder / "spool.db")
        arguments = (gateway.url, spool, str(self._notes), str(_LAST), _TOKEN)
        variables = {} if fault is None else {"SMARTREGION_TEST_FAULT": fault}
        self.command = Command("tests.support.spooling_producer", arguments, variables)

    def cut_short(self) -> Iterator[str]:
        noted = [*map(int, self._notes.read_text().split())] if self._notes.exists() else []
        waiting = self._waiting()
        if waiting != sorted(waiting):
            yield f"out of order in the spool: {waiting}"
        if lost := {*noted} - {*waiting} - {*self._arrived()}:
            yield f"published, and neither arrived nor spooled: {sorted(lost)}"

    def ended(self, cuts: int) -> Iterator[str]:
        del cuts
        first_seen = list(dict.fromkeys(self._arrived()))
        if first_seen != _ALL:
            yield f"arrived, in this order: {first_seen}"
        if left := self._waiting():
            yield f"still in the spool: {left}"

    def _arrived(self) -> list[int]:
        return [int(event["id"]) for event in self._gateway.arrived]

    def _waiting(self) -> list[int]:
        """Read the spool's events from a copy: the next run finds it as it was left."""
        with TemporaryDirectory() as name:
            copy = Path(shutil.copytree(self._folder, Path(name, "copy")))
            spool = Spool(copy / "spool.db")
            try:
                batch = spool.head(1_000, 2**20)
            finally:
                spool.close()
        return [int(json.loads(one.event)["id"]) for one in batch]
