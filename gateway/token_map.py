"""The hashes of producers' tokens as HAProxy reads them: a file, and its running copy."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path
from typing import Final

from boundary.errors import SmartRegionError
from boundary.settings import variable
from boundary.whole_file import FileUnwritableError, whole_file
from events.producers.secrets import Secrets

logger = logging.getLogger(__name__)

_ANSWER_SECONDS: Final = 5.0
_CREATED: Final = "New version created: "


class TokenMap:
    """The token map of one HAProxy, in the folder that both programs use.

    HAProxy reads `tokens.map` when it starts. While it runs, its copy is replaced over
    `admin.sock`, all at once.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "tokens.map"
        self._socket = folder / "admin.sock"

    def write(self, secrets: Secrets) -> str:
        """Write the file, unless it is up to date, and return its text.

        Raises SmartRegionError.
        """
        wanted = _entries(secrets)
        try:
            if not self._file.exists() or self._file.read_text() != wanted:
                with whole_file(self._file, private=True) as stream:
                    stream.write(wanted.encode())
        except (OSError, FileUnwritableError) as error:
            raise SmartRegionError(
                f"{variable('gateway_haproxy')}: cannot be used, value {str(self._file.parent)!r}"
                f" ({error}): name a folder that this user may write to"
            ) from error
        return wanted

    async def publish(self, secrets: Secrets) -> None:
        """Write the file, and make a running HAProxy use it if it has another version.

        Raises SmartRegionError.
        """
        wanted = self.write(secrets)
        # HAProxy may not run: it reads the file when it starts.
        with suppress(OSError):
            shown = await self._ask(f"show map {self._file}")
            # Each line begins with an address in HAProxy's memory.
            used = {line.partition(" ")[2] for line in shown.splitlines() if line}
            if used != set(wanted.splitlines()):
                await self._replace(wanted)
                logger.info("HAProxy uses the current tokens")

    async def _replace(self, wanted: str) -> None:
        created = await self._ask(f"prepare map {self._file}")
        if not created.startswith(_CREATED):
            raise SmartRegionError(
                f"tokens.map: {created!r}: let the gateway and HAProxy use one folder"
            )
        version = created.removeprefix(_CREATED)
        commands = [f"commit map @{version} {self._file}"]
        if wanted:
            commands.insert(0, f"add map @{version} {self._file} <<\n{wanted}")
        for command in commands:
            if refusal := await self._ask(command):
                raise SmartRegionError(f"tokens.map: {refusal!r}: restart HAProxy to read the file")

    async def _ask(self, command: str) -> str:
        """Return HAProxy's answer. Raises OSError if it is down, SmartRegionError if too slow."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self._socket)
                try:
                    writer.write(f"{command}\n".encode())
                    return (await reader.read()).decode().strip()
                finally:
                    writer.close()
        except TimeoutError as error:
            raise SmartRegionError(
                f"{self._socket}: no answer within {_ANSWER_SECONDS:g} s"
            ) from error


def _entries(secrets: Secrets) -> str:
    """Return a line for each token: its hash and its producer."""
    return "".join(
        f"{digest.get_secret_value()} {producer}\n"
        for producer, held in sorted(secrets.root.items())
        for digest in held.bearer_sha256
    )
