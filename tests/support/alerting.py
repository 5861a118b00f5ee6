"""From an event to a notification: the generated rules on a Prometheus, and an Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from catalogue.contacts import Contact, Contacts
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from dashboards.conventions import ASSESSOR_JOB, WORKER_JOB
from dashboards.rules.render import render, write
from dashboards.rules.site import PACES, MonitorSite
from events.cloudevent import CloudEvent
from tests.support.histories import event, uai
from tests.support.prometheus import Monitoring, Prometheus
from tests.support.webhooks import Webhook
from tests.support.workers import Worker

#: The webhook's paths for the notifications of the programmes' owners and of the delegate.
OWNER, DELEGATE = "/owner", "/delegate"

PROGRAMME = """\
id: lycees
order: 1
title: Lycées numériques
promise: Des lycées connectés au très haut débit.
owner: Responsable du programme Lycées numériques
indicators:
  - id: schools_connected
    title: Lycées connectés
    definition: Lycées dont le lien est réceptionné.
    unit: count
    direction: rising
    grain: region
    measure: { count: school.connected, unless: school.disconnected }
    periodicity: irregular
    availability_delay_days: 15
    milestones:
"""
MILESTONE = """\
      - id: {id}
        target: {target}
        day: 2020-06-30
        source: Essai
"""

CONNECTED_ON, DISCONNECTED_ON = "2019-09-01", "2020-11-02"


class Notification(NamedTuple):
    """A notification of one alert, and when it arrived (on `time.monotonic()`'s clock)."""

    labels: Mapping[str, str]
    firing: bool
    moment: float

    @property
    def alert(self) -> str:
        return self.labels["alertname"]

    @property
    def milestone(self) -> str:
        return self.labels.get("milestone", "")


def promises(folder: Path, lycees: int) -> Path:
    """Write a catalogue with overdue milestones: one lycée connected, two, and so on.

    Once all are connected, each disconnected lycée makes one more milestone missed.
    """
    folder.mkdir()
    milestones = [
        MILESTONE.format(id=milestone_of(target), target=target) for target in range(1, lycees + 1)
    ]
    (folder / "lycees.yaml").write_text("".join([PROGRAMME, *milestones]), encoding="utf-8")
    return folder


def milestone_of(lycees: int) -> str:
    return f"connected_{lycees}"


def connected(number: int) -> CloudEvent:
    return event("school.connected", _lycee(number), CONNECTED_ON)


def disconnected(number: int) -> CloudEvent:
    return event("school.disconnected", _lycee(number), DISCONNECTED_ON)


def corrected(number: int) -> CloudEvent:
    """Return a later event of the school: it was never disconnected."""
    at = "2020-11-03T12:00:00"
    return event("school.disconnected", _lycee(number), DISCONNECTED_ON, at=at, retracted=True)


def followed(
    monitoring: Monitoring,
    folder: Path,
    catalogue: Path | None,
    *,
    workers: Sequence[Worker],
    assessor: Worker,
    webhook: Webhook,
) -> Prometheus:
    """Start a Prometheus on a catalogue's rules, and the Alertmanager that notifies the webhook."""
    promised = load_catalogue(catalogue)
    site = MonitorSite(pace=PACES["live"], contacts=_contacts(promised, webhook))
    write(render(promised, site), folder)
    alertmanager = monitoring.alertmanager(folder / "alertmanager" / "alertmanager.yaml")
    return monitoring.prometheus(
        targets={
            WORKER_JOB: [worker.address for worker in workers],
            ASSESSOR_JOB: [assessor.address],
        },
        rules=sorted((folder / "prometheus" / "rules").glob("*.yaml")),
        alertmanagers=[alertmanager.address],
    )


def notifications(webhook: Webhook, path: str = OWNER) -> Iterator[Notification]:
    """Yield all notifications about figures at a path, in order of arrival."""
    for (received_at, message), moment in zip(webhook.received, webhook.moments, strict=False):
        for alert in message["alerts"] if received_at == path else ():
            yield Notification(alert["labels"], alert["status"] == "firing", moment)


def _contacts(catalogue: Catalogue, webhook: Webhook) -> Contacts:
    owner, delegate = (Contact(webhook=webhook.url + path) for path in (OWNER, DELEGATE))
    programmes = [programme.id for programme in catalogue.programmes]
    return Contacts(delegate=delegate, operator=Contact(), owners=dict.fromkeys(programmes, owner))


def _lycee(number: int) -> str:
    return uai(f"0750{number:03}")
