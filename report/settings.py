"""The settings of the page, read from `SMART_REGION_…` variables."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from boundary.settings import ENV_PREFIX, SETTINGS_CONFIG, Megabytes, read_settings
from catalogue.contacts import Url
from streams.settings import Settings

#: Variables with the same prefix that belong to other commands.
_FOREIGN: Final = (f"{ENV_PREFIX}GRAFANA_", f"{ENV_PREFIX}GATEWAY_")


class PageSettings(Settings):
    """The settings of the page: those of worker and assessor, and its own."""

    model_config = SETTINGS_CONFIG

    page_port: Annotated[int, Field(ge=0, le=65535)] = 6072
    """The page's port, on SMART_REGION_HTTP_HOST: whoever reaches it can read the page. 0 picks a
    free one, which the log names."""
    page_url: Url | None = None
    """Where readers find the first page, such as https://smart-region.example.org/: links in the
    calendar lead there, and without it there are none. The page itself does not know what a proxy
    has made of its address."""
    page_ledger_mb: Megabytes = 512
    """The most megabytes of memory for the events behind the figures. Where they need more,
    temporary files in SMART_REGION_WORK_FOLDER hold the rest."""


def load_page_settings(**overrides: Any) -> PageSettings:
    """Read the settings from the environment; `overrides` (a command's options) win, None does not.

    Raises SettingsError: see `boundary.settings.read_settings`.
    """
    return read_settings(PageSettings, foreign=_FOREIGN, **overrides)


def page_settings(settings: Settings, **overrides: Any) -> PageSettings:
    """Return the page's settings beside those that other programs were given.

    Raises SettingsError.
    """
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    return load_page_settings(**given, **overrides)
