"""The settings' folder, and whether pages and help say where it is."""

from __future__ import annotations

import sys

import pytest

from boundary.errors import SmartRegionError
from boundary.settings_folder import settings_folder
from tests.support.commands import run_inside_with

SAID = "~/.config/smart-region"


@pytest.mark.skipif(sys.platform != "linux", reason="the help names Linux's folder")
@pytest.mark.parametrize("command", [("import", "csv"), ("harvest", "dcat")])
def test_the_help_names_it(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/camille")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    said = " ".join(run_inside_with({}, *command, "--help").stdout.split())

    assert str(settings_folder()) == SAID.replace("~", "/home/camille")
    assert SAID in said


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other variables")
@pytest.mark.parametrize("variables", [{}, {"XDG_CONFIG_HOME": "conf"}])
def test_a_user_without_a_home_is_told(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container: a folder named ~ was made wherever a command ran, each with a journal."""

    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SmartRegionError, match="HOME: names no folder of this user"):
        settings_folder()
