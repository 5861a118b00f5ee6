"""What holds for everything that a cluster is given."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from click.testing import CliRunner

from gateway.settings import load_gateway_settings
from report.settings import load_page_settings
from smart_region import main
from streams.settings import load_settings
from streams.worker import STOP_SECONDS
from tests.support.kubernetes import (
    OVERLAYS,
    Manifest,
    built,
    containers,
    environment,
    one,
    pod_specs,
    pod_templates,
)

ROOT = Path(__file__).parents[3]
PRODUCTION = [overlay for overlay in OVERLAYS if overlay.startswith("production")]
NAME = "smart-region"
AUDIT = "smart-region-audit"
CLERK = "smart-region-clerk"
#: Who asks the workers for histories.
ASKING = ("assessor", "page")
NOTE = "smart-region-note"
#: It sends through the gateway, and reads no settings.
HARVEST = "smart-region-harvest"
ASSESSOR = "smart-region-assessor"
#: What does not use Kafka.
WITHOUT_KAFKA = (ASSESSOR, HARVEST)
#: What has HAProxy in its pods.
FRONTED = ("gateway", "page")
#: The Service for producers, and the policy that admits them.
EVENTS, FROM_PRODUCERS = "smart-region-events", "gateway-from-producers"
#: Where a process of ours listens on its pod's address, by its command; docs/settings.md.
PORTS = {
    "worker": {"http": 6066},
    "assessor": {"http": 6067},
    "gateway": {"probes": 6071},
    "page": {"http": 6072},
}
#: Which of its ports is asked how it is, and scraped.
PROBED = {"worker": "http", "assessor": "http", "gateway": "probes", "page": "http"}

DOCKERFILE = (ROOT / "deploy/docker/Dockerfile").read_text(encoding="utf-8")

every_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
every_production = pytest.mark.parametrize("overlay", PRODUCTION)


def of_kind(overlay: str, *kinds: str) -> list[Manifest]:
    return [manifest for manifest in built(overlay) if manifest["kind"] in kinds]


def ours(overlay: str) -> list[tuple[str, Mapping[str, Any]]]:
    return [(owner, it) for owner, it in containers(built(overlay)) if it["name"] == NAME]


def fronts(overlay: str) -> dict[str, Mapping[str, Any]]:
    found = containers(built(overlay))
    return {owner.removeprefix(f"{NAME}-"): it for owner, it in found if it["name"] == "haproxy"}


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return selector.items() <= labels.items()


def chooses(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    for it in selector.get("matchExpressions", ()):
        assert it["operator"] in {"In", "NotIn"}
        if (labels.get(it["key"]) in it["values"]) != (it["operator"] == "In"):
            return False
    return selects(selector.get("matchLabels", {}), labels)


def pod_labels(overlay: str) -> dict[str, Mapping[str, str]]:
    return {
        name: template["metadata"]["labels"] for name, template in pod_templates(built(overlay))
    }


def secrets_of(pod: Mapping[str, Any]) -> dict[str, str]:
    volumes = pod.get("volumes", ())
    return {it["name"]: it["secret"]["secretName"] for it in volumes if "secret" in it}


def secret_of(overlay: str, owner: str, file: str) -> str:
    container, pod = dict(ours(overlay))[owner], dict(pod_specs(built(overlay)))[owner]
    mounts = {it["mountPath"]: it["name"] for it in container["volumeMounts"]}
    return secrets_of(pod)[mounts[str(Path(file).parent)]]


@pytest.mark.slow
@every_overlay
def test_every_pod_is_of_the_restricted_kind_and_in_the_one_namespace(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [it for it in built(overlay) if it["kind"] != "Namespace"]
    assert {it["metadata"].get("namespace") for it in others} == {namespace["metadata"]["name"]}
    for _, pod in pod_specs(built(overlay)):
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        # A Service's variables would be read as settings: SMART_REGION_GATEWAY_PORT, KAFKA_PORT.
        assert pod["enableServiceLinks"] is False
        assert pod["automountServiceAccountToken"] is False
        kinds = {kind for volume in pod.get("volumes", ()) for kind in volume} - {"name"}
        assert kinds <= {"secret", "emptyDir", "configMap", "persistentVolumeClaim"}
    for _, container in containers(built(overlay)):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert "privileged" not in security
        # The processor has no limit, which would only make heartbeats late.
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"].keys() == {"memory"}
        assert not any("hostPort" in port for port in container.get("ports", ()))


@pytest.mark.slow
@every_overlay
def test_nothing_of_ours_can_be_written_to(overlay: str) -> None:
    pods = dict(pod_specs(built(overlay)))
    for owner, container in containers(built(overlay)):
        if owner == "kafka":  # The try-out's, whose start script writes beside the program.
            continue
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        volumes = {volume["name"]: volume for volume in pods[owner].get("volumes", ())}
        for mount in container.get("volumeMounts", ()):
            if mount.get("readOnly"):
                continue
            volume = volumes[mount["name"]]
            if owner == HARVEST:
                claim = one(built(overlay), "PersistentVolumeClaim", HARVEST)["spec"]
                assert volume["persistentVolumeClaim"] == {"claimName": HARVEST}
                assert claim["resources"]["requests"].keys() == {"storage"}
            else:
                assert volume["emptyDir"].keys() == {"sizeLimit"}


@every_overlay
def test_images_have_the_versions_that_compose_has(overlay: str) -> None:
    lines = (ROOT / "deploy/.env.example").read_text(encoding="utf-8").splitlines()
    versions = dict(line.split("=", 1) for line in lines if line[:1].isalpha())
    images = {it["image"].rpartition("/")[2] for _, it in containers(built(overlay))}
    tags = dict(it.split(":") for it in images)
    assert len(tags) == len(images)
    assert tags.pop(NAME) == versions["MONITOR_VERSION"]
    assert tags.pop("haproxy") == versions["HAPROXY_VERSION"]
    assert tags in ({}, {"kafka": versions["KAFKA_VERSION"]})


@every_overlay
def test_what_runs_for_long_is_asked_how_it_is(overlay: str) -> None:
    """It is started anew where it does not live, and only then: not while it is not ready."""
    jobs = {job["metadata"]["name"] for job in of_kind(overlay, "Job", "CronJob")}
    for owner, container in containers(built(overlay)):
        if owner in jobs:
            continue
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
        if container["name"] == "haproxy":
            # Whether it listens: a request of a probe would wait among those of strangers.
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["tcpSocket"] == {"port": "haproxy"}
        if container["name"] == NAME:
            how = {"port": PROBED[container["args"][0]]}
            assert container["startupProbe"]["httpGet"] == {"path": "/healthz", **how}
            assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", **how}
            assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", **how}


@every_overlay
def test_every_process_can_read_its_settings(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, container in ours(overlay):
        if owner == HARVEST:
            assert not any("SMART_REGION" in it for it in environment(built(overlay), container))
            continue
        (command, *_) = container["args"]
        # The image's own, which no manifest repeats.
        given = dict(re.findall(r"(SMART_REGION_\w+)=(\S+)", DOCKERFILE))
        for name in [name for name in os.environ if name.startswith("SMART_REGION_")]:
            monkeypatch.delenv(name)
        for name, value in (given | environment(built(overlay), container)).items():
            monkeypatch.setenv(name, value)
        settings, served = load_settings(), load_gateway_settings()
        shown = load_page_settings()
        assert settings.broker == served.broker != "127.0.0.1:9092"
        listening = {
            "worker": {"http": settings.http_port},
            "assessor": {"http": settings.assessor_port},
            "gateway": {"probes": served.gateway_probe_port},
            "page": {"http": shown.page_port},
        }
        if command in PORTS:
            assert listening[command] == PORTS[command]
            assert {it["name"]: it["containerPort"] for it in container["ports"]} == PORTS[command]
        # Nothing but HAProxy, in its own pod, reaches the gateway.
        assert (served.gateway_host, served.gateway_port) == ("127.0.0.1", 6070)


@every_overlay
def test_secrets_are_files_that_are_closed_to_others(overlay: str) -> None:
    for _, pod in pod_specs(built(overlay)):
        volumes = [volume["secret"] for volume in pod.get("volumes", ()) if "secret" in volume]
        assert {volume["defaultMode"] for volume in volumes} <= {0o440}
        assert not volumes or pod["securityContext"]["fsGroup"]
    for _, container in containers(built(overlay)):
        assert all("value" in variable for variable in container.get("env", ()))


@every_overlay
def test_nothing_goes_in_or_out_that_is_not_named(overlay: str) -> None:
    policies = {it["metadata"]["name"]: it["spec"] for it in of_kind(overlay, "NetworkPolicy")}
    assert policies.pop("deny-all") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    policies.pop(FROM_PRODUCERS, None)
    for policy in policies.values():
        for rule in (*policy.get("ingress", ()), *policy.get("egress", ())):
            assert rule["ports"]
            peers = rule.get("from", rule.get("to"))
            assert peers
            assert all(peer.get("namespaceSelector") != {} for peer in peers)


@every_overlay
def test_every_process_reaches_kafka_and_names(overlay: str) -> None:
    """Closed is not shut: names for all, and Kafka for all that use it."""
    kafka = one(built(overlay), "NetworkPolicy", "to-kafka")["spec"]["podSelector"]
    out = [it["spec"] for it in of_kind(overlay, "NetworkPolicy") if it["spec"].get("egress")]
    for name, labels in pod_labels(overlay).items():
        if labels["app.kubernetes.io/name"] == NAME:
            ways = [it for it in out if chooses(it["podSelector"], labels)]
            own = name in (AUDIT, NOTE, HARVEST, *(f"{NAME}-{one}" for one in ASKING))
            assert chooses(kafka, labels) == (name not in WITHOUT_KAFKA), name
            assert len(ways) == 1 + chooses(kafka, labels) + own, name


@every_overlay
def test_services_stay_inside(overlay: str) -> None:
    """But that of HAProxy none opens a port to others; each leads to pods that there are."""
    for service in of_kind(overlay, "Service"):
        spec = service["spec"]
        assert spec.get("type", "ClusterIP") == "ClusterIP" or service["metadata"]["name"] == EVENTS
        assert any(selects(spec["selector"], labels) for labels in pod_labels(overlay).values())


@every_production
def test_producers_come_to_haproxy_and_no_further(overlay: str) -> None:
    manifests = built(overlay)
    haproxy, pod = fronts(overlay)["gateway"], dict(pod_specs(manifests))["smart-region-gateway"]
    given = environment(manifests, haproxy)
    events = one(manifests, "Service", EVENTS)["spec"]
    policy = one(manifests, "NetworkPolicy", FROM_PRODUCERS)["spec"]
    (volume,) = (it["secret"] for it in pod["volumes"] if it["name"] == "tls")
    ports = {it["name"]: it["containerPort"] for it in haproxy["ports"]}
    (certificate,) = (it["path"] for it in volume["items"] if it["key"] == "tls.crt")
    (key,) = (it["path"] for it in volume["items"] if it["key"] == "tls.key")
    mounts = {it["name"]: it["mountPath"] for it in haproxy["volumeMounts"]}

    assert (events["type"], events["externalTrafficPolicy"]) == ("LoadBalancer", "Local")
    assert [(it["port"], it["targetPort"]) for it in events["ports"]] == [(443, "https")]
    assert selects(events["selector"], pod_labels(overlay)["smart-region-gateway"])
    assert selects(policy["podSelector"]["matchLabels"], events["selector"])
    assert policy["ingress"] == [{"ports": [{"protocol": "TCP", "port": "https"}]}]
    assert given["BIND"] == f":{ports['https']}"
    assert given["BIND_OPTIONS"].startswith(f"ssl crt {mounts['tls']}/{certificate} ")
    # HAProxy looks for a certificate's key under this name.
    assert key == f"{certificate}.key"


@every_overlay
@pytest.mark.parametrize("name", FRONTED)
def test_strangers_come_through_haproxy(overlay: str, name: str) -> None:
    manifests = built(overlay)
    haproxy, program = fronts(overlay)[name], dict(ours(overlay))[f"{NAME}-{name}"]
    given, settings = environment(manifests, haproxy), environment(manifests, program)
    service = one(manifests, "Service", f"{NAME}-{name}")["spec"]
    (port,) = (it["containerPort"] for it in haproxy["ports"] if it["name"] == "haproxy")
    (inside,) = (it for it in service["ports"] if it["targetPort"] == "haproxy")

    assert given.get("INSIDE_BIND", given["BIND"]) == f":{port}"
    assert given[name.upper()] == f"127.0.0.1:{inside['port']}"
    assert "haproxy" not in {it["name"] for it in program["ports"]}
    if name == "gateway":
        folder = settings["SMART_REGION_GATEWAY_HAPROXY"]
        assert folder == given["RUN"]
        for container in (haproxy, program):
            assert {"name": "tokens", "mountPath": folder} in container["volumeMounts"]


@every_production
def test_prometheus_finds_every_process(overlay: str) -> None:
    services = [it for it in of_kind(overlay, "Service") if "labels" in it["metadata"]]
    components = set()
    for monitor in of_kind(overlay, "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"]
        (service,) = [it for it in services if selects(wanted, it["metadata"]["labels"])]
        (endpoint,) = monitor["spec"]["endpoints"]
        component = wanted["app.kubernetes.io/component"]
        assert endpoint["port"] == PROBED[component]
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
        components.add(component)
    assert components == PORTS.keys()


@every_production
def test_prometheus_shows_the_token_that_is_asked_for(overlay: str) -> None:
    for owner, container in ours(overlay):
        if owner == HARVEST:
            continue
        file = environment(built(overlay), container)["SMART_REGION_METRICS_TOKEN_FILE"]
        secret = secret_of(overlay, owner, file)
        if owner in (AUDIT, NOTE):
            assert secret == "smart-region-metrics"  # noqa: S105 - a Secret's name
            continue
        (endpoint,) = one(built(overlay), "ServiceMonitor", owner)["spec"]["endpoints"]
        credentials = {"name": secret, "key": Path(file).name}
        assert endpoint["authorization"] == {"type": "Bearer", "credentials": credentials}


@every_production
def test_prometheus_is_let_in_to_every_process(overlay: str) -> None:
    policy = one(built(overlay), "NetworkPolicy", "from-prometheus")["spec"]
    for labels in pod_labels(overlay).values():
        assert selects(policy["podSelector"]["matchLabels"], labels)
    (rule,) = policy["ingress"]
    assert {it["port"] for it in rule["ports"]} == set(PROBED.values())


@pytest.mark.parametrize("who", [AUDIT, *(f"{NAME}-{it}" for it in ASKING)])
@every_overlay
def test_every_worker_is_reached(overlay: str, who: str) -> None:
    """By every address of their Service, with a token that Prometheus does not have."""
    manifests, labels = built(overlay), pod_labels(overlay)
    templates = dict(ours(overlay))
    asks, answers = (environment(manifests, templates[it]) for it in (who, f"{NAME}-worker"))
    if who == AUDIT:
        workers = templates[who]["args"][-1].partition("=")[2]
    else:
        workers = asks["SMART_REGION_WORKERS"]
    assert workers.startswith("dns+http://")
    workers = workers.removeprefix("dns+")
    address, own, worker = urlsplit(workers), labels[who], labels[f"{NAME}-worker"]
    service = one(manifests, "Service", str(address.hostname))["spec"]
    assert service["clusterIP"] == "None"
    # Whoever is not ready says what it waits for.
    assert service["publishNotReadyAddresses"]
    assert selects(service["selector"], worker)
    assert address.port == PORTS["worker"]["http"]
    token = "SMART_REGION_HISTORIES_TOKEN_FILE"  # noqa: S105 - a setting's name
    assert asks[token] == answers[token]

    out = one(manifests, "NetworkPolicy", "to-workers")["spec"]
    into = one(manifests, "NetworkPolicy", "workers-from-readers")["spec"]
    assert chooses(out["podSelector"], own)
    assert chooses(into["podSelector"], worker)
    ((to,), (by,)) = (out["egress"][0]["to"], into["ingress"][0]["from"])
    assert chooses(to["podSelector"], worker)
    assert chooses(by["podSelector"], own)
    for rule in (out["egress"][0], into["ingress"][0]):
        assert rule["ports"] == [{"protocol": "TCP", "port": PORTS["worker"]["http"]}]


@every_overlay
def test_an_audit_has_room_for_its_work(overlay: str) -> None:
    container, pod = dict(ours(overlay))[AUDIT], dict(pod_specs(built(overlay)))[AUDIT]
    given = environment(built(overlay), container)
    (mount,) = (it for it in container["volumeMounts"] if not it.get("readOnly"))
    (volume,) = (it for it in pod["volumes"] if it["name"] == mount["name"])
    assert given["SMART_REGION_WORK_FOLDER"] == mount["mountPath"]
    room = re.fullmatch(r"(\d+)Gi", volume["emptyDir"]["sizeLimit"])
    assert room
    assert int(room[1]) * 1024 > int(given["SMART_REGION_WORK_MB"])


@every_overlay
def test_a_job_waits_to_be_asked_for_and_is_not_repeated(overlay: str) -> None:
    """One that does not end is ended before its next run, which would otherwise not begin."""
    jobs = {it["metadata"]["name"]: it["spec"] for it in of_kind(overlay, "CronJob")}
    assert jobs.keys() == {AUDIT, NOTE, HARVEST}
    for job in jobs.values():
        run = job["jobTemplate"]["spec"]
        assert (job["suspend"], run["backoffLimit"]) == (True, 0)
        assert 3600 <= run["activeDeadlineSeconds"] < 24 * 3600


@every_overlay
def test_a_note_is_mailed_each_month_to_its_contacts(overlay: str) -> None:
    command, mail, contacts = dict(ours(overlay))[NOTE]["args"]
    (rule,) = one(built(overlay), "NetworkPolicy", "note-to-mail")["spec"]["egress"]
    day = one(built(overlay), "CronJob", NOTE)["spec"]["schedule"].split()[2]

    assert day == "2"
    assert (command, mail) == ("note", "--mail")
    assert secret_of(overlay, NOTE, contacts.partition("=")[2]) == NOTE
    assert [it["port"] for it in rule["ports"]] == [587, 465]


@every_overlay
def test_a_harvest_goes_through_the_gateway(overlay: str) -> None:
    manifests, labels = built(overlay), pod_labels(overlay)
    container, pod = dict(ours(overlay))[HARVEST], dict(pod_specs(manifests))[HARVEST]
    options = dict(it.partition("=")[::2] for it in container["args"][3:])
    mounts = {it["mountPath"]: it["name"] for it in container["volumeMounts"]}
    gateway = urlsplit(options["--gateway"])
    service = one(manifests, "Service", str(gateway.hostname))["spec"]
    (target,) = (it["targetPort"] for it in service["ports"] if it["port"] == gateway.port)
    ports = {it["name"]: it["containerPort"] for it in fronts(overlay)["gateway"]["ports"]}
    (web, inside) = one(manifests, "NetworkPolicy", "harvest-to-portal")["spec"]["egress"]
    into = one(manifests, "NetworkPolicy", "gateway-from-harvest")["spec"]["ingress"][0]

    assert one(manifests, "CronJob", HARVEST)["spec"]["concurrencyPolicy"] == "Forbid"
    assert secret_of(overlay, HARVEST, options["--secret"]) == HARVEST
    (claim,) = (it["persistentVolumeClaim"] for it in pod["volumes"] if it["name"] == "state")
    assert mounts[str(Path(options["--state"]).parent)] == "state"
    assert one(manifests, "PersistentVolumeClaim", claim["claimName"])
    assert gateway.scheme == "http"
    assert "--plain-http" in options
    for rule, peers in ((inside, inside["to"]), (into, into["from"])):
        assert rule["ports"] == [{"protocol": "TCP", "port": ports[target]}]
        who = "smart-region-gateway" if rule is inside else HARVEST
        assert selects(peers[0]["podSelector"]["matchLabels"], labels[who])
    assert [it["port"] for it in web["ports"]] == [443, 80]
    closed = set(web["to"][0]["ipBlock"]["except"])
    assert {"10.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16"} <= closed


@every_production
def test_what_there_are_several_of_is_never_lost_at_once(overlay: str) -> None:
    budgets = [it["spec"] for it in of_kind(overlay, "PodDisruptionBudget")]
    for deployment in of_kind(overlay, "Deployment"):
        if deployment["spec"].get("replicas") == 1:
            continue
        template = deployment["spec"]["template"]
        labels = template["metadata"]["labels"]
        (budget,) = [it for it in budgets if selects(it["selector"]["matchLabels"], labels)]
        assert budget["maxUnavailable"] == 1
        spread = {it["topologyKey"]: it for it in template["spec"]["topologySpreadConstraints"]}
        assert spread["kubernetes.io/hostname"]["whenUnsatisfiable"] == "DoNotSchedule"
        # A machine that is gone must not hold its place against those who replace it.
        assert all(it["nodeTaintsPolicy"] == "Honor" for it in spread.values())
        assert all(selects(it["labelSelector"]["matchLabels"], labels) for it in spread.values())


@every_overlay
def test_everything_has_the_time_to_end(overlay: str) -> None:
    pods = dict(pod_specs(built(overlay)))
    assert pods["smart-region-worker"]["terminationGracePeriodSeconds"] > STOP_SECONDS
    gateway = pods["smart-region-gateway"]
    pauses = {
        it["name"]: it["lifecycle"]["preStop"]["sleep"]["seconds"] for it in gateway["containers"]
    }
    stop = load_gateway_settings().gateway_stop_timeout
    assert gateway["terminationGracePeriodSeconds"] > pauses[NAME] + stop
    # HAProxy stops first: what it still passes on is answered.
    assert 0 < pauses["haproxy"] < pauses[NAME]


@every_production
def test_topics_are_those_that_the_processes_ask_for(overlay: str) -> None:
    """A worker refuses topics with other numbers than its settings have."""
    settings = environment(built(overlay), ours(overlay)[0][1])
    specs = [it["spec"] for it in of_kind(overlay, "KafkaTopic")]
    assert {str(spec["replicas"]) for spec in specs} == {settings["SMART_REGION_REPLICATION"]}
    partitions = {str(spec["partitions"]) for spec in specs}
    assert partitions == {settings["SMART_REGION_PARTITIONS"], "1"}


@every_production
def test_every_process_is_a_user_of_its_own(overlay: str) -> None:
    users = {it["metadata"]["name"] for it in of_kind(overlay, "KafkaUser")}
    pods = dict(pod_specs(built(overlay)))
    for owner, container in ours(overlay):
        if owner in WITHOUT_KAFKA:
            continue
        name = environment(built(overlay), container)["SMART_REGION_SASL_USERNAME"]
        assert name == secrets_of(pods[owner])["kafka-user"]
        assert name == ("smart-region-reader" if owner in (AUDIT, NOTE) else owner)
        assert name in users


@every_overlay
def test_secrets_that_are_made_by_hand_are_reported(overlay: str) -> None:
    page = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
    made = {it["metadata"]["name"] for it in of_kind(overlay, "KafkaUser", "Secret")}
    for _, pod in pod_specs(built(overlay)):
        for name in secrets_of(pod).values():
            assert name in made or name in page, name


def test_the_page_has_commands_and_jobs_that_there_are(tmp_path: Path) -> None:
    page = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
    jobs = {it["metadata"]["name"] for it in of_kind("production", "CronJob")}
    named = re.findall(r"(?:patch cronjob |--from=cronjob/)([\w-]+)", page)
    assert set(named) == jobs
    lines = re.findall(r"^smart-region (kubernetes .*)$", page, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        words = [*line.split(), "--out", str(tmp_path)]
        if "monitoring" in words:
            words += ["--boards-dir", str(tmp_path)]
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
    assert "lycees" in (tmp_path / "users.yaml").read_text(encoding="utf-8")


def test_another_command_runs_in_a_copy_of_the_audit() -> None:
    """The commands as printed, without those that need a cluster."""
    page = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
    found = re.search(r"  (sed 's/smart-region-reader.*?) \|\n  kubectl apply", page, re.DOTALL)
    audit = one(built("production"), "CronJob", AUDIT)["spec"]["jobTemplate"]
    job = {"apiVersion": "batch/v1", "kind": "Job", **audit}
    assert found is not None
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not there to change a resource with")
    done = subprocess.run(
        ["bash", "-c", found[1]],
        input=yaml.safe_dump(job),
        capture_output=True,
        text=True,
        check=True,
    )
    spec = yaml.safe_load(done.stdout)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["args"][:2] == ["topics", "accept-loss"]
    assert {"name": "SMART_REGION_SASL_USERNAME", "value": CLERK} in container["env"]
    assert CLERK in {it["secret"]["secretName"] for it in spec["volumes"] if "secret" in it}


@every_production
def test_no_config_map_is_larger_than_a_client_can_apply(overlay: str) -> None:
    """`kubectl apply` writes a copy into an annotation, which may have 256 KiB."""
    for config_map in of_kind(overlay, "ConfigMap"):
        assert len(json.dumps(config_map).encode()) < 262_144


def test_keda_has_as_many_workers_as_there_is_work_for() -> None:
    manifests = built("production-scaled")
    assert "replicas" not in one(manifests, "Deployment", "smart-region-worker")["spec"]
    scaled = one(manifests, "ScaledObject", "smart-region-worker")["spec"]
    settings = environment(manifests, dict(containers(manifests))["smart-region-worker"])
    assert scaled["minReplicaCount"] == 2
    assert str(scaled["maxReplicaCount"]) == settings["SMART_REGION_PARTITIONS"]
    (trigger,) = scaled["triggers"]
    assert trigger["metadata"]["bootstrapServers"] == settings["SMART_REGION_BROKER"]
    assert trigger["metadata"]["consumerGroup"] == load_settings().app_id

    # It sees no record: it is the observer, whose rights are to describe.
    authentication = one(manifests, "TriggerAuthentication", "smart-region-observer")["spec"]
    (name,) = authentication["configMapTargetRef"]
    user = one(manifests, "ConfigMap", name["name"])["data"][name["key"]]
    rules = one(manifests, "KafkaUser", user)["spec"]["authorization"]["acls"]
    assert {operation for rule in rules for operation in rule["operations"]} == {"Describe"}
