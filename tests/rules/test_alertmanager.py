"""Who hears of each alert, what silences what, and what messages say: on the real tools."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue.contacts import Contact, Contacts
from catalogue.loader import load_catalogue
from dashboards.conventions import MONITOR
from dashboards.rules.alerts import AlertKind, Rule, alert_kinds
from dashboards.rules.render import render, rule_documents, write
from dashboards.rules.site import PACES, MonitorSite
from tests.support.golden import check_golden
from tests.support.prometheus import Alertmanager, Monitoring, amtool, promtool, require_prometheus
from tests.support.waiting import wait_until
from tests.support.webhooks import Webhook

CATALOGUE = load_catalogue(Path(__file__).parent / "catalogue")
KINDS = alert_kinds()
ALERTS = [
    rule
    for document in rule_documents(CATALOGUE, MonitorSite()).values()
    for rule in document["groups"][0]["rules"]
    if "alert" in rule
]
HEARERS = {
    "MilestoneMissed": "delegate,owner-{programme}",
    "MilestoneAtRisk": "delegate,owner-{programme}",
    "TargetLost": "delegate,owner-{programme}",
    "MilestoneUnexplained": "delegate,owner-{programme}",
    "IndicatorUnreported": "delegate,owner-{programme}",
    "ReportDueSoon": "reminder-{programme}",
    "ProducerSilent": "operator,owner-{programme}",
    "ProducerFaulty": "operator,owner-{programme}",
    "Watchdog": "watchdog",
}


def described(alert: Rule) -> str:
    labels = ("programme", "indicator", "check")
    return "-".join((alert["alert"], *(alert["labels"].get(one, "") for one in labels)))


def test_the_tools_take_what_is_shipped(tmp_path: Path) -> None:
    require_prometheus()
    for name, pace in PACES.items():
        folder = tmp_path / name
        write(render(load_catalogue(), MonitorSite(pace=pace)), folder)
        output = promtool("check", "config", folder / "prometheus" / "prometheus.yaml")
        assert output.count("rules found") == 4
        amtool("check-config", folder / "alertmanager" / "alertmanager.yaml")


def test_the_tools_take_every_kind_of_contact(tmp_path: Path) -> None:
    require_prometheus()
    everything = Contact(
        mail=("a@example.org", "b@example.org"),
        chat_url_file=Path("/run/secrets/chat"),
        webhook="https://pager.example.org/hook",
        webhook_token_file=Path("/run/secrets/token"),
    )
    contacts = Contacts(
        delegate=everything,
        operator=everything,
        owners={"lycees": everything},
        producers={"formation": everything},
        watchdog=everything,
    )
    assert write(render(CATALOGUE, MonitorSite(contacts=contacts)), tmp_path) == ()


@pytest.mark.parametrize("alert", ALERTS, ids=described)
def test_an_alert_reaches_its_readers(rendered: Path, alert: Rule) -> None:
    """The delegate and the owner hear of figures, the operator of the monitor."""
    name, labels = alert["alert"], alert["labels"]
    receiver = "operator" if labels["programme"] == MONITOR else HEARERS.get(name, "operator")
    hearers = HEARERS["Watchdog"] if name == "Watchdog" else receiver.format(**labels)
    amtool(
        "config",
        "routes",
        "test",
        f"--config.file={rendered / 'alertmanager' / 'alertmanager.yaml'}",
        f"--verify.receivers={hearers}",
        f"alertname={name}",
        *(f"{label}={value}" for label, value in labels.items()),
    )


def test_a_producer_with_a_contact_is_reminded_itself(tmp_path: Path) -> None:
    """And nobody hears that a reminder ended: its day may have passed."""
    require_prometheus()
    contacts = Contacts(producers={"suivi": Contact(mail=("suivi@example.org",))})
    write(render(CATALOGUE, MonitorSite(contacts=contacts)), tmp_path)
    config = tmp_path / "alertmanager" / "alertmanager.yaml"
    reminder = ("scope=producers", "severity=info", "programme=lycees")
    for producer, receiver in (("suivi", "producer-suivi"), ("autre", "reminder-lycees")):
        test = ("config", "routes", "test", f"--config.file={config}")
        amtool(*test, f"--verify.receivers={receiver}", *reminder, f"producer={producer}")
    receivers = yaml.safe_load(config.read_text(encoding="utf-8"))["receivers"]
    resolved = {
        one["name"]: mail["send_resolved"]
        for one in receivers
        for mail in one.get("email_configs", ())
    }
    assert resolved["owner-lycees"]
    assert not resolved["reminder-lycees"] | resolved["producer-suivi"]


def test_an_alert_that_nobody_thought_of_reaches_the_operator(rendered: Path) -> None:
    config = f"--config.file={rendered / 'alertmanager' / 'alertmanager.yaml'}"
    test = ("config", "routes", "test", config)
    amtool(*test, "--verify.receivers=operator", "alertname=Unknown")
    labels = ("scope=figures", "programme=cantines")
    amtool(*test, "--verify.receivers=delegate,operator", "alertname=MilestoneMissed", *labels)


# What silences what, on a real Alertmanager

LABELS = {
    "ReportDueSoon": {"programme": "lycees", "indicator": "i", "producer": "p"},
    "MilestoneMissed": {"programme": "lycees", "indicator": "i", "milestone": "m"},
    "ProducerSilent": {"programme": "lycees", "producer": "p"},
    "ProducerFaulty": {"programme": "lycees", "producer": "p"},
}


def posted(kind: AlertKind, **labels: str) -> dict[str, Any]:
    own = {"severity": kind.severity.value, "scope": kind.scope.value}
    if kind.silences_figures:
        own["silences"] = "figures"
    ends = datetime.now(UTC) + timedelta(minutes=5)
    return {
        "labels": {"alertname": kind.name, **own, **LABELS.get(kind.name, {}), **labels},
        "annotations": {
            "summary": f"{kind.name} se déclenche",
            "description": "Voilà pourquoi.",
            "programme_title": "Lycées numériques",
            "runbook_url": f"docs/runbooks/{kind.name}.md",
            "dashboard_url": "http://localhost:3000/d/uid",
        },
        "endsAt": ends.isoformat(),
    }


def test_a_sick_pipeline_alone_silences_figures(monitoring: Monitoring, rendered: Path) -> None:
    """Each alert that says so inhibits those about figures and producers, and no other does."""
    alertmanager = monitoring.alertmanager(rendered / "alertmanager" / "alertmanager.yaml")
    alertmanager.post([posted(kind) for kind in KINDS if not kind.silences_figures])
    expected = {kind.name for kind in KINDS if kind.scope in ("figures", "producers")}
    for sick in (kind for kind in KINDS if kind.silences_figures):
        alertmanager.post([posted(sick)])
        assert wait_until(lambda: inhibited(alertmanager) == expected, seconds=20), sick.name
        alertmanager.post([ended(posted(sick))])
        assert wait_until(lambda: not inhibited(alertmanager), seconds=20), sick.name


def inhibited(alertmanager: Alertmanager) -> set[str]:
    return {
        alert["labels"]["alertname"]
        for alert in alertmanager.alerts()
        if alert["status"]["inhibitedBy"]
    }


# What messages say


GOLDEN = Path(__file__).parent / "messages"
TEMPLATES = (
    "alert.subject",
    "digest.subject",
    "chat.title",
    "chat.link",
    "chat.text",
    "mail.text",
    "mail.html",
)


def message(rendered: Path, template: str, data: dict[str, Any], tmp_path: Path) -> str:
    file = tmp_path / "data.json"
    file.write_text(json.dumps(data))
    return amtool(
        "template",
        "render",
        f"--template.glob={rendered / 'alertmanager' / 'templates'}/*.tmpl",
        f'--template.text={{{{ template "smart-region.{template}" . }}}}',
        f"--template.data={file}",
        *(["--template.type=html"] if template.endswith("html") else []),
    )


def group(*summaries: str, ended: str | None = None, **labels: str) -> dict[str, Any]:
    alerts = [("firing", summary) for summary in summaries]
    if ended is not None:
        alerts.append(("resolved", ended))
    return {
        "receiver": "owner-lycees",
        "status": alerts[0][0],
        "alerts": [
            {
                "status": status,
                "labels": {"alertname": "MilestoneMissed", "severity": "critical"},
                "annotations": {
                    "summary": summary,
                    "description": "98,7\u00a0% pour une cible de 100,0\u00a0%.",
                    "programme_title": "Lycées numériques",
                    "runbook_url": "docs/runbooks/MilestoneMissed.md",
                    "dashboard_url": "http://localhost:3000/d/uid",
                },
                "startsAt": "2021-01-02T03:04:05Z",
            }
            for status, summary in alerts
        ],
        "groupLabels": {"programme": "lycees"},
        "commonLabels": {"alertname": "MilestoneMissed", "severity": "critical"} | labels,
        "commonAnnotations": {"programme_title": "Lycées numériques"},
        "externalURL": "http://alertmanager:9093",
    }


ONE, TWO, DONE = (
    f"{place} : jalon manqué" for place in ("Seine-et-Marne (77)", "Paris (75)", "Essonne (91)")
)
PROMISE = {"indicator": "schools_connected_ratio", "milestone": "all"}
HOSTILE = "Le système <script> <!channel> n’envoie plus rien"


@pytest.mark.parametrize(
    ("name", "alerts"),
    [
        ("one", group(ONE)),
        ("ended", group(ended=DONE)),
        ("several", group(ONE, TWO, ended=DONE)),
        ("of_one_promise", group(*(f"{it}, « Tous connectés »" for it in ("77", "75")), **PROMISE)),
        ("hostile", group(HOSTILE, ended="R&D : jalon manqué")),
    ],
)
def test_messages_are_as_they_were_read(
    rendered: Path, tmp_path: Path, name: str, alerts: dict[str, Any]
) -> None:
    texts = (f"{one}:\n{message(rendered, one, alerts, tmp_path).strip()}\n" for one in TEMPLATES)
    check_golden(GOLDEN / f"{name}.txt", "\n".join(texts))


def test_what_alerts_say_is_no_markup(rendered: Path, tmp_path: Path) -> None:
    """A source is a producer's own word: it begins no tag and no link, and calls nobody."""
    html, title, text = (
        message(rendered, one, group(HOSTILE), tmp_path)
        for one in ("mail.html", "chat.title", "chat.text")
    )
    assert "<script>" not in html
    assert "<!" not in title + text


