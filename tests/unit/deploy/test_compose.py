"""What deploy/compose.yaml and the file that secures it promise: closed, bounded, pinned, known."""

from __future__ import annotations

import os
import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
import yaml

from boundary.settings import ENV_PREFIX
from boundary.web_server import STOP_SECONDS as ANSWER_SECONDS
from dashboards.publishing import HOME
from events.producers.secrets import load_secrets, token_owner
from gateway.settings import GatewaySettings
from gateway.topics_writer import STOP_SECONDS as WRITER_STOP_SECONDS
from operations.programs.alerting import FOR_GRACE_PERIOD, PROGRAMME_RETENTION
from report.settings import PageSettings
from streams.worker import STOP_SECONDS
from tests.support.commands import captured
from tests.support.compose import (
    COMPOSE_FILES,
    DEPLOY,
    Stack,
    example_environment,
    prepare,
    prepared_secrets,
    variables_of,
)

STACKS = {kind: Stack(kind) for kind in COMPOSE_FILES}
OPEN, SECURE = STACKS["open"], STACKS["secure"]
SERVICES = [
    pytest.param(stack, name, id=f"{kind}-{name}")
    for kind, stack in STACKS.items()
    for name in stack.services
]
#: What has a HAProxy before it, and its port.
FRONTED = {
    "gateway": GatewaySettings.model_fields["gateway_port"].default,
    "page": PageSettings.model_fields["page_port"].default,
}
POM = {"m": "http://maven.apache.org/POM/4.0.0"}

#: What the makers' images declare with VOLUME: a new one without a name for each container else.
DECLARED_VOLUMES = {
    "apache/kafka": {"/etc/kafka/secrets", "/var/lib/kafka/data", "/mnt/shared/config"},
    "prom/prometheus": {"/prometheus"},
    "prom/alertmanager": {"/alertmanager"},
}

each_stack = pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
each_service = pytest.mark.parametrize(("stack", "name"), SERVICES)


