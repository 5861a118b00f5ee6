"""Commands of this project as child processes, which tests start again, and their variables."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from operations.programs.program import IsReady, Program
from tests.support.forking import ForkingPopen

STOP_SECONDS = 30.0


def probed(url: str, *, seconds: float = 5.0) -> tuple[int, bytes]:
    """Return the status and the body of an answer. Raises OSError if there is none."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as answer:  # noqa: S310 - ours
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()


class Child(Program):
    """A command of ours; `url` is its address if it is a server."""

    popen = ForkingPopen

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        log_file: Path,
        url: str = "",
        is_ready: IsReady = lambda _: True,
    ) -> None:
        super().__init__(
            log_file.stem,
            command,
            folder=log_file.parent,
            env=env,
            is_ready=is_ready,
            stop_seconds=STOP_SECONDS,
        )
        self.url = url

    @property
    def log(self) -> str:
        """Return the output of all its processes."""
        return self.log_file.read_text() if self.log_file.exists() else ""


def environment_variables(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of settings named as in `streams.settings`.

    A name that begins with `test_` belongs to a test's own program (`SMARTREGION_TEST_…`): the
    settings model refuses unknown variables with its own prefix.
    """
    return {
        ("SMARTREGION_" if name.startswith("test_") else "SMART_REGION_") + name.upper(): value
        for name, value in settings.items()
    }
