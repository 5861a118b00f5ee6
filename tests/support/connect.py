"""A real Kafka Connect worker with Debezium, on loopback, that a test may kill."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from operations.programs.addresses import free_address
from operations.programs.kafka import QUICK_START
from operations.programs.program import Program, answers
from tests.support.guide import Block, Reader, blocks_of
from tests.support.postgres import Database
from tests.support.requirements import give_up

ROOT: Final = Path(__file__).parents[2]
CONNECT: Final = ROOT / "deploy" / "connect"
JARS: Final = CONNECT / "target" / "jars"
CONNECTOR: Final = CONNECT / "outbox.json"
PAGE: Final = ROOT / "docs" / "databases.md"
NAME: Final = "smart-region-outbox"
SLOT: Final = "smart_region_outbox"
#: Where the page has the address of Kafka Connect.
PLACE: Final = "CONNECT:8083"
#: Who it makes for Debezium.
USER: Final = "debezium"

PROPERTIES: Final = """\
bootstrap.servers={bootstrap}
group.id=connect-of-tests
listeners=http://{address}
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
config.storage.topic=connect-configs
offset.storage.topic=connect-offsets
status.storage.topic=connect-status
config.storage.replication.factor=1
offset.storage.replication.factor=1
offset.storage.partitions=1
status.storage.replication.factor=1
status.storage.partitions=1
# A killed worker may come back, and goes on, soon.
offset.flush.interval.ms=1000
session.timeout.ms=6000
heartbeat.interval.ms=1000
scheduled.rebalance.max.delay.ms=0
# All its plugins are declared as services: it need not search every jar for them.
plugin.discovery=service_load
"""


def page_commands() -> list[Block]:
    """Return the commands of the page that need Kafka Connect.

    In their order: create, restart, clean, watch, begin with a new slot.
    """
    return [block for block in blocks_of(PAGE) if block.language == "sh"]


def install_command() -> Block:
    [found] = [block for block in blocks_of(PAGE) if block.text.startswith("pip install ")]
    return found


def role_commands() -> list[Block]:
    """Return the commands of the page that make an outbox, and the roles of those who use it."""
    return [
        block
        for block in blocks_of(PAGE)
        if "CREATE ROLE" in block.text and "smart_region_figures" not in block.text
    ]


def connector_for(database: Database) -> dict[str, Any]:
    """Return the shipped connector with its names filled in, as the page says.

    It and its slot have the database's name: a Kafka Connect remembers how far one of a name was.
    """
    text = CONNECTOR.read_text(encoding="utf-8").replace(NAME, database.name)
    document: dict[str, Any] = json.loads(text)
    host, port = database.server.address.split(":")
    document["config"] |= {
        "database.hostname": host,
        "database.port": port,
        "database.dbname": database.name,
        "database.user": USER,
        "database.password": "none",
        "slot.name": database.name,
        # A slot that moves at once lets a test look sooner.
        "heartbeat.interval.ms": "1000",
    }
    return document


def _of(block: Block, database: Database) -> Block:
    """Return a command with a database's names for connector and slot, as `connector_for`."""
    text = block.text.replace(NAME, database.name).replace(SLOT, database.name)
    return replace(block, text=text)


class ConnectWorker(Program):
    """A worker in distributed mode: connectors are given to it over HTTP."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        if not any(JARS.glob("debezium-connector-postgres-*.jar")):
            give_up(f"there is no Kafka Connect in {JARS}: run tests/connect/packages.sh")
        self.folder = folder
        self.address = free_address()
        properties = folder / "connect.properties"
        text = PROPERTIES.format(bootstrap=bootstrap, address=self.address)
        properties.write_text(text, encoding="utf-8")
        command = (
            *("java", "-Xmx512m", *QUICK_START, "-Dorg.apache.logging.log4j.level=WARN"),
            *("-cp", f"{JARS}/*", "org.apache.kafka.connect.cli.ConnectDistributed"),
            str(properties),
        )
        super().__init__(
            "connect",
            command,
            folder=folder,
            is_ready=answers(f"http://{self.address}/connectors"),
            ready_seconds=90,
            stop_seconds=20,
        )

    def create(self, connector: dict[str, Any]) -> None:
        (self.folder / CONNECTOR.name).write_text(json.dumps(connector), encoding="utf-8")
        self._follow(page_commands()[0])

    def restart_failed(self, connector: str) -> None:
        """Start what has failed of a connector anew, by the page's second command."""
        block = page_commands()[1]
        self._follow(replace(block, text=block.text.replace(NAME, connector)))

    def begin_anew(self, database: Database) -> None:
        """Let a database's connector begin with a new slot, by the page's command for that."""
        self._follow(
            _of(page_commands()[4], database), env=database.server.variables(database.name)
        )

    def delete(self, connector: str) -> None:
        """Delete a connector; its replication slot stays."""
        self._ask(f"/connectors/{connector}", method="DELETE")

    def states(self, connector: str) -> list[str]:
        """Return the states of a connector and its tasks; none while it is not known."""
        try:
            status = self._ask(f"/connectors/{connector}/status")
        except (urllib.error.URLError, OSError):
            return []
        return [status["connector"]["state"], *(task["state"] for task in status["tasks"])]

    def _follow(self, block: Block, *, env: Mapping[str, str] | None = None) -> None:
        text = block.text.replace(PLACE, self.address)
        if env is None:
            Reader(self.folder, env={}).follow([replace(block, text=text)])
            return
        with TemporaryDirectory() as desk:  # Another terminal: it keeps what was set in the first.
            Reader(Path(desk), env=env).follow([replace(block, text=text)])

    def _ask(self, path: str, document: object = None, *, method: str | None = None) -> Any:  # noqa: ANN401 - as its API has it
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(
            f"http://{self.address}{path}",
            body,
            {"content-type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read() or "null")
