"""The compose stack without an engine: its services' commands and settings, as plain processes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from boundary.settings import ENV_PREFIX
from operations.programs.addresses import free_address, free_port
from operations.programs.kafka import KAFKA_FOLDER, QUICK_START, READY, class_archive
from operations.programs.program import COMMAND, Program, has_logged
from tests.support.commands import captured, run_inside_with
from tests.support.compose import DEPLOY, Stack
from tests.support.haproxy import Haproxy

#: Kafka's own scripts, as far as the container's start asks for them.
_PROGRAMS = {
    "kafka-storage.sh": "kafka.tools.StorageTool",
    "kafka-server-start.sh": "kafka.Kafka",
}
_SCRIPT = """\
#!/usr/bin/env bash
exec java -Xmx512m {options} $KAFKA_LOG4J_OPTS -cp '{jars}/*' {program} "$@"
"""
_PORTS = {
    "worker": "SMART_REGION_HTTP_PORT",
    "assessor": "SMART_REGION_ASSESSOR_PORT",
    "gateway": "SMART_REGION_GATEWAY_PROBE_PORT",
    "page": "SMART_REGION_PAGE_PORT",
}
"""Where each is asked how it is."""


class ComposeKafka(Program):
    """The container's Kafka: its start script and settings, with folders and ports of a test."""

    def __init__(self, folder: Path, service: dict[str, Any], *, secrets: Path) -> None:
        self.folder = folder
        self.address = free_address()
        self._secrets = secrets
        home = folder / "kafka"
        (home / "bin").mkdir(parents=True)
        options = " ".join((*QUICK_START, *class_archive()))
        for name, program in _PROGRAMS.items():
            script = home / "bin" / name
            jars = KAFKA_FOLDER / "target" / "jars"
            script.write_text(_SCRIPT.format(options=options, jars=jars, program=program))
            script.chmod(0o755)
        (mounted,) = service["command"]
        settings = (DEPLOY / "compose" / Path(mounted).name).read_text(encoding="utf-8")
        for there, here in (
            ("/run/secrets", str(secrets)),
            ("/var/lib/kafka/data", str(folder / "data")),
            ("0.0.0.0:9092", self.address),
            ("kafka:9092", self.address),
            ("127.0.0.1:9093", free_address()),
            ("127.0.0.1:9094", free_address()),
        ):
            settings = settings.replace(there, here)
        self._settings = folder / "server.properties"
        self._settings.write_text(settings, encoding="utf-8")
        log = DEPLOY / "kafka" / "log4j2.xml"
        super().__init__(
            "kafka",
            ("bash", str(DEPLOY / "compose" / "kafka-start.sh"), str(self._settings)),
            folder=folder,
            env={
                "KAFKA_HOME": str(home),
                "SECRETS": str(secrets),
                "KAFKA_LOG4J_OPTS": f"-Dlog4j2.configurationFile={log}",
            },
            is_ready=has_logged(READY),
            ready_seconds=90,
        )

    def give_passwords(self, program: Path) -> None:
        """Run the script for users of a running Kafka, with a program in place of Kafka's own."""
        shutil.copy(program, self.folder / "kafka" / "bin" / "kafka-configs.sh")
        script = DEPLOY / "compose" / "kafka-users.sh"
        subprocess.run(
            ["bash", script, self._settings],
            env={
                "PATH": os.environ["PATH"],
                "KAFKA_HOME": str(self.folder / "kafka"),
                "SECRETS": str(self._secrets),
            },
            check=True,
            timeout=120,
        )


