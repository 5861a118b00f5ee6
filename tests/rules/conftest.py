"""The rules of small catalogues, for promtool and amtool."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from dashboards.rules.render import render, write
from dashboards.rules.site import MonitorSite
from tests.support.observations import barometer
from tests.support.prometheus import require_prometheus

CATALOGUE = Path(__file__).parent / "catalogue"


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_prometheus()
    folder = tmp_path_factory.mktemp("rendered")
    write(render(load_catalogue(CATALOGUE), MonitorSite()), folder)
    return folder


@pytest.fixture
def rules(rendered: Path) -> Path:
    return rendered / "prometheus" / "rules"


@pytest.fixture(scope="session")
def observed_rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the rules of the same catalogue with indicators that others observe."""
    require_prometheus()
    folder = tmp_path_factory.mktemp("observed")
    programmes = (*load_catalogue(CATALOGUE).programmes, *barometer().programmes)
    write(render(Catalogue(programmes=programmes), MonitorSite()), folder)
    return folder / "prometheus" / "rules"
