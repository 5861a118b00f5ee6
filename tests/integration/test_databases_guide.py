"""The page about databases, followed to the letter: PostgreSQL, a gateway, a Kafka and a worker."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.support.gateways import Gateway, issue_credentials
from tests.support.guide import Reader, blocks_of
from tests.support.kafka import KafkaBroker
from tests.support.postgres import PostgresServer
from tests.support.private_files import private_file
from tests.support.requirements import require_programs
from tests.support.traffic import wait_done
from tests.support.workers import WorkerFactory

pytestmark = pytest.mark.timeout(240)

GUIDE = Path(__file__).parents[2] / "docs" / "databases.md"
#: The first command of the part about figures: what was sent is counted by then.
FIGURES = "smart-region export --to"


def test_every_block_does_what_the_page_says(
    broker: KafkaBroker, factory: WorkerFactory, postgres: PostgresServer, tmp_path: Path
) -> None:
    require_programs("psql", remedy="see deploy/debian-packages.sh")
    worker = factory.worker()
    worker.start()
    desk = tmp_path / "desk"
    desk.mkdir()
    tokens = {}
    for producer in ("lycees", "formation"):
        credentials = issue_credentials(producer, tmp_path)
        tokens[producer] = credentials.token
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {producer}")
    private_file(desk / "token-of-formation", tokens["formation"])
    # Those for Kafka Connect are run where one is: test_connect.py. test_wheel.py installs.
    blocks = [
        one
        for one in blocks_of(GUIDE)
        if one.language != "sh" and not one.text.startswith("pip install ")
    ]
    [figures] = [place for place, one in enumerate(blocks) if one.text.startswith(FIGURES)]
    with Gateway(broker.bootstrap, tmp_path, secrets=credentials.file) as gateway:
        reader = Reader(
            desk,
            env={
                **postgres.variables("lycees"),
                "TOKEN": tokens["lycees"],
                "GATEWAY": gateway.url,
                "SMART_REGION_BROKER": broker.bootstrap,
                "SMART_REGION_CLOCK": "2020-12-31",
            },
        )
        reader.follow(blocks[:figures])
        assert wait_done(broker.bootstrap, seconds=60), worker.log[-3000:]
        reader.follow(blocks[figures:])
    with psycopg.connect(postgres.url("formation")) as connection:
        rows = connection.execute(
            "SELECT territory, value > 0, last_reported::text"
            " FROM smart_region_figures.current_figure"
            " WHERE indicator = 'schools_connected_ratio' AND numerator > 0 ORDER BY territory"
        ).fetchall()
    assert rows == [("D75", True, "2019-03-12"), ("R11", True, "2019-03-12")]