class PlainStack:
    """The services of a stack on this machine, each by its own command and environment."""

    def __init__(self, stack: Stack, folder: Path, kafka: str, *, secrets: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._data = folder / "exchange"
        self._data.mkdir(parents=True)
        self._secrets = secrets
        self._kafka = kafka
        self._gateway_port, self._inside_port = free_port(), free_port()
        self._run = folder / "run"
        self._run.mkdir(mode=0o700)
        self.ports = {name: free_port() for name in stack.ours() - stack.jobs()}

    def in_order(self) -> list[str]:
        waits = {
            name: one.get("depends_on", {}).keys() for name, one in self._stack.services.items()
        }
        # Run when somebody says what, or from where.
        ours = self._stack.ours() - {"commands", "harvest"}
        return [name for name in TopologicalSorter(waits).static_order() if name in ours]

    def haproxy(self, name: str) -> Haproxy:
        """Return the HAProxy before a service, with the stack's variables but for places."""
        port = self._gateway_port if name == "gateway" else self.ports[name]
        places = {
            name.upper(): f"127.0.0.1:{port}",
            "INSIDE_BIND": f"127.0.0.1:{self._inside_port}",
            "METRICS_BIND": f"127.0.0.1:{free_port()}",
            "RUN": str(self._run),
        }
        given = self._stack.services[f"haproxy-{name}"]["environment"]
        here = {variable: places.get(variable, value) for variable, value in given.items()}
        del here["BIND"]
        return Haproxy(name, self._folder, here)

    def run(
        self, name: str, *arguments: str, instead: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a job to its end, with arguments after its own, or `instead` of them."""
        command = [*(instead or self._stack.services[name]["command"]), *arguments]
        return captured([*COMMAND, *self._here(command)], env=self._environment(name), timeout=120)

    def call(self, name: str) -> subprocess.CompletedProcess[str]:
        """Call a job in this process, where one with the same command was run as its own."""
        command = self._here(self._stack.services[name]["command"])
        others = {variable: None for variable in os.environ if variable.startswith(ENV_PREFIX)}
        return run_inside_with({**others, **self._environment(name)}, *command)

    @contextmanager
    def started(self, name: str) -> Iterator[None]:
        """Keep a service running, well as its own health check has it; it must stop in order."""
        command = [*COMMAND, *self._here(self._stack.services[name]["command"])]
        variables = [f"{name}={value}" for name, value in self._environment(name).items()]
        service = Program(
            name,
            ("env", "-i", *variables, *command),
            folder=self._folder,
            is_ready=lambda _: self._is_well(name),
            ready_seconds=90,
            stop_seconds=30,
        )
        with service:
            yield
            assert service.stop() == 0, service.log[-3000:]

    def _is_well(self, name: str) -> bool:
        _, _, *arguments = self._stack.services[name]["healthcheck"]["test"]
        here = [
            re.sub(r"(?<=//127\.0\.0\.1:)\d+", str(self.ports[name]), argument)
            for argument in arguments
        ]
        done = subprocess.run(
            [*COMMAND, *self._here(here)],
            env=self._environment(name),
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def _here(self, arguments: Sequence[str]) -> list[str]:
        return [
            argument.replace("/data/", f"{self._data}/")
            .replace("/run/secrets", str(self._secrets))
            .replace("//haproxy-gateway:8070", f"//127.0.0.1:{self._inside_port}")
            for argument in arguments
        ]

    def _environment(self, name: str) -> dict[str, str]:
        service = self._stack.services[name]
        given = {
            variable: str(self._data)
            if value == "/data"
            else value.replace("/run/secrets", str(self._secrets))
            .replace("kafka:9092", self._kafka)
            .replace("/data/", f"{self._data}/")
            .replace("/run/smart-region", str(self._run))
            for variable, value in service.get("environment", {}).items()
        }
        for other, port in self.ports.items():
            for variable, value in given.items():
                given[variable] = re.sub(rf"//{other}:\d+", f"//127.0.0.1:{port}", value)
        if name in self.ports:
            given["SMART_REGION_GATEWAY_PORT"] = str(self._gateway_port)
            given["SMART_REGION_GATEWAY_HOST"] = "127.0.0.1"
            given[_PORTS[service["command"][0]]] = str(self.ports[name])
        # A user of the image's packages has no other: those of this test's are the clone's.
        path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(DEPLOY.parent)}
        return {**path, "HOME": "/nonexistent", **given, "SMART_REGION_CLOCK": "2020-12-31"}


def prepared_secrets(folder: Path) -> Path:
    """Make passwords and certificates with prepare.sh in a copy; return their folder."""
    (folder / "compose").mkdir(parents=True)
    for file in ("compose/prepare.sh", ".env.example"):
        shutil.copy(DEPLOY / file, folder / file)
    prepare(folder)
    return folder / "secrets"


def prepare(folder: Path) -> None:
    subprocess.run([folder / "compose" / "prepare.sh"], check=True, capture_output=True, timeout=60)
