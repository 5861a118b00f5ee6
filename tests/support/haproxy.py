"""The project's HAProxy configurations, run by the real program."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from operations.programs.addresses import address_of, free_port
from operations.programs.program import Program, listens

CONFIGURATIONS: Final = Path(__file__).parents[2] / "deploy/haproxy"
HAPROXY: Final = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")


class Haproxy(Program):
    """HAProxy with `deploy/haproxy/NAME.cfg`, running until the `with` block ends."""

    def __init__(self, name: str, folder: Path, variables: Mapping[str, str]) -> None:
        if HAPROXY is None:
            pytest.skip("needs haproxy: deploy/debian-packages.sh")
        self.port = free_port()
        address = address_of(self.port)
        super().__init__(
            f"haproxy-{self.port}",
            [HAPROXY, "-f", str(CONFIGURATIONS / f"{name}.cfg")],
            folder=folder,
            env={"BIND": address, **variables},
            is_ready=listens(address),
            stop_seconds=30,
        )
