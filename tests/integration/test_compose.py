"""The compose stack's commands, settings, rights and secrets, on a real Kafka, with no engine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from broker.clients import administering
from broker.security import PLAINTEXT, BrokerSecurity
from broker.topic_admin import alter_settings
from operations.programs.kafka import missing_requirement
from tests.support.compose import Stack
from tests.support.compose_stack import ComposeKafka, PlainStack, prepared_secrets
from tests.support.portals import dataset, portal
from tests.support.requirements import give_up, require_programs
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(400)

#: A few weeks of the demo's five years.
LAST_DAY = "2016-02-15"
#: The job that gives rights as a process of its own; the others have the same command.
FIRST_RIGHTS = "rights-deployer"


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if reason := missing_requirement():
        give_up(reason)
    require_programs("openssl", "bash", remedy="install them")
    return prepared_secrets(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def kafka(kind: str, secrets: Path, tmp_path: Path) -> Iterator[ComposeKafka]:
    service = Stack(kind).services["kafka"]
    with ComposeKafka(tmp_path / "broker", service, secrets=secrets) as kafka:
        yield kafka


@pytest.mark.parametrize("kind", ["secure"])
def test_the_demo_comes_to_its_end_with_every_user_s_own_rights(
    kind: str, kafka: ComposeKafka, secrets: Path, tmp_path: Path
) -> None:
    """In the order of `depends_on`: rights, topics, workers, gateway, events, years; the audit.

    The harvest and the page's reader come through HAProxy.
    """
    stack = Stack(kind)
    plain = PlainStack(stack, tmp_path, kafka.address, secrets=secrets)
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
    open_world = PlainStack(Stack("open"), tmp_path / "elsewhere", kafka.address, secrets=secrets)
    refused = open_world.run("topics")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1


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


@pytest.mark.parametrize("kind", ["secure"])
def test_a_user_that_a_newer_release_brings_is_made_on_a_running_kafka(
    kind: str, secrets: Path, tmp_path: Path
) -> None:
    ours = shutil.copytree(secrets, tmp_path / "secrets")
    later = (ours / "kafka-operator.password").rename(tmp_path / "later")
    program = tmp_path / "configs"
    program.write_text(CONFIGS.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    stack = Stack(kind)
    refusal = "refuses the password of 'operator'"

    with ComposeKafka(tmp_path / "broker", stack.services["kafka"], secrets=ours) as kafka:
        plain = PlainStack(stack, tmp_path, kafka.address, secrets=ours)
        later.rename(ours / "kafka-operator.password")
        before = plain.run("commands", instead=["dead-letters", "list"])
        kafka.give_passwords(program)
        after = plain.run("commands", instead=["dead-letters", "list"])

    assert refusal in before.stderr
    assert refusal not in after.stderr


@pytest.mark.parametrize("kind", ["open", "secure"])
def test_topics_of_an_earlier_release_get_the_settings_of_this_one(
    kind: str, kafka: ComposeKafka, secrets: Path, tmp_path: Path
) -> None:
    """By the job that all else waits for; secured by root before, as docs/upgrading.md has it.

    Kafka starts again on its data.
    """
    plain = PlainStack(Stack(kind), tmp_path, kafka.address, secrets=secrets)
    if kind == "secure":
        assert plain.run("rights-deployer").returncode == 0
    first = plain.run("topics")
    kafka.stop()
    kafka.start()
    second = plain.call("topics")
    assert re.search(r"^[1-9]\d* created, 0 as", first.stdout, re.MULTILINE), first.stderr
    assert re.search(r"^0 created, [1-9]", second.stdout, re.MULTILINE), second.stderr
    _take_back_timestamps(kafka, _root(kind, secrets))

    if kind == "secure":
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


def _root(kind: str, secrets: Path) -> BrokerSecurity:
    if kind == "open":
        return PLAINTEXT
    return BrokerSecurity(
        security_protocol="SASL_SSL",
        sasl_username="root",
        sasl_password_file=str(secrets / "kafka-root.password"),
        ssl_cafile=str(secrets / "authority.pem"),
    )


def _history(stack: Stack, years: Path, blocks: Path) -> None:
    service = stack.services["history"]
    command = [*service["entrypoint"], *service["command"]]
    here = [
        argument.replace("/data/years.om", str(years)).replace("/prometheus", str(blocks))
        for argument in command
    ]
    subprocess.run(here, check=True, capture_output=True, timeout=120)
    assert list(blocks.glob("*/meta.json"))
