"""The settings of the page, read from `SMART_REGION_…` variables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationInfo, field_validator

from boundary.settings import ENV_PREFIX, SETTINGS_CONFIG, Megabytes, read_settings
from streams.settings import Settings

#: Variables with the same prefix that belong to other commands.
_FOREIGN: Final = (f"{ENV_PREFIX}GRAFANA_", f"{ENV_PREFIX}GATEWAY_")

_SITE: Final = r"https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]+)?"
_SITES: Final = rf"^({_SITE}( {_SITE})*)?$"


class PageSettings(Settings):
    """The settings of the page: those of worker and assessor, and its own."""

    model_config = SETTINGS_CONFIG

    page_port: Annotated[int, Field(ge=0, le=65535)] = 6072
    """The page's port, on SMART_REGION_HTTP_HOST: whoever reaches it can read the page. 0 picks a
    free one, which the log names."""
    page_ledger_mb: Megabytes = 512
    """The most megabytes of memory for the events behind the figures. Where they need more,
    temporary files in SMART_REGION_WORK_FOLDER hold the rest."""
    page_url: Annotated[str, Field(pattern=r"^https?://[^\s?#\"]+$")] | None = None
    """Where readers find the first page, such as https://smart-region.example.org/, for links in
    what leaves it: the calendar, and mails about figures. The page itself does not know what a
    proxy has made of its address."""
    page_contacts: Path | None = None
    """The file of contacts (docs/alerting.md) whose programme owners readers may write to: a figure
    has a link that begins a mail to its programme's owner, whose address the open-data catalogue
    has too. Without it no address is shown. It needs SMART_REGION_PAGE_URL."""
    page_frame_sites: Annotated[str, Field(pattern=_SITES)] = ""
    """The sites that may show charts in frames, separated by blanks:
    `https://www.iledefrance.fr https://*.example.org`. Without it no site may; as images charts may
    be shown anywhere."""

    @field_validator("page_contacts")
    @classmethod
    def _have_an_address(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is not None and info.data.get("page_url", "wrong") is None:
            message = f"needs {ENV_PREFIX}PAGE_URL, the page's address in the mails"
            raise ValueError(message)
        return file


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
