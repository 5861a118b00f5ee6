"""The command of this program, for another terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from operations.programs.own_program import own_program


def test_it_is_the_one_beside_this_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A clone's is not on the path of a newcomer's second terminal; a space is quoted."""
    folder = tmp_path / "my clone"
    folder.mkdir()
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    assert own_program() == "smart-region"

    (folder / "smart-region").touch()
    assert own_program() == f"'{folder / 'smart-region'}'"
