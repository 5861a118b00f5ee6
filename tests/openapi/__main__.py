"""`make openapi`: send a gateway requests that are made of its OpenAPI document."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from broker.topic_admin import apply_topics
from events.topics import declared_topics
from tests.openapi.run import Answers, gateway_for_all_facts, send_requests
from tests.support.kafka import KafkaBroker


@click.command()
@click.option("--minutes", default=5, show_default=True, help="Draw requests for so long.")
@click.option("--seed", default=1, show_default=True, help="Draw the requests of this seed.")
def main(*, minutes: int, seed: int) -> None:
    """Start a Kafka and a gateway, send requests, and stop; exit status 1 where a check failed."""
    with tempfile.TemporaryDirectory(prefix="smart-region-") as name:
        folder = Path(name)
        with KafkaBroker(folder / "kafka") as broker:
            apply_topics(broker.bootstrap, declared_topics())
            with gateway_for_all_facts(broker.bootstrap, folder) as (gateway, token):
                outcome = send_requests(
                    gateway.url, token, folder, seed=seed, examples=100, seconds=60 * minutes
                )
    click.echo(outcome.report)
    click.echo(_table(outcome.answers))
    sys.exit(outcome.status)


def _table(answers: Answers) -> str:
    return "\n".join(
        f"{count:7} {operation} {mode}: {status}"
        for (operation, mode, status), count in sorted(answers.items(), key=str)
    )


if __name__ == "__main__":
    main()
