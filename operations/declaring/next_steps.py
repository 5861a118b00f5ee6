"""The commands after a producer is declared, to be pasted as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from boundary.settings import variable
from broker.settings import BrokerSettings, TopicSettings
from events.cloudevent import decode_json
from events.producers.tokens import IssuedSecret
from gateway.settings import GatewaySettings
from operations.declaring.files import NewFiles, ProducerFiles
from operations.programs.addresses import HOST, free_port, is_free
from operations.programs.own_program import own_program


def next_steps(
    files: ProducerFiles,
    new: NewFiles,
    issued: IssuedSecret,
    settings: GatewaySettings,
    topics: TopicSettings,
    *,
    event: Mapping[str, Any],
    is_own: bool,
) -> Iterator[str]:
    """Yield lines, commands indented: the workers', the gateway's, those of a second terminal.

    They work in any folder, and none has a secret: the producer's is read from its file. The second
    terminal has the settings of this one for the broker and the `topics`. `event` is the first one;
    `is_own` is False where its entity is another owner's.
    """
    program = own_program()
    declaration, secrets = _whole(files.declaration), _whole(files.secrets)
    broker = f"  export SMART_REGION_BROKER={quote(settings.broker)}"
    yield "first end the workers and every other program, and start them with this declaration:"
    yield f"until then no event of {issued.producer} counts (not_owner), also with a receipt (202)"
    yield "of `make stack`: Ctrl-C in its terminal, and there"
    yield f"  SMART_REGION_PRODUCERS={declaration} make stack"
    yield "next, in this terminal, which the gateway then keeps:"
    yield broker
    yield f"  export SMART_REGION_PRODUCERS={declaration}"
    yield f"  export SMART_REGION_GATEWAY_SECRETS={secrets}"
    settings, others = _on_free_ports(settings)
    yield from others
    yield f"  {program} producers check && {program} gateway"
    yield f"then, in a second terminal, send {new.event}: it counts until it is retracted"
    yield broker
    yield from _set_here(settings, BrokerSettings)
    yield from _set_here(topics, TopicSettings)
    yield f"  export SMART_REGION_PRODUCERS={declaration}"
    yield f"  export GATEWAY={_address(settings)}"
    yield from _sending(program, new, issued, is_own=is_own)
    yield "what became of it, and the figures, which a worker computes within seconds:"
    yield f"  {program} producers report --producer {issued.producer}"
    yield f"  {program} export --as-of {decode_json(json.dumps(event).encode()).fact.effective_day}"


def _set_here(settings: BaseSettings, model: type[BaseSettings]) -> Iterator[str]:
    """Yield a line for each setting of a model that this terminal has, but for the address."""
    for name in model.model_fields:
        value = getattr(settings, name)
        if name not in settings.model_fields_set or name == "broker" or value is None:
            continue
        if isinstance(value, SecretStr):
            yield f"(set {variable(name)} there as here: it is not shown)"
            continue
        text = str(Path(value).absolute()) if name.endswith("file") else str(value)
        yield f"  export {variable(name)}={quote(text)}"


def _sending(program: str, new: NewFiles, issued: IssuedSecret, *, is_own: bool) -> Iterator[str]:
    secret, event = _whole(new.secret), _whole(new.event)
    warning = f"before the next line change the entity in {new.event} to one that it owns:"
    if issued.is_signing:
        if not is_own:
            yield warning
        sender = f"--secret {secret} --producer {issued.producer} {event}"
        yield f'  {program} emit --gateway "$GATEWAY" {sender}'
        return
    yield f'  export TOKEN="$(cat {secret})"'
    header = """printf 'Authorization: Bearer %s\\n' "$TOKEN" >authorization"""
    yield f"  (umask 077 && rm -f authorization && {header})"
    if not is_own:
        yield warning
    headers = '--header @authorization --header "Content-Type: application/cloudevents+json"'
    yield f'  curl --silent "$GATEWAY/events" {headers} --data @{event} && echo'


def _on_free_ports(settings: GatewaySettings) -> tuple[GatewaySettings, list[str]]:
    """Return the settings with ports that are free, and the lines that set those.

    A gateway that knows other secrets, as that of `make stack`, may have the usual ones.
    """
    ports = {name: getattr(settings, name) for name in ("gateway_port", "gateway_probe_port")}
    taken = {name: free_port() for name, port in ports.items() if not is_free(port)}
    lines = [f"  export SMART_REGION_{name.upper()}={port}" for name, port in taken.items()]
    return settings.model_copy(update=taken), lines


def _whole(path: Path) -> str:
    return quote(str(path.absolute()))


def _address(settings: GatewaySettings) -> str:
    scheme = "https" if settings.server_certfile else "http"
    anywhere = settings.gateway_host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    host = HOST if anywhere else settings.gateway_host
    return quote(f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.gateway_port}")
