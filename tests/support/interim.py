"""The simulated figures, with an interim milestone for one promise."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import catalogue
from catalogue.loader import load_catalogue
from report.knowledge import Knowledge
from tests.support.knowledge import knowledge

_SHIPPED: Final = """    milestones:
      - id: all_connected
"""
_INTERIM: Final = """    milestones:
      - id: half
        title: La moitié
        target: 0.5
        day: 2017-12-31
        scope: [region, departments]
        source: Un jalon intermédiaire.
      - id: all_connected
"""


def known_with_interim(folder: Path) -> Knowledge:
    """Return them: half of the lycées were due by the end of 2017, when 47.6 % were connected."""
    programmes = folder / "programmes"
    shutil.copytree(Path(catalogue.__file__).parent / "programmes", programmes)
    file = programmes / "lycees.yaml"
    text = file.read_text(encoding="utf-8")
    assert _SHIPPED in text
    file.write_text(text.replace(_SHIPPED, _INTERIM, 1), encoding="utf-8")
    return Knowledge(load_catalogue(programmes), knowledge().histories, {})
