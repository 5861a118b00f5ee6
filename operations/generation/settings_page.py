"""The page docs/settings.md, written from the settings' models."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic.fields import FieldInfo

from boundary.settings import ENV_PREFIX
from broker.settings import BrokerSettings
from gateway.settings import GatewaySettings
from report.settings import PageSettings
from streams.settings import Settings

_HEAD = """\
<!-- Generated from the settings' models by `smart-region generate`. Do not edit. -->

# Settings

What `smart-region worker` and `smart-region assessor` read from the environment; times are in
seconds, at most 2 000 000 of what is waited for. An unknown `SMART_REGION_…` variable is refused:
it is nearly always a misspelling.
Commands that reach Kafka alone (`emit`, `import`, `topics`, `dead-letters list` and `show`) read
the broker's variables alone, `topics` also those of the topics; the other commands read all.

"""
_GATEWAY = """
## The gateway

What `smart-region gateway` reads besides the settings of the broker. An unknown
`SMART_REGION_GATEWAY_…` variable is refused. How to run it: [gateway.md](gateway.md).

"""
_PAGE = """
## The page

What `smart-region page` reads besides all of the above but the gateway's.

"""
_COLUMNS = """\
| variable | default | meaning |
|---|---|---|
"""


def settings_page() -> str:
    """Return the page: every variable with its default and its meaning."""
    gateway = {
        name: field
        for name, field in GatewaySettings.model_fields.items()
        if name not in BrokerSettings.model_fields
    }
    page = {
        name: field
        for name, field in PageSettings.model_fields.items()
        if name not in Settings.model_fields
    }
    return _HEAD + _table(Settings.model_fields) + _GATEWAY + _table(gateway) + _PAGE + _table(page)


def _table(fields: Mapping[str, FieldInfo]) -> str:
    rows = _COLUMNS
    for name, field in fields.items():
        default = "none" if field.default is None else f"`{field.default}`"
        meaning = " ".join((field.description or "").split())
        rows += f"| `{ENV_PREFIX}{name.upper()}` | {default} | {meaning} |\n"
    return rows
