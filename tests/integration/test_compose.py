"""The compose stack's commands, settings, rights and secrets, on a real Kafka, with no engine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from graphlib import TopologicalSorter
from pathlib import Path
from urllib.request import urlopen

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from boundary.settings import ENV_PREFIX
from broker.clients import administering
from broker.security import PLAINTEXT, BrokerSecurity
from broker.topic_admin import alter_settings
from operations.programs.addresses import free_address, free_port
from operations.programs.kafka import (
    KAFKA_FOLDER,
    QUICK_START,
    READY,
    class_archive,
    missing_requirement,
)
from operations.programs.program import COMMAND, Program, has_logged
from tests.support.commands import captured, run_inside_with
from tests.support.compose import DEPLOY, Stack, prepared_secrets
from tests.support.haproxy import Haproxy
from tests.support.portals import dataset, portal
from tests.support.requirements import give_up, require_programs
from tests.support.waiting import wait_until

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

    def __init__(self, kind: str, folder: Path, secrets: Path) -> None:
        self.folder = folder
        self.address = free_address()
        self.stack = Stack(kind)
        self.secrets = secrets
        home = folder / "kafka"
        (home / "bin").mkdir(parents=True)
        options = " ".join((*QUICK_START, *class_archive()))
        for name, program in _PROGRAMS.items():
            script = home / "bin" / name
            jars = KAFKA_FOLDER / "target" / "jars"
            script.write_text(_SCRIPT.format(options=options, jars=jars, program=program))
            script.chmod(0o755)
        (mounted,) = self.stack.services["kafka"]["command"]
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
                "SECRETS": str(self.secrets),
            },
            check=True,
            timeout=120,
        )


class PlainStack:
    """The services of a stack on this machine, each by its own command and environment."""

    def __init__(self, kafka: ComposeKafka, folder: Path, stack: Stack | None = None) -> None:
        self._stack = stack or kafka.stack
        self._folder = folder
        self._data = folder / "exchange"
        self._data.mkdir(parents=True)
        self._secrets = kafka.secrets
        self._kafka = kafka.address
        self._gateway_port, self._inside_port = free_port(), free_port()
        self._run = folder / "run"
        self._run.mkdir(mode=0o700)
        self.ports = {name: free_port() for name in self._stack.ours() - self._stack.jobs()}

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


pytestmark = pytest.mark.timeout(400)

#: A few weeks of the demo's five years.
LAST_DAY = "2016-02-15"
#: The job that gives rights as a process of its own; the others have the same command.
FIRST_RIGHTS = "rights-deployer"


#: A password that the secured Kafka does not know at its start.
LATER = "kafka-operator.password"


@pytest.fixture(scope="module")
def kafka(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ComposeKafka]:
    if reason := missing_requirement():
        give_up(reason)
    require_programs("openssl", "bash", remedy="install them")
    folder = tmp_path_factory.mktemp(request.param)
    secrets = prepared_secrets(folder)
    later = (secrets / LATER).rename(folder / LATER)
    with ComposeKafka(request.param, folder / "broker", secrets) as kafka:
        later.rename(secrets / LATER)
        yield kafka


secured = pytest.mark.parametrize("kafka", ["secure"], indirect=True)


#: Does what Kafka's own program would: its class is not among the jars of these tests.
CONFIGS = """\
#!{python}
import sys
from kafka.admin import KafkaAdminClient, ScramMechanism, UserScramCredentialUpsertion

