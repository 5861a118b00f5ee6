"""A gateway to practise at: with a Kafka behind it, on this machine, until Ctrl-C."""

import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import click

from broker.topic_admin import apply_topics
from events.topics import declared_topics
from operations.programs.interruption import Interrupted, interruptible
from tests.support.gateways import Gateway, issue_credentials
from tests.support.kafka import KafkaBroker

__all__ = ["practise"]

PRODUCER = "lycees"

GREETING = """\
A gateway and its Kafka run until Ctrl-C, which deletes their events.
You are the producer {producer}. Paste these four lines into another terminal:

export GATEWAY={gateway}
export TOKEN={token}
export SECRET={secret}
export BROKER={broker}

Then continue with docs/producers.md, and do not set them again. Where it says `smart-region` and
`client.py`, here that is {programs}/smart-region
and {programs}/python client.py."""


def practise() -> NoReturn:
    """Start both, print how to reach them, and keep them until a signal raises."""
    with (
        tempfile.TemporaryDirectory(prefix="smart-region-") as folder,
        KafkaBroker(Path(folder) / "kafka") as broker,
    ):
        apply_topics(broker.bootstrap, declared_topics())
        credentials = issue_credentials(PRODUCER, Path(folder))
        with Gateway(broker.bootstrap, Path(folder), secrets=credentials.file) as gateway:
            greeting = GREETING.format(
                producer=PRODUCER,
                gateway=gateway.url,
                token=credentials.token,
                secret=credentials.signing_secret,
                broker=broker.bootstrap,
                programs=Path(sys.executable).parent,
            )
            click.echo(greeting)
            while True:
                signal.pause()


if __name__ == "__main__":
    with suppress(Interrupted), interruptible():
        practise()