@pytest.mark.parametrize(
    "name", sorted({one["alert"] for one in ALERTS if one["labels"]["scope"] != "pipeline"})
)
def test_what_the_delegate_receives_has_a_french_subject(
    rendered: Path, tmp_path: Path, name: str
) -> None:
    """Of several alerts of one name, too: the name itself is English."""
    several = group(ONE, TWO, alertname=name)
    for template in ("alert.subject", "chat.title"):
        assert name not in message(rendered, template, several, tmp_path)


def kind_of(name: str) -> AlertKind:
    return next(kind for kind in KINDS if kind.name == name)


def ended(alert: dict[str, Any]) -> dict[str, Any]:
    return alert | {"endsAt": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()}


def live(
    monitoring: Monitoring, folder: Path, *, owner: Contact, operator: Contact | None = None
) -> Alertmanager:
    contacts = Contacts(
        owners={"lycees": owner}, operator=operator or Contact(), delegate=Contact()
    )
    site = MonitorSite(pace=PACES["live"], contacts=contacts)
    write(render(CATALOGUE, site), folder)
    return monitoring.alertmanager(folder / "alertmanager" / "alertmanager.yaml")


def test_an_owner_hears_at_once_by_webhook_and_chat(
    monitoring: Monitoring, tmp_path: Path, webhook: Webhook
) -> None:
    chat = tmp_path / "chat-url"
    chat.write_text(f"{webhook.url}/chat")
    owner = Contact(webhook=f"{webhook.url}/owner", chat_url_file=chat)
    alertmanager = live(monitoring, tmp_path / "deploy", owner=owner)
    alert = posted(kind_of("MilestoneMissed"))

    alertmanager.post([alert])
    assert wait_until(lambda: len(webhook.received) >= 2, seconds=20)
    by_path = dict(webhook.received)
    assert by_path["/owner"]["status"] == "firing"
    attachment = by_path["/chat"]["attachments"][0]
    assert attachment["title"] == "✖ MilestoneMissed se déclenche"
    assert "Voilà pourquoi." in attachment["text"]

    webhook.received.clear()
    alertmanager.post([ended(alert)])
    assert wait_until(lambda: len(webhook.received) >= 2, seconds=20)
    by_path = dict(webhook.received)
    assert by_path["/owner"]["status"] == "resolved"
    assert by_path["/chat"]["attachments"][0]["title"] == "✔ Terminé : MilestoneMissed se déclenche"