given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert sys.argv[5:8] == ["--alter", "--entity-type", "users"], sys.argv
name, file = sys.argv[9], sys.argv[11]
client = dict(line.strip().split("=", 1) for line in open(given["--command-config"]))
(mechanism, password), = (line.strip().split("=password=") for line in open(file))
admin = KafkaAdminClient(
    bootstrap_servers=given["--bootstrap-server"],
    security_protocol=client["security.protocol"],
    ssl_cafile=client["ssl.truststore.location"],
    ssl_certfile=client["ssl.keystore.location"],
    ssl_keyfile=client["ssl.keystore.location"],
)
assert mechanism == "SCRAM-SHA-512"
admin.alter_user_scram_credentials(
    [UserScramCredentialUpsertion(name, ScramMechanism.SCRAM_SHA_512, password.encode())]
)
admin.close()
"""


@pytest.mark.nightly
@secured
def test_a_user_that_a_newer_release_brings_is_made_on_a_running_kafka(
    kafka: ComposeKafka, tmp_path: Path
) -> None:
    # The first of its Kafka, whose operator gets a password here.
    program = tmp_path / "configs"
    program.write_text(CONFIGS.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    plain = PlainStack(kafka, tmp_path)
    refusal = "refuses the password of 'operator'"

    before = plain.run("commands", instead=["dead-letters", "list"])
    kafka.give_passwords(program)
    after = plain.run("commands", instead=["dead-letters", "list"])

    assert refusal in before.stderr
    assert refusal not in after.stderr


@pytest.mark.parametrize(
    "kafka", ["secure", pytest.param("open", marks=pytest.mark.nightly)], indirect=True
)
def test_topics_of_an_earlier_release_get_the_settings_of_this_one(
    kafka: ComposeKafka, tmp_path: Path
) -> None:
    """By the job that all else waits for; secured by root before, as docs/upgrading.md has it.

    Kafka starts again on its data.
    """
    is_secure = "rights-deployer" in kafka.stack.services
    plain = PlainStack(kafka, tmp_path)
    if is_secure:
        assert plain.run("rights-deployer").returncode == 0
    first = plain.run("topics")
    kafka.stop()
    kafka.start()
    second = plain.call("topics")
    assert re.search(r"^[1-9]\d* created, 0 as", first.stdout, re.MULTILINE), first.stderr
    assert re.search(r"^0 created, [1-9]", second.stdout, re.MULTILINE), second.stderr
    _take_back_timestamps(kafka, _root(kafka) if is_secure else PLAINTEXT)

    if is_secure:
        refused = plain.run("topics")
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
        by_root = plain.run("rights-deployer", instead=["topics", "apply", "--alter-settings"])
        assert by_root.returncode == 0, by_root.stderr
    upgraded = plain.run("topics")

    assert upgraded.returncode == 0, upgraded.stderr


def _take_back_timestamps(kafka: ComposeKafka, security: BrokerSecurity) -> None:
    name, setting = "smartregion.schools", "message.timestamp.type"

    def in_force() -> bool:
        described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        return bool(described["topic"][name][setting]["value"] == "CreateTime")

    with administering(kafka.address, what="topics", security=security) as admin:
        alter_settings(admin, [name], {setting: "CreateTime"})
        assert wait_until(in_force, seconds=30)


def _root(kafka: ComposeKafka) -> BrokerSecurity:
    return BrokerSecurity(
        security_protocol="SASL_SSL",
        sasl_username="root",
        sasl_password_file=str(kafka.secrets / "kafka-root.password"),
        ssl_cafile=str(kafka.secrets / "authority.pem"),
    )


@pytest.mark.nightly
@secured
def test_the_demo_comes_to_its_end_with_every_user_s_own_rights(
    kafka: ComposeKafka, tmp_path: Path
) -> None:
    """In the order of `depends_on`: rights, topics, workers, gateway, events, years; the audit.

    The harvest and the page's reader come through HAProxy.
    """
    stack, plain = kafka.stack, PlainStack(kafka, tmp_path)
    harvest = stack.services["harvest"]["command"]
    days = {"simulation": ("--to", LAST_DAY), "years": (f"--to={LAST_DAY}",)}

    with ExitStack() as running:
        for name in plain.in_order():
            if name in stack.jobs():
                is_known = name.startswith("rights-") and name != FIRST_RIGHTS
                done = plain.call(name) if is_known else plain.run(name, *days.get(name, ()))
                assert done.returncode == 0, f"{name}: {done.stderr}"
            else:
                running.enter_context(plain.started(name))
        running.enter_context(plain.haproxy("gateway"))
        page = running.enter_context(plain.haproxy("page"))
        with urlopen(f"http://127.0.0.1:{page.port}/methode", timeout=30) as answer:
            assert answer.status == 200
        workers = [f"--against=http://127.0.0.1:{plain.ports[f'worker-{n}']}" for n in (1, 2)]
        with portal(dataset("gares")) as served:
            here = [served.url if "https" in one else one for one in harvest]
            for sent in ("3 events sent", "0 events sent"):
                done = plain.run("harvest", "--pause=0", "--private-addresses", instead=here)
                assert sent in done.stdout, done.stderr
        audit = plain.run("commands", *workers, instead=["audit"])

    assert audit.returncode == 0, audit.stdout + audit.stderr
    years = tmp_path / "exchange" / "years.om"
    assert years.read_bytes().endswith(b"# EOF\n")
    if shutil.which("promtool"):
        _history(stack, years, tmp_path / "blocks")
    # Who has no password gets a message, and nothing is done.
    open_world = PlainStack(kafka, tmp_path / "elsewhere", Stack("open"))
    refused = open_world.run("topics")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1


def _history(stack: Stack, years: Path, blocks: Path) -> None:
    service = stack.services["history"]
    command = [*service["entrypoint"], *service["command"]]
    here = [
        argument.replace("/data/years.om", str(years)).replace("/prometheus", str(blocks))
        for argument in command
    ]
    subprocess.run(here, check=True, capture_output=True, timeout=120)
    assert list(blocks.glob("*/meta.json"))
