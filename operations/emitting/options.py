"""The options of a command that may send through the producers' door instead of to Kafka."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from operations.client import DoorPublisher

__all__ = ["DoorChoice", "through_the_door"]

FILE = click.Path(dir_okay=False, path_type=Path)

OPTIONS = (
    click.option("--door", "url", metavar="URL", help="Send through the producers' door there."),
    click.option(
        "--secret",
        "secret_file",
        type=FILE,
        metavar="FILE",
        help="With --door: the token or the signing secret, in a file for its owner alone.",
    ),
    click.option(
        "--producer", metavar="ID", help="With a signing secret: the producer whose it is."
    ),
    click.option(
        "--spool",
        "spool_file",
        type=FILE,
        metavar="FILE",
        help="With --door: where events wait while it is away.",
    ),
    click.option(
        "--plain-http",
        is_flag=True,
        help="With --door: send a token to http:// on a network that is yours alone.",
    ),
)


@dataclass(frozen=True, slots=True)
class DoorChoice:
    """A door, as the options name it."""

    url: str
    secret_file: Path
    producer: str | None
    spool_file: Path | None
    plain_http: bool

    def publisher(self) -> DoorPublisher:
        """Open it. Raises an SmartRegionError where that cannot be."""
        # Heavy, and wanted only when the command runs.
        from operations.client import (  # noqa: PLC0415
            DoorOptions,
            DoorPublisher,
            Spool,
            load_credentials,
        )

        credentials = load_credentials(self.secret_file, producer=self.producer)
        options = DoorOptions(plain_http=self.plain_http)
        spool = Spool(self.spool_file) if self.spool_file is not None else None
        return DoorPublisher(self.url, credentials, options=options, spool=spool)


def through_the_door(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options; it gets them as `door`, None where no door is named."""

    @wraps(command)
    def with_door(
        *arguments: Any,
        url: str | None,
        secret_file: Path | None,
        producer: str | None,
        spool_file: Path | None,
        plain_http: bool,
        **others: Any,
    ) -> Any:  # noqa: ANN401 - the command's own
        door = None
        if url is not None:
            if secret_file is None:
                raise click.UsageError("--door needs --secret FILE")
            door = DoorChoice(url, secret_file, producer, spool_file, plain_http)
        elif secret_file or producer or spool_file or plain_http:
            raise click.UsageError("--secret, --producer, --spool and --plain-http need --door URL")
        return command(*arguments, door=door, **others)

    for option in reversed(OPTIONS):
        with_door = option(with_door)
    return with_door
