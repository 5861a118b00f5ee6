"""A real PostgreSQL server for tests: on loopback, in its own folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from boundary.errors import SmartRegionError
from operations.programs.addresses import free_address
from operations.programs.program import Program, has_logged
from sources.relay.sql import outbox_sql
from tests.support.requirements import give_up
from tests.support.waiting import wait_until

#: Where Debian installs the programs of each release.
FOLDERS: Final = ("/usr/lib/postgresql/*/bin", "/usr/bin", "/usr/local/bin")
OWNER: Final = "smart_region_test"
#: No data outlives the test, and a killed server is not a power cut.
SETTINGS: Final = {"fsync": "off", "wal_level": "logical", "listen_addresses": "127.0.0.1"}
#: Logged when it exits because processes of its previous run still hold its memory.
HELD: Final = "pre-existing shared memory block"


def require_postgres() -> Path:
    """Return the folder of PostgreSQL's programs; give up if there is none."""
    found = [path for folder in FOLDERS for path in Path("/").glob(f"{folder[1:]}/initdb")]
    if not found:
        give_up("there is no PostgreSQL: install postgresql")
    return max(found).parent


class PostgresServer(Program):
    """One server; if root starts it, it runs as the user nobody, since PostgreSQL refuses root."""

    def __init__(self, **settings: str) -> None:
        """Create its data folder; `settings` are lines of postgresql.conf."""
        self._programs = require_postgres()
        self.folder = Path(tempfile.mkdtemp(prefix="smart-region-postgres-"))
        self.address = free_address()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody")
        data = self.folder / "data"
        options = {**SETTINGS, **settings, "unix_socket_directories": str(self.folder)}
        port = self.address.rpartition(":")[2]
        command = self._as_user(
            *("postgres", "-D", str(data), "-p", port),
            *(part for name, text in options.items() for part in ("-c", f"{name}={text}")),
        )
        super().__init__(
            "postgres",
            command,
            folder=self.folder,
            is_ready=has_logged("database system is ready to accept connections"),
            stop_seconds=20,
        )
        subprocess.run(
            self._as_user(
                "initdb",
                *("--pgdata", str(data), "--username", OWNER, "--auth", "trust"),
                *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
            ),
            check=True,
            capture_output=True,
            cwd="/",
        )

    def start(self) -> None:
        """Start it; after a kill, wait until the processes of the killed server have ended."""

        def has_started() -> bool:
            try:
                super(PostgresServer, self).start()
            except SmartRegionError:
                if HELD not in self.log:
                    raise
                return False
            return True

        assert wait_until(has_started, seconds=30), self.log

    def stop(self) -> int | None:
        """Shut it down as a restart of its service does: clients are cut off, not waited for."""
        if self.alive:
            self.process.send_signal(signal.SIGINT)
        return super().stop()

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str = "postgres", user: str = OWNER) -> str:
        return f"postgresql://{user}@{self.address}/{database}"

    def variables(self, database: str) -> dict[str, str]:
        """Return the variables that the owner of a database sets for psql and the monitor."""
        host, port = self.address.split(":")
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PGHOST": host,
            "PGPORT": port,
            "PGDATABASE": database,
            "PGUSER": OWNER,
        }

    def _as_user(self, program: str, *arguments: str) -> list[str]:
        command = [str(self._programs / program), *arguments]
        if os.geteuid() == 0:
            return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
        return command


@contextmanager
def started_postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


class Database:
    """A producer's database with an outbox."""

    def __init__(
        self, server: PostgresServer, name: str, *, source: str, encoding: str | None = None
    ) -> None:
        self.server = server
        self.name = name
        self.source = source
        how = f"TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'" if encoding else ""
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} {how}")
        self.install()

    def install(self) -> str:
        """Run the outbox's file as its administrator would, and return the output."""
        return self.psql(outbox_sql(), source=self.source)

    def psql(self, text: str, **variables: str) -> str:
        done = subprocess.run(
            [
                "psql",
                *("--no-psqlrc", "--quiet", "--tuples-only", "--no-align"),
                *(f"--set={name}={value}" for name, value in variables.items()),
                self.url(),
            ],
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        return done.stdout

    def dump(self) -> str:
        """Return a dump of the outbox, with its rights and its rows."""
        done = subprocess.run(
            ["pg_dump", "--schema=smart_region", "--inserts", self.url()],
            capture_output=True,
            text=True,
            check=True,
        )
        # Each dump has a different key against injected psql commands.
        return re.sub(r"^\\(un)?restrict .*$", "", done.stdout, flags=re.MULTILINE)

    def url(self, user: str = OWNER) -> str:
        return self.server.url(self.name, user)

    @contextmanager
    def connected(self, user: str = OWNER) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self.url(user), autocommit=True) as connection:
            yield connection

    def user(self, name: str, *roles: str) -> str:
        with self.connected() as connection:
            connection.execute(f"CREATE USER {name}")
            for role in roles:
                connection.execute(f"GRANT {role} TO {name}")
        return self.url(name)