@each_service
def test_a_container_can_change_nothing_but_its_volumes(stack: Stack, name: str) -> None:
    service = stack.services[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    # A number, so that the host and the engine mean the same by it; and no root.
    assert int(service["user"].partition(":")[0]) > 0
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    # What others may reach is for a proxy with TLS to decide.
    assert all(it.startswith("127.0.0.1:") for it in service.get("ports", []))


@each_service
def test_a_service_is_restarted_and_watched_and_a_job_is_neither(stack: Stack, name: str) -> None:
    service = stack.services[name]
    health = service["healthcheck"]

    if name in stack.jobs():
        assert health == {"disable": True}
    else:
        assert service["restart"] == "unless-stopped"
        assert health["test"][0] == "CMD"
        assert {"interval", "timeout", "start_period", "retries"} <= health.keys()


@each_service
def test_a_process_of_ours_is_not_killed_while_it_stops(stack: Stack, name: str) -> None:
    """Ten seconds, an engine's default, are less than what a worker may take."""
    service = stack.services[name]
    if not service["image"].startswith("smart-region:") or name in stack.jobs():
        return
    stop = STOP_SECONDS + ANSWER_SECONDS
    if service["command"] == ["gateway"]:
        stop = GatewaySettings().gateway_stop_timeout + 2 * WRITER_STOP_SECONDS

    assert float(service["stop_grace_period"].removesuffix("s")) > stop


@each_service
def test_versions_are_pinned_in_one_place(stack: Stack, name: str) -> None:
    _, _, tag = stack.services[name]["image"].partition(":")

    assert re.fullmatch(r"v?\d+\.\d+\.\d+(-alpine)?", tag)
    assert tag in example_environment().values()


@each_service
def test_secrets_are_files(stack: Stack, name: str) -> None:
    """The environment names them and holds none: `docker inspect` shows it to everybody."""
    service = stack.services[name]
    mounted = {f"/run/secrets/{secret}" for secret in service.get("secrets", [])}
    named = {
        variable: value
        for variable, value in service.get("environment", {}).items()
        if re.search("PASSWORD|SECRET|TOKEN|KEY|CAFILE", variable)
    }

    assert all(value in mounted for value in named.values()), named
    assert {path.removeprefix("/run/secrets/") for path in mounted} <= stack.secrets.keys()


@each_service
def test_what_is_waited_for_can_come(stack: Stack, name: str) -> None:
    jobs = stack.jobs()
    for other, how in stack.services[name].get("depends_on", {}).items():
        assert other in stack.services
        if how["condition"] == "service_completed_successfully":
            assert other in jobs
        elif how["condition"] == "service_healthy":
            assert other not in jobs


@each_service
def test_every_volume_has_a_name_and_every_mount_is_there(stack: Stack, name: str) -> None:
    """Each that an image declares is one of ours, or memory."""
    service = stack.services[name]
    declared = DECLARED_VOLUMES.get(service["image"].partition(":")[0], set())
    mounted = {mount.split(":")[1] for mount in service.get("volumes", [])}
    in_memory = {mount.partition(":")[0] for mount in service.get("tmpfs", [])}

    assert declared <= mounted | in_memory
    assert all("size=" in mount for mount in service.get("tmpfs", []))
    for mount in service.get("volumes", []):
        source, _, rest = mount.partition(":")
        if source.startswith("."):
            assert (DEPLOY / source).exists()
            assert rest.endswith(":ro")
        else:
            assert source in stack.volumes


@each_stack
def test_what_the_pages_run_is_a_job(stack: Stack) -> None:
    pages = [DEPLOY / ".env.example", *(DEPLOY.parent / "docs").glob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    named = set(re.findall(r"docker compose run --rm (?:--\S+ \S+ )*([\w-]+)", text))
    assert named >= {"commands", "harvest"}
    assert named - {"rights-deployer"} <= stack.jobs()
    assert named <= STACKS["secure"].jobs()


@each_stack
def test_what_keeps_many_events_has_room_for_them(stack: Stack) -> None:
    """On a disk, with a bound that is stated; a note needs the memory that it has on Kubernetes."""
    commands, page = stack.services["commands"], stack.services["page"]
    folder = commands["environment"]["SMART_REGION_WORK_FOLDER"]
    mounts = {mount.split(":")[1]: mount.split(":")[0] for mount in commands["volumes"]}

    assert page["volumes"] == [f"page:{page['environment']['SMART_REGION_WORK_FOLDER']}"]
    assert {"page", mounts[folder]} <= stack.volumes.keys()
    assert int(commands["environment"]["SMART_REGION_WORK_MB"]) >= 1000
    note = (DEPLOY / "kubernetes/base/note.yaml").read_text(encoding="utf-8")
    assert "memory: 1Gi" in note
    assert commands["deploy"]["resources"]["limits"]["memory"] == "1g"


@each_stack
@pytest.mark.parametrize("name", FRONTED)
def test_strangers_come_through_haproxy(stack: Stack, name: str) -> None:
    behind, front = stack.services[name], stack.services[f"haproxy-{name}"]
    address = behind["networks"][name]["ipv4_address"]
    (config,) = stack.networks[name]["ipam"]["config"]
    there = {it for it, one in stack.services.items() if name in one.get("networks", ())}

    assert "ports" not in behind
    assert [f":{it.rpartition(':')[2]}" for it in front["ports"]] == [front["environment"]["BIND"]]
    assert there == {name, f"haproxy-{name}"}
    assert front["environment"][name.upper()] == f"{address}:{FRONTED[name]}"
    asked = f"http://{front['environment']['METRICS_BIND']}/metrics"
    assert front["healthcheck"]["test"][-1] == asked
    for one in (address, front["networks"][name]["ipv4_address"]):
        assert ip_address(one) in ip_network(config["subnet"])


@each_stack
def test_the_gateway_listens_to_haproxy_alone(stack: Stack) -> None:
    """It takes its word for the sender's address, and gives it the hashes of tokens in memory."""
    behind, front = stack.services["gateway"], stack.services["haproxy-gateway"]
    given, used = behind["environment"], front["environment"]
    folder = f"haproxy:{used['RUN']}"

    assert given["SMART_REGION_GATEWAY_HOST"] == behind["networks"]["gateway"]["ipv4_address"]
    assert given["SMART_REGION_GATEWAY_HAPROXY"] == used["RUN"]
    assert folder in behind["volumes"]
    assert folder in front["volumes"]
    assert behind["user"] == front["user"]
    assert f"uid={front['user'].partition(':')[0]}" in stack.volumes["haproxy"]["driver_opts"]["o"]
    assert front["depends_on"] == {"gateway": {"condition": "service_healthy"}}


def test_the_example_has_what_the_files_ask_for() -> None:
    asked_for = set().union(*(variables_of(file) for file in COMPOSE_FILES["secure"]))

    assert example_environment().keys() == asked_for


def test_kafka_is_reached_by_nobody_else() -> None:
    assert OPEN.services["kafka"]["networks"] == ["events"]
    assert "ports" not in OPEN.services["kafka"]


@each_stack
def test_a_container_that_publishes_nothing_reaches_no_other_machine(stack: Stack) -> None:
    open_to_all = {name for name, it in stack.networks.items() if not it.get("internal")}
    reaching = {
        name
        for name, it in stack.services.items()
        if not open_to_all.isdisjoint(it.get("networks", ()))
    }

    assert open_to_all == {"published", "outside"}
    assert stack.networks["published"]["driver_opts"] == {
        "com.docker.network.bridge.enable_icc": "false"
    }
    assert reaching - {"commands", "harvest"} == {
        name for name, it in stack.services.items() if "ports" in it
    }


@each_stack
def test_kafka_has_the_time_of_a_slow_first_start(stack: Stack) -> None:
    """180 to 208 s have been seen; what is unhealthy by then fails all that waits for it."""
    health = stack.services["kafka"]["healthcheck"]

    assert int(health["start_period"].removesuffix("s")) >= 2 * 208
    assert health["start_interval"] == "2s"


def test_kafka_is_the_one_that_the_tests_run() -> None:
    pom = ET.parse(DEPLOY / "kafka" / "pom.xml").getroot()  # noqa: S314 - a file of our own

    version = pom.findtext("m:properties/m:kafka.version", namespaces=POM)
    assert example_environment()["KAFKA_VERSION"] == version


def test_prometheus_scrapes_every_process() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8"))
    targets = {
        target
        for job in config["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    }
    served = {
        f"{name}:{urlsplit(OPEN.services[name]['healthcheck']['test'][-1]).port}"
        for name in OPEN.ours() - OPEN.jobs()
    }

    assert targets == served
    (alerting,) = config["alerting"]["alertmanagers"]
    assert alerting["static_configs"] == [{"targets": ["alertmanager:9093"]}]


def test_grafana_finds_the_boards_and_their_prometheus() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "smart-region.yaml").read_text())[
        "providers"
    ]
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())[
        "datasources"
    ]
    grafana = OPEN.services["grafana"]
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])

    assert "./grafana:/etc/smart-region:ro" in grafana["volumes"]
    assert provider["options"]["path"] == "/etc/smart-region/boards"
    assert (provider["folder"], provider["folderUid"]) == (HOME.title, HOME.folder)
    assert (DEPLOY / "grafana" / home.relative_to("/etc/smart-region")).is_file()
    # It logs an error for each that is missing, and git keeps none that is empty.
    for folder in ("alerting", "dashboards", "datasources", "plugins"):
        (file,) = (provisioning / folder).iterdir()
        assert yaml.safe_load(file.read_text(encoding="utf-8"))["apiVersion"] == 1
    assert source["isDefault"]
    assert source["url"] == "http://prometheus:9090"