def test_no_resolution_is_sent_while_the_pipeline_is_unhealthy(
    monitoring: Monitoring, tmp_path: Path, webhook: Webhook
) -> None:
    """What ends only because nobody judges it any more has not ended."""
    alertmanager = live(
        monitoring,
        tmp_path / "deploy",
        owner=Contact(webhook=f"{webhook.url}/owner"),
        operator=Contact(webhook=f"{webhook.url}/operator"),
    )
    missed = posted(kind_of("MilestoneMissed"))

    def statuses_at(path: str) -> list[str]:
        return [body["status"] for where, body in webhook.received if where == path]

    def operator_received(count: int) -> bool:
        return wait_until(lambda: len(statuses_at("/operator")) == count, seconds=20)

    alertmanager.post([missed])
    assert wait_until(lambda: statuses_at("/owner") == ["firing"], seconds=20)
    alertmanager.post([posted(kind_of("AssessorNotReady"))])
    assert operator_received(1)
    alertmanager.post([ended(missed)])
    # Two messages of one group are a second apart: the owner's group had its turn meanwhile.
    for number in (2, 3):
        alertmanager.post([posted(kind_of("DeadLetters"), reason=f"reason-{number}")])
        assert operator_received(number)

    assert statuses_at("/owner") == ["firing"]
