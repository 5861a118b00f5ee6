"""A monitor on a broker that asks who is there: what each role may do, and who is not let in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.error import HTTPError

import pytest
import requests
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ACLOperation, KafkaAdminClient
from kafka.errors import GroupAuthorizationFailedError

from boundary.settings import ENV_PREFIX
from broker.access_rights import Operation, Role, give_rights, rights_of
from broker.clients import administering, opened
from broker.errors import BrokerRefusedError
from broker.security import BrokerSecurity
from broker.topic_admin import alter_settings
from dashboards.conventions import PAGE_JOB
from dashboards.rules.render import prometheus_document
from dashboards.rules.site import PACES, MonitorSite
from events.fact import Family
from events.topics import DEFAULT_APP_ID, declared_topics, topic_name
from operations.programs.kafka import missing_requirement
from tests.support.certificates import Authority
from tests.support.children import environment_variables
from tests.support.commands import captured, run_inside_with
from tests.support.gateways import Gateway, issue_credentials
from tests.support.private_files import private_file
from tests.support.prometheus import Monitoring
from tests.support.requirements import give_up
from tests.support.secured_kafka import SecuredKafka
from tests.support.traffic import region
from tests.support.waiting import wait_until
from tests.support.workers import Worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

#: What a producer of one family may send, and one of another.
OWN_FAMILY, OTHER_FAMILY = Family.SCHOOLS, Family.GRANTS
ACL = ("topics", "acl", "--role", "reader", "--principal")
IN_SECONDS = 30.0
"""How soon whoever is not let in has to know: less than the 40 s for which a client goes on."""


def password_of(user: str) -> str:
    return f"{user}'s own"


def trust_in_tests(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process trust the authority; `urllib` keeps a client that trusts former ones."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    monkeypatch.setattr(urllib.request, "_opener", None)


class Monitor:
    """The secured broker, with a user for each role, and the command line as any of them."""

    def __init__(self, kafka: SecuredKafka, folder: Path) -> None:
        self.kafka = kafka
        self.folder = folder

    def settings_of(self, user: str) -> dict[str, str]:
        return self.kafka.settings_of(user, password_of(user))

    def security_of(self, user: str) -> BrokerSecurity:
        settings = {
            name.removeprefix(ENV_PREFIX).lower(): value
            for name, value in self.settings_of(user).items()
        }
        return BrokerSecurity.model_validate(
            {name: settings[name] for name in BrokerSecurity.model_fields if name in settings}
        )

    def run_as(
        self, user: str, *arguments: str, given: str | None = None, **changes: str
    ) -> subprocess.CompletedProcess[str]:
        return run(self.settings_of(user) | environment_variables(changes), *arguments, given=given)

    def call_as(
        self, user: str, *arguments: str, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return call(self.settings_of(user), *arguments, given=given)

    @property
    def root_settings(self) -> dict[str, str]:
        root = self.kafka.as_root
        return {
            "SMART_REGION_BROKER": self.kafka.mutual,
            "SMART_REGION_SECURITY_PROTOCOL": "SSL",
            "SMART_REGION_SSL_CAFILE": str(root.ssl_cafile),
            "SMART_REGION_SSL_CERTFILE": str(root.ssl_certfile),
            "SMART_REGION_SSL_KEYFILE": str(root.ssl_keyfile),
        }

    def start(self, user: str, command: str = "worker", **settings: str) -> Worker:
        worker = Worker(
            self.kafka.bootstrap,
            self.folder,
            name=user,
            command=command,
            settings=self.settings_of(user) | environment_variables(settings),
        )
        worker.start()
        return worker


def run(
    environ: Mapping[str, str], *arguments: str, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    return captured(
        [sys.executable, "-m", "smart_region", *arguments],
        env={**os.environ, "SMART_REGION_CLOCK": "2020-12-31", **environ},
        input=given,
    )


def call(
    environ: Mapping[str, str], *arguments: str, given: str = ""
) -> subprocess.CompletedProcess[str]:
    clock = {"SMART_REGION_CLOCK": "2020-12-31"}
    return run_inside_with({**clock, **environ}, *arguments, standard_input=given)


def families_of(role: Role) -> tuple[Family, ...]:
    return (OWN_FAMILY,) if role is Role.PRODUCER else ()


def lines_of(*families: Family) -> str:
    first_months = region(7, date(2016, 1, 1), date(2016, 2, 28))
    return "".join(f"{one.value.decode()}\n" for one in first_months if one.family in families)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    if reason := missing_requirement():
        give_up(reason)
    with SecuredKafka(tmp_path_factory.mktemp("secured")) as broker:
        yield broker


@pytest.fixture(scope="module")
def monitor(kafka: SecuredKafka, tmp_path_factory: pytest.TempPathFactory) -> Monitor:
    monitor = Monitor(kafka, tmp_path_factory.mktemp("monitor"))
    kafka.add_users({role: password_of(role) for role in Role})
    for role in Role:
        rights = rights_of(role, families=families_of(role))
        give_rights(kafka.mutual, f"User:{role}", rights, security=kafka.as_root)
    done = monitor.call_as(Role.DEPLOYER, "topics", "apply")
    assert done.returncode == 0, done.stderr
    return monitor


@pytest.fixture(scope="module")
def worker(monitor: Monitor) -> Iterator[Worker]:
    done = monitor.run_as(Role.PRODUCER, "emit", given=lines_of(OWN_FAMILY))
    assert done.returncode == 0, done.stderr
    worker = monitor.start(Role.WORKER)
    worker.wait_ready()
    yield worker
    worker.kill()


# What each role is there for.


def test_a_worker_works_through_what_a_producer_sent(monitor: Monitor, worker: Worker) -> None:
    assert wait_until(lambda: lag_seen_by_observer(monitor) == 0, seconds=30), worker.log

    audit = monitor.run_as(Role.READER, "audit", "--against", worker.url)

    assert audit.returncode == 0, audit.stdout + audit.stderr


def test_a_worker_forwards_a_record_of_a_wrong_partition(monitor: Monitor, worker: Worker) -> None:
    [event, *_] = lines_of(OWN_FAMILY).splitlines()
    with closing(client(KafkaProducer, monitor, Role.PRODUCER)) as producer:
        topic = topic_name(OWN_FAMILY)
        for partition in producer.partitions_for(topic):
            producer.send(
                topic,
                event.encode(),
                headers=[("content-type", b"application/cloudevents+json")],
                partition=partition,
            ).get(10)

    assert wait_until(
        lambda: not worker.alive or 'outcome="misrouted"' in worker.metrics(), seconds=30
    )
    assert worker.alive, worker.log
    assert wait_until(lambda: lag_seen_by_observer(monitor) == 0, seconds=30), worker.log


def test_the_page_shows_past_days_without_what_is_about_persons(
    monitor: Monitor, worker: Worker
) -> None:
    """It asks the workers for its figures; the broker hides from it what is about persons."""
    page = monitor.start(Role.PAGE, "page", workers=worker.url, clock="2020-12-31")
    try:
        page.wait_ready()
        past_day = f"{page.url}/?known_on=2016-02-15"
        # It answers 503 until it has the events of the past.
        assert wait_until(lambda: requests.get(past_day, timeout=30).ok, seconds=30), page.log
        past = requests.get(past_day, timeout=30).text
        assert "Les chiffres sur des personnes manquent" in past, page.log
        assert "Stagiaires inscrits" not in past
        assert "Stagiaires inscrits" in requests.get(page.url, timeout=30).text
        assert page.stop() == 0, page.log
    finally:
        page.kill()


def test_prometheus_sees_what_asks_for_its_token_over_tls(
    monitor: Monitor,
    worker: Worker,
    monitoring: Monitoring,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    authority, token = Authority(tmp_path), private_file(tmp_path / "token", "open-sesame\n")
    ours = authority.issue("page")
    trust_in_tests(authority, monkeypatch)
    page = monitor.start(
        Role.PAGE,
        "page",
        workers=worker.url,
        server_certfile=str(ours.chain),
        server_keyfile=str(ours.key),
        metrics_token_file=str(token),
    )
    page.url = f"https://{page.address}"
    try:
        page.wait_ready()
        prometheus = monitoring.prometheus()
        prometheus.configure(
            prometheus_document(
                MonitorSite(
                    PACES["live"],
                    workers=(),
                    assessors=(),
                    gateways=(),
                    pages=(page.address,),
                    alertmanagers=(),
                    metrics_token_file=str(token),
                    metrics_ca_file=str(authority.file),
                )
            )
        )
        prometheus.reload()
        assert wait_until(lambda: prometheus.up(PAGE_JOB), seconds=20)
        with pytest.raises(HTTPError, match="401") as refusal:
            page.metrics()  # Without the token.
        refusal.value.close()
    finally:
        page.kill()


def test_the_gateway_takes_events_and_sets_aside_what_it_refuses(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    ours = authority.issue("gateway")
    trust_in_tests(authority, monkeypatch)
    serving = {"server_certfile": str(ours.chain), "server_keyfile": str(ours.key)}
    credentials = issue_credentials("lycees", tmp_path)
    [event, *_] = (json.loads(line) for line in lines_of(Family.SCHOOLS).splitlines())
    before = letters_seen_by(monitor, Role.READER)
    gateway = Gateway(
        monitor.kafka.bootstrap,
        tmp_path,
        secrets=credentials.file,
        settings=monitor.settings_of(Role.GATEWAY) | environment_variables(serving),
    )
    with gateway:
        answer = requests.post(
            f"{gateway.url}/events",
            json=[event, event | {"data": {}}],
            headers={
                "Authorization": f"Bearer {credentials.token}",
                "Content-Type": "application/cloudevents-batch+json",
            },
            verify=str(authority.file),
            timeout=10,
        )

    assert answer.status_code == 207
    assert letters_seen_by(monitor, Role.READER) == before + 1


def test_a_clerk_lets_a_dead_letter_go(monitor: Monitor, worker: Worker) -> None:
    before = letters_seen_by(monitor, Role.CLERK)
    with closing(client(KafkaProducer, monitor, Role.PRODUCER)) as producer:
        producer.send(topic_name(OWN_FAMILY), b"no event").get(10)
    assert wait_until(lambda: letters_seen_by(monitor, Role.CLERK) > before, seconds=30)

    [*_, last] = monitor.call_as(Role.CLERK, "dead-letters", "list", "--json").stdout.splitlines()
    position = json.loads(last)["letter"]
    shown = monitor.run_as(Role.CLERK, "dead-letters", "show", position, "--unmask")
    assert "no event" in shown.stdout, shown.stderr  # It lies on its topic.

    done = monitor.run_as(Role.CLERK, "dead-letters", "discard", "--all", "--because", "a test")

    assert done.returncode == 0, done.stderr
    assert worker.alive
    refused = monitor.run_as(Role.PRODUCER, "dead-letters", "list")
    assert refused.returncode == 2
    assert_one_line(refused.stderr, "smartregion.dead-letter", "rights")


def test_a_super_user_gives_the_rights_of_a_role(monitor: Monitor) -> None:
    give = ("topics", "acl", "--role", "observer", "--principal", "newcomer")
    root = monitor.root_settings
    assert run(root, *give).stdout.endswith("11 granted, 0 granted before\n")
    assert call(root, *give).stdout == "0 granted, 11 granted before\n"
    listed = call(root, "topics", "acl", "--principal", "newcomer").stdout
    assert "User:newcomer may DESCRIBE group smart-region-monitor\n" in listed
    assert len(listed.splitlines()) == 11


# And nothing else.


@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_is_declared_and_nothing_else(
    monitor: Monitor, worker: Worker, role: Role
) -> None:
    assert worker.alive  # So that there is a group.
    declared = {
        right.name: with_implied(right.operations)
        for right in rights_of(role, families=families_of(role))
    }
    with closing(client(KafkaAdminClient, monitor, role)) as admin:
        allowed = {spec.name: allowed_on_topic(admin, spec.name) for spec in declared_topics()}
        on_cluster = admin.describe_cluster()["authorized_operations"]
        assert sees_group(admin) is (declared.pop(DEFAULT_APP_ID, None) is not None)

    assert {topic: may for topic, may in allowed.items() if may} == declared
    assert on_cluster == []


def test_who_sees_the_group_cannot_join_it(monitor: Monitor) -> None:
    with closing(
        client(KafkaConsumer, monitor, Role.OBSERVER, group_id=DEFAULT_APP_ID)
    ) as consumer:
        consumer.subscribe([topic_name(OWN_FAMILY)])
        with pytest.raises(GroupAuthorizationFailedError):
            consumer.poll(timeout_ms=10_000)


def test_a_producer_cannot_send_another_family(monitor: Monitor) -> None:
    done = monitor.call_as(Role.PRODUCER, "emit", given=lines_of(OTHER_FAMILY))

    assert done.returncode == 2
    assert_one_line(done.stderr, topic_name(OTHER_FAMILY))


@pytest.mark.parametrize("user", [Role.WORKER, Role.CLERK])
def test_who_may_not_alter_a_topic_is_told_so(monitor: Monitor, user: Role) -> None:
    """Whether or not the settings may be seen: the client looks them up first."""
    with (
        pytest.raises(BrokerRefusedError, match="check the rights"),
        administering(
            monitor.kafka.bootstrap, what="topics", security=monitor.security_of(user)
        ) as admin,
    ):
        alter_settings(admin, [topic_name(OWN_FAMILY)], {"segment.ms": "1"})


@pytest.mark.parametrize(
    ("start", "user", "command"),
    [
        (Monitor.run_as, Role.PRODUCER, ("audit",)),
        (Monitor.run_as, Role.GATEWAY, ("worker",)),
        (Monitor.run_as, Role.WORKER, (*ACL, "worker")),
        (Monitor.call_as, Role.OBSERVER, ("audit",)),
        (Monitor.call_as, Role.DEPLOYER, (*ACL, "deployer")),
    ],
)
def test_who_has_another_role_is_reported(
    monitor: Monitor,
    start: Callable[..., subprocess.CompletedProcess[str]],
    user: Role,
    command: tuple[str, ...],
) -> None:
    began = monotonic()
    done = start(monitor, user, *command)

    assert done.returncode != 0
    assert_one_line(done.stderr or last_line(done.stdout), "rights")
    assert monotonic() - began < IN_SECONDS


# Who is not let in.


def wrongly(monitor: Monitor, how: str, folder: Path) -> dict[str, str]:
    """Return the settings of one way to be wrong."""
    return {
        "wrong password": {"sasl_password": "guessed"},
        "wrong mechanism": {"sasl_mechanism": "SCRAM-SHA-256"},
        "other authority": {"ssl_cafile": str(Authority(folder, name="other").file)},
        "expired certificate": {"broker": monitor.kafka.expired},
    }[how]


@pytest.mark.parametrize(
    ("command", "how", "expected"),
    [
        (("worker",), "wrong password", "refuses the password of 'worker'"),
        (("worker",), "wrong mechanism", "does not offer SCRAM-SHA-256"),
        (("worker",), "other authority", "unable to get local issuer certificate"),
        (("worker",), "expired certificate", "certificate has expired"),
        (("gateway",), "wrong password", "refuses the password of 'worker'"),
        (("emit", os.devnull), "wrong password", "refuses the password of 'worker'"),
        (("audit",), "wrong password", "refuses the password of 'worker'"),
    ],
)
def test_a_program_that_is_not_let_in_says_why(
    monitor: Monitor, tmp_path: Path, command: tuple[str, ...], how: str, expected: str
) -> None:
    """A wrong password is never a loop in silence."""
    began = monotonic()
    done = monitor.run_as(Role.WORKER, *command, **wrongly(monitor, how, tmp_path))

    # Of an audit, 2 would be a command that is called wrongly.
    assert done.returncode == (3 if command == ("audit",) else 2)
    assert_one_line(done.stderr, expected)
    assert monotonic() - began < IN_SECONDS


def test_the_doctor_sees_what_a_worker_may_see(monitor: Monitor) -> None:
    well = monitor.run_as(Role.WORKER, "doctor")
    refused = monitor.call_as("nobody", "doctor")

    assert well.returncode == 0, well.stdout
    assert "answers over SASL_SSL" in well.stdout
    assert refused.returncode == 1
    assert "refuses the password of 'nobody'" in refused.stdout
    assert "put right first: broker" in refused.stdout


def test_a_worker_that_loses_its_rights_says_so(monitor: Monitor, worker: Worker) -> None:
    assert worker.alive
    kafka = monitor.kafka
    kafka.add_users({"trainee": password_of("trainee")})

    def make(*roles: Role) -> None:
        rights = rights_of(*roles)
        give_rights(
            kafka.mutual, "User:trainee", rights, revoke_others=True, security=kafka.as_root
        )

    make(Role.WORKER)
    trainee = monitor.start("trainee")
    try:
        trainee.wait_ready()
        make(Role.READER, Role.DEPLOYER, Role.OBSERVER)
        for restarts in (1, 0):
            assert wait_until(lambda: not trainee.alive, seconds=30), trainee.log
            assert trainee.status == 1
            assert_one_line(last_line(trainee.log), "topics acl --role worker")
            if restarts:
                trainee.start()
    finally:
        trainee.kill()


def test_a_changed_password_ends_who_goes_on_with_the_old_one(
    monitor: Monitor, worker: Worker, tmp_path: Path
) -> None:
    # The module's last: its worker ends here.
    kafka = monitor.kafka
    secret = private_file(tmp_path / "password", password_of(Role.GATEWAY))
    credentials = issue_credentials("lycees", tmp_path)
    settings = monitor.settings_of(Role.GATEWAY) | environment_variables(
        {"sasl_password_file": str(secret)}
    )
    page = monitor.start(Role.PAGE, "page", workers=worker.url)
    try:
        page.wait_ready()
        with Gateway(
            kafka.bootstrap, tmp_path, secrets=credentials.file, settings=settings
        ) as gateway:
            kafka.add_users(dict.fromkeys((Role.WORKER, Role.PAGE, Role.GATEWAY), "changed"))
            kafka.stop()  # Who is in stays in until then.
            kafka.start()
            assert wait_until(lambda: not (worker.alive or page.alive), seconds=60)
            assert wait_until(lambda: "of 'gateway'" in gateway.log, seconds=30), gateway.log
            assert not gateway.ready
            secret.write_text("changed")
            assert wait_until(lambda: gateway.ready, seconds=30), gateway.log
        for ended in (worker, page):
            assert ended.status == 1
            assert_one_line(last_line(ended.log), "refuses the password of")
    finally:
        page.kill()


# How the tests look at it.


def client(make: Callable[..., Any], monitor: Monitor, user: str, **config: Any) -> Any:  # noqa: ANN401
    security = monitor.security_of(user)
    return opened(make, monitor.kafka.bootstrap, security=security, **config)


def lag_seen_by_observer(monitor: Monitor) -> int:
    with closing(client(KafkaAdminClient, monitor, Role.OBSERVER)) as admin:
        committed = admin.list_group_offsets(DEFAULT_APP_ID)[DEFAULT_APP_ID]
    with closing(client(KafkaConsumer, monitor, Role.OBSERVER)) as consumer:
        partitions = [
            TopicPartition(topic_name(family), partition)
            for family in Family
            for partition in range(8)
        ]
        ends = consumer.end_offsets(partitions)
    done: dict[Any, int] = {partition: offset.offset for partition, offset in committed.items()}
    return sum(int(end) - done.get(partition, 0) for partition, end in ends.items())


def letters_seen_by(monitor: Monitor, user: str) -> int:
    done = monitor.call_as(user, "dead-letters", "list", "--json")
    assert done.returncode == 0, done.stderr
    return len(done.stdout.splitlines())


def with_implied(operations: Collection[Operation]) -> set[str]:
    names = {operation.name for operation in operations}
    return names | {"DESCRIBE"} if names & {"READ", "WRITE"} else names


def allowed_on_topic(admin: KafkaAdminClient, topic: str) -> set[str]:
    [described] = admin.describe_topic_partitions([topic])["topics"]
    if described["error_code"]:
        return set()
    return operations_of(described["topic_authorized_operations"])


def sees_group(admin: KafkaAdminClient) -> bool:
    try:
        admin.list_group_offsets(DEFAULT_APP_ID)
    except GroupAuthorizationFailedError:
        return False
    return True


def operations_of(bits: int) -> set[str]:
    return {operation.name for operation in ACLOperation if bits >> operation & 1}


def last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def assert_one_line(text: str, *words: str) -> None:
    [line] = text.strip().splitlines()
    for word in words:
        assert word in line
