"""A gateway to practise at: with a Kafka behind it, on this machine, until Ctrl-C."""

import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import click

from boundary.interruption import Interrupted, interruptible
from broker.topic_admin import apply_topics
from events.producers.model import load_producers
from events.topics import declared_topics
from tests.support.gateways import Gateway, issue_credentials
from tests.support.kafka import KafkaBroker

#: Of docs/producers.md; each of the shipped ones can be practised as.
PRODUCER = "lycees"

GREETING = """\
A gateway and its Kafka run until Ctrl-C, which deletes their events.
You are the producer {producer}. Paste these four lines into another terminal:

export GATEWAY={gateway}
export TOKEN={token}
export SECRET={secret}
export BROKER={broker}

Then continue with {page}, and do not set them again. Where it says `smart-region` and
`client.py`, here that is {programs}/smart-region
and {programs}/python client.py."""


def practise(producer: str) -> NoReturn:
    """Start both, print how to reach them, and keep them until a signal raises."""
    with (
        tempfile.TemporaryDirectory(prefix="smart-region-") as folder,
        KafkaBroker(Path(folder) / "kafka") as broker,
    ):
        apply_topics(broker.bootstrap, declared_topics())
        credentials = issue_credentials(producer, Path(folder))
        with Gateway(broker.bootstrap, Path(folder), secrets=credentials.file) as gateway:
            greeting = GREETING.format(
                producer=producer,
                page="docs/producers.md" if producer == PRODUCER else "docs/sources.md",
                gateway=gateway.url,
                token=credentials.token,
                secret=credentials.signing_secret,
                broker=broker.bootstrap,
                programs=Path(sys.executable).parent,
            )
            click.echo(greeting)
            while True:
                signal.pause()


def main() -> None:
    """Practise as the producer that is named, or as the guide's, until a signal."""
    producer = sys.argv[1] if len(sys.argv) > 1 else PRODUCER
    known = [one.id for one in load_producers()]
    if producer not in known:
        sys.exit(f"practice: no such producer, value {producer!r}: name one of {', '.join(known)}")
    with suppress(Interrupted), interruptible():
        practise(producer)


if __name__ == "__main__":
    main()
