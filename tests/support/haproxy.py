"""The project's HAProxy configurations, run by the real program."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import pytest

from operations.programs.addresses import free_port
from tests.support.children import Child
from tests.support.waiting import wait_until

CONFIGURATIONS: Final = Path(__file__).parents[2] / "deploy/haproxy"
HAPROXY: Final = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")


class Haproxy(Child):
    """HAProxy with `deploy/haproxy/NAME.cfg`, as long as a `with` block."""

    def __init__(self, name: str, folder: Path, variables: Mapping[str, str]) -> None:
        if HAPROXY is None:
            pytest.skip("needs haproxy: deploy/debian-packages.sh")
        self.port = free_port()
        env = {"BIND": f"127.0.0.1:{self.port}", **variables}
        super().__init__(
            [HAPROXY, "-f", str(CONFIGURATIONS / f"{name}.cfg")],
            env,
            log_file=folder / f"haproxy-{self.port}.log",
        )

    def __enter__(self) -> Self:
        self.start()
        assert wait_until(self._listens, seconds=20), self.log()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError:
            return False
        return True
