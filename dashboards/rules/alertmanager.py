"""Alertmanager's configuration: who receives what, when, and what inhibits what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from catalogue.contacts import Contact, Contacts
from catalogue.model import Catalogue
from dashboards import conventions
from dashboards.rules.alerts import WATCHDOG, Scope, Severity
from dashboards.rules.model import duration
from dashboards.rules.pace import Pace

OPERATOR: Final = "operator"
DELEGATE: Final = "delegate"

_MORNING: Final = "morning"
_PARIS: Final = "Europe/Paris"
_HOUR: Final = 3600


def owner_receiver(programme: str) -> str:
    """Name the receiver of a programme's owner."""
    return f"owner-{programme}"


def alertmanager_document(catalogue: Catalogue, contacts: Contacts, pace: Pace) -> dict[str, Any]:
    """Return the content of `alertmanager.yaml`."""
    programmes = [programme.id for programme in catalogue.programmes]
    document: dict[str, Any] = {
        "global": _global(contacts),
        "templates": ["templates/*.tmpl"],
        "route": _root(programmes, pace),
        "inhibit_rules": _inhibitions(),
        "receivers": list(_receivers(programmes, contacts)),
    }
    if pace.digest_hour is not None:
        times = [
            {"start_time": f"{pace.digest_hour:02}:00", "end_time": f"{pace.digest_hour + 1:02}:00"}
        ]
        document["time_intervals"] = [
            {"name": _MORNING, "time_intervals": [{"times": times, "location": _PARIS}]}
        ]
    return document


def _global(contacts: Contacts) -> dict[str, Any]:
    mail = contacts.mail
    settings: dict[str, Any] = {
        "smtp_smarthost": mail.server,
        "smtp_from": mail.sender,
        "smtp_require_tls": mail.require_tls,
    }
    if mail.username is not None:
        settings["smtp_auth_username"] = mail.username
    if mail.password_file is not None:
        settings["smtp_auth_password_file"] = str(mail.password_file)
    return settings


def _root(programmes: list[str], pace: Pace) -> dict[str, Any]:
    """Return the root route: what no other route takes goes to the operator."""
    return {
        "receiver": OPERATOR,
        "group_by": ["alertname"],
        "group_wait": duration(pace.group_wait),
        "group_interval": duration(pace.group_interval),
        "repeat_interval": "12h",
        "routes": [
            # Sent again and again: it is the end of these messages that means something.
            {
                "receiver": WATCHDOG.name.lower(),
                "matchers": [f'alertname="{WATCHDOG.name}"'],
                "group_wait": "0s",
                "group_interval": "1m",
                "repeat_interval": "5m",
            },
            _page(),
            {"receiver": OPERATOR, "matchers": [f'{conventions.SCOPE}="{Scope.PIPELINE}"']},
            {
                "receiver": OPERATOR,
                "matchers": [f'{conventions.SCOPE}="{Scope.PRODUCERS}"'],
                "group_by": ["alertname", "producer"],
                "continue": True,
            },
            _digest(pace),
            _owners(programmes),
        ],
    }


def _page() -> dict[str, Any]:
    return {
        "receiver": OPERATOR,
        "matchers": [
            f'{conventions.SCOPE}="{Scope.PIPELINE}"',
            f'{conventions.SEVERITY}="{Severity.CRITICAL}"',
        ],
        "repeat_interval": "1h",
    }


def _digest(pace: Pace) -> dict[str, Any]:
    """Return the route of one message a day and programme: what fires that morning, new or not.

    The group's interval is somewhat less than an hour, so that one notification falls within the
    hour of the digest; outside it the route is muted. What has not changed is sent again the next
    day.
    """
    route: dict[str, Any] = {
        "receiver": DELEGATE,
        "matchers": [f'{conventions.SCOPE}="{Scope.FIGURES}"'],
        "group_by": [conventions.PROGRAMME],
        "group_wait": duration(pace.group_wait),
        "group_interval": duration(pace.digest_interval),
        "repeat_interval": "20h",
    }
    if pace.digest_hour is not None:
        route["active_time_intervals"] = [_MORNING]
    return route | {"continue": True}


def _owners(programmes: list[str]) -> dict[str, Any]:
    """Return the owners' routes: at once, and again before Alertmanager forgets (120 hours)."""
    return {
        "receiver": OPERATOR,
        "matchers": [
            f'{conventions.SCOPE}=~"{Scope.FIGURES}|{Scope.PRODUCERS}"',
            # A producer that serves no programme has no owner: the operator has received it.
            f'{conventions.PROGRAMME}!="{conventions.MONITOR}"',
        ],
        "group_by": ["alertname", conventions.PROGRAMME, "indicator", "milestone"],
        "repeat_interval": duration(96 * _HOUR),
        "routes": [
            {"receiver": owner_receiver(one), "matchers": [f'{conventions.PROGRAMME}="{one}"']}
            for one in programmes
        ],
    }


def _inhibitions() -> list[dict[str, Any]]:
    """Return the rule by which a failing pipeline inhibits alerts about figures and producers."""
    return [
        {
            "source_matchers": [f'{conventions.SILENCES}="{Scope.FIGURES}"'],
            "target_matchers": [f'{conventions.SCOPE}=~"{Scope.FIGURES}|{Scope.PRODUCERS}"'],
        }
    ]


def _receivers(programmes: list[str], contacts: Contacts) -> Iterator[dict[str, Any]]:
    yield _receiver(OPERATOR, contacts.operator)
    yield _receiver(DELEGATE, contacts.delegate, digest=True)
    for programme in programmes:
        yield _receiver(owner_receiver(programme), contacts.owner(programme))
    yield _receiver(WATCHDOG.name.lower(), contacts.watchdog)


def _receiver(name: str, contact: Contact, *, digest: bool = False) -> dict[str, Any]:
    # A digest lists what fires; what is resolved is no longer in it.
    resolved = not digest
    receiver: dict[str, Any] = {"name": name}
    if contact.mail:
        subject = "digest" if digest else "alert"
        receiver["email_configs"] = [
            {
                "to": ", ".join(contact.mail),
                "send_resolved": resolved,
                "headers": {"Subject": f'{{{{ template "smart-region.{subject}.subject" . }}}}'},
                "text": '{{ template "smart-region.mail.text" . }}',
                "html": '{{ template "smart-region.mail.html" . }}',
            }
        ]
    if contact.chat_url_file is not None:
        receiver["slack_configs"] = [
            {
                "api_url_file": str(contact.chat_url_file),
                "send_resolved": resolved,
                "title": '{{ template "smart-region.chat.title" . }}',
                "title_link": '{{ template "smart-region.chat.link" . }}',
                "text": '{{ template "smart-region.chat.text" . }}',
                "fallback": '{{ template "smart-region.chat.title" . }}',
            }
        ]
    if contact.webhook is not None:
        webhook: dict[str, Any] = {"url": contact.webhook, "send_resolved": resolved}
        if contact.webhook_token_file is not None:
            token = str(contact.webhook_token_file)
            webhook["http_config"] = {
                "authorization": {"credentials_file": token},
                "follow_redirects": False,  # As for Prometheus: the token would go along.
            }
        receiver["webhook_configs"] = [webhook]
    return receiver