def test_secured_every_program_shows_who_it_is() -> None:
    kafka = SECURE.services["kafka"]
    given = {name.removeprefix("rights-") for name in SECURE.services if name.startswith("rights-")}
    for service in SECURE.services.values():
        environment = service.get("environment", {})
        if f"{ENV_PREFIX}BROKER" not in environment:
            continue
        if service["command"][0] in {"simulate", "assessor"}:  # The latter asks the workers alone.
            continue
        user = environment[f"{ENV_PREFIX}SASL_USERNAME"]
        password = f"kafka-{user}.password"
        assert environment[f"{ENV_PREFIX}SECURITY_PROTOCOL"] == "SASL_SSL"
        assert environment[f"{ENV_PREFIX}SASL_PASSWORD_FILE"] == f"/run/secrets/{password}"
        assert password in kafka["secrets"]
        assert user in {*given, "root"}
    # Nothing starts before the rights are given.
    assert {f"rights-{name}" for name in given} <= SECURE.services["topics"]["depends_on"].keys()


@each_stack
def test_what_reads_the_internet_reaches_the_gateway_alone(stack: Stack) -> None:
    """Whoever takes it over by a portal's answer could write any topic of Kafka else."""
    outside = {name for name, it in stack.services.items() if "outside" in it.get("networks", [])}
    (inside,) = set(stack.services["harvest"]["networks"]) - {"outside"}
    (gateway,) = (
        urlsplit(it.partition("=")[2])
        for it in stack.services["harvest"]["command"]
        if it.startswith("--gateway=")
    )
    there = {name for name, it in stack.services.items() if inside in it.get("networks", [])}

    assert outside == {"harvest"}
    assert there == {"harvest", gateway.hostname}
    assert stack.services["haproxy-gateway"]["environment"]["INSIDE_BIND"] == f":{gateway.port}"
    assert stack.networks[inside] == {"internal": True}
    assert not stack.services["harvest"]["environment"]


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    return prepared_secrets(tmp_path).parent


