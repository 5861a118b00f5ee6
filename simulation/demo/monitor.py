"""The demo's worker, assessor and page: the monitor's own, as programs beside this one."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from operations.programs.addresses import HOST
from operations.programs.program import COMMAND, Program, environment
from streams.settings import Settings

PORTS: Final[Mapping[str, str]] = MappingProxyType(
    {"worker": "http_port", "assessor": "assessor_port", "page": "page_port"}
)
"""The setting of each command's port."""
STOP_SECONDS: Final = 10.0
TICK_SECONDS: Final = 0.05
OPEN: Final = MappingProxyType(
    {"metrics_token_file": None, "server_certfile": None, "server_keyfile": None}
)
"""The demo reads /metrics on loopback, where simulated figures need neither a token nor TLS."""
SERVING: Final = re.compile(r"serving address=http://([^\s\"]+)")
"""What it logs once its port is bound."""


class MonitorProgram(Program):
    """A `smart-region worker`, `assessor` or `page`, or another `program` of that command.

    It serves on the port that the settings were given, else on any that is free.
    """

    def __init__(
        self,
        command: str,
        settings: Settings,
        *,
        folder: Path,
        program: Sequence[str] | None = None,
    ) -> None:
        setting = PORTS[command]
        port = getattr(settings, setting) if setting in settings.model_fields_set else 0
        chosen = {"http_host": HOST, setting: port, **OPEN}
        if settings.log_level != "debug":
            chosen["log_level"] = "info"  # Or it would not log its address.
        settings = settings.model_copy(update=chosen)
        env = environment(settings)
        program = program or (*COMMAND, command)
        super().__init__(command, program, folder=folder, env=env, stop_seconds=STOP_SECONDS)

    @property
    def address(self) -> str | None:
        """Where it serves /metrics, HOST:PORT; None until it does."""
        serving = SERVING.search(self.log)
        return None if serving is None else serving[1]

    def wait_for_address(self) -> str:
        """Return where it serves once it does. Raises ProgramEndedError if it ends before."""
        while (address := self.address) is None:
            self.check()
            time.sleep(TICK_SECONDS)
        return address
