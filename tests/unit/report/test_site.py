"""The link to ask about a figure, and the settings that it needs."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from boundary.settings import SettingsError
from report.settings import load_page_settings
from report.site import PageSite, page_site
from tests.support.knowledge import shipped
from tests.support.served_page import ServedPage

URL = "https://smart-region.example.org/suivi"
CONTACTS = """\
owners:
  lycees: { mail: [lycees@example.org, "o'neil+1@example.org"] }
"""


def configured(folder: Path, contacts: str = CONTACTS) -> PageSite:
    file = folder / "contacts.yaml"
    file.write_text(contacts, encoding="utf-8")
    settings = load_page_settings(page_contacts=file, page_url=URL)
    return page_site(settings, shipped())


def test_a_figure_has_a_link_that_writes_to_its_programme_s_owner(
    page: ServedPage, tmp_path: Path
) -> None:
    served = replace(page, site=configured(tmp_path))
    path = "promesses/schools_connected_ratio"
    [answer] = served.ask(f"/{path}?territory=77&as_of=2018-01-31&known_on=2018-02-28")

    [link] = [unescape(one) for one in answer.body.split('"') if one.startswith("mailto:")]

    asked = parse_qs(urlsplit(link).query)
    assert urlsplit(link).path == "lycees@example.org,o%27neil%2B1@example.org"
    what = "Lycées connectés au très haut débit, Seine-et-Marne, 31/01/2018"
    assert asked["subject"] == [what]
    [body] = asked["body"]
    lines = body.split("\r\n")
    assert f"{URL}/{path}?as_of=2018-01-31&known_on=2018-02-28&territory=77" in lines
    assert any(line.startswith(f"{what} : ") for line in lines)


def test_a_programme_whose_owner_has_no_address_has_no_link(
    page: ServedPage, tmp_path: Path
) -> None:
    served = replace(page, site=configured(tmp_path))
    [answer] = served.ask("/promesses/trainees_enrolled")
    assert "mailto:" not in answer.body


def test_the_default_address_of_nobody_is_not_shown(tmp_path: Path) -> None:
    nobody = "owners: { lycees: { mail: [lycees@smart-region.invalid] } }"
    assert configured(tmp_path, nobody).owners == {}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("page_contacts", "contacts.yaml"),
        ("page_url", "javascript:alert(1)"),
        ("page_url", "https://example.org/?a"),
        ("page_frame_sites", "https://example.org; script-src *"),
        ("page_frame_sites", "*"),
        ("page_frame_sites", "https://a.org  https://b.org"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(setting: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"SMART_REGION_{setting.upper()}="):
        load_page_settings(**{setting: value})