def test_prepare_makes_every_secret(prepared: Path) -> None:
    wanted = {Path(secret["file"]).name for secret in SECURE.secrets.values()}
    made = {path.name: path.stat() for path in (prepared / "secrets").iterdir()}

    assert made.keys() == wanted
    assert {status.st_mode & 0o777 for status in made.values()} == {0o600}
    (owner,) = {status.st_uid for status in made.values()}
    assert f"OWNER={owner}\n" in (prepared / ".env").read_text(encoding="utf-8")
    assert owner == (os.getuid() or 65532)


@pytest.mark.parametrize("is_renewed", [False, True])
def test_strict_clients_trust_the_broker(prepared: Path, *, is_renewed: bool) -> None:
    """As Python from 3.13 on, which wants each extension that RFC 5280 does."""
    authority, broker = (prepared / "secrets" / name for name in ("authority.pem", "broker.pem"))
    if is_renewed:
        broker.unlink()
        prepare(prepared)
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver"]

    done = captured([*command, "-verify_hostname", "kafka", "-CAfile", authority, broker])

    assert done.returncode == 0, done.stderr


OTHERS = f"equipement:\n  bearer_sha256:\n    - {'a' * 64}\n"


@pytest.mark.parametrize("before", ["", "{}\n", OTHERS])
def test_prepare_lets_the_harvest_send(prepared: Path, before: str) -> None:
    folder = prepared / "secrets"
    (folder / "harvest.token").unlink()
    (folder / "producers.yaml").write_text(before, encoding="utf-8")

    prepare(prepared)

    token = (folder / "harvest.token").read_text(encoding="utf-8")
    secrets = load_secrets(folder / "producers.yaml").root
    assert token_owner(token) == "open-data"
    assert secrets["open-data"].has_token(token)
    assert ("equipement" in secrets) == ("equipement" in before)


def test_prepare_run_again_by_root_leaves_secrets_to_their_owner(tmp_path: Path) -> None:
    """The containers go on as the user whom .env names, and read them."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files to others")
    secrets = prepared_secrets(tmp_path)
    env = tmp_path / ".env"
    env.write_text(env.read_text().replace("OWNER=65532", "OWNER=1234"), encoding="utf-8")

    prepare(tmp_path)

    assert {path.stat().st_uid for path in [secrets, *secrets.iterdir()]} == {1234}


def test_prepare_leaves_what_is_there(prepared: Path) -> None:
    """Done again it changes nothing: passwords are in use, and .env is the operator's."""
    before = {path: path.read_bytes() for path in prepared.rglob("*") if path.is_file()}

    prepare(prepared)

    assert {path: path.read_bytes() for path in prepared.rglob("*") if path.is_file()} == before


@each_stack
def test_prometheus_keeps_the_years_and_what_fires(stack: Stack) -> None:
    command = stack.services["prometheus"]["command"]

    assert f"--storage.tsdb.retention.time={PROGRAMME_RETENTION}" in command
    assert f"--rules.alert.for-grace-period={FOR_GRACE_PERIOD}" in command
