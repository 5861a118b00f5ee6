"""The commands after a producer is declared, to be pasted as they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from events.producers.tokens import IssuedSecret
from gateway.settings import GatewaySettings
from operations.declaring.files import NewFiles, ProducerFiles
from operations.programs.addresses import HOST

__all__ = ["next_steps"]


def next_steps(
    files: ProducerFiles, new: NewFiles, issued: IssuedSecret, settings: GatewaySettings
) -> Iterator[str]:
    """Yield lines, commands indented: the gateway's, and those of a second terminal.

    They work in any folder, and none has the secret, which is read from its file.
    """
    program = _program()
    declaration, secrets, secret, event = map(
        _whole, (files.declaration, files.secrets, new.secret, new.event)
    )
    yield "next, in this terminal, which the gateway then keeps:"
    yield f"  export SMART_REGION_BROKER={quote(settings.broker)}"
    yield f"  export SMART_REGION_PRODUCERS={declaration}"
    yield f"  export SMART_REGION_GATEWAY_SECRETS={secrets}"
    yield f"  {program} producers check && {program} gateway"
    yield "every other program needs the same SMART_REGION_PRODUCERS, and a restart"
    yield f"then, in a second terminal, send {new.event}: it counts until it is retracted"
    yield f"  export SMART_REGION_BROKER={quote(settings.broker)}"
    yield f"  export GATEWAY={_address(settings)}"
    if issued.is_signing:
        sender = f"--secret {secret} --producer {issued.producer} {event}"
        yield f'  {program} emit --gateway "$GATEWAY" {sender}'
        return
    yield f'  export TOKEN="$(cat {secret})"'
    header = """printf 'Authorization: Bearer %s\\n' "$TOKEN" >authorization"""
    yield f"  (umask 077 && rm -f authorization && {header})"
    headers = '--header @authorization --header "Content-Type: application/cloudevents+json"'
    yield f'  curl --silent "$GATEWAY/events" {headers} --data @{event}'


def _whole(path: Path) -> str:
    return quote(str(path.absolute()))


def _program() -> str:
    """Return the command of this program, which a second terminal may not have on its path."""
    program = Path(sys.executable).parent / "smart-region"
    return _whole(program) if program.exists() else "smart-region"


def _address(settings: GatewaySettings) -> str:
    scheme = "https" if settings.server_certfile else "http"
    anywhere = settings.gateway_host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    host = HOST if anywhere else settings.gateway_host
    return quote(f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.gateway_port}")
