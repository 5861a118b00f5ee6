"""Commands that need an extra, where it is not installed."""

from __future__ import annotations

import sys

import pytest

from tests.support.commands import captured

WITHOUT = """
import sys
for name in ("mcp", "protego", "psycopg"):
    sys.modules[name] = None
from smart_region import main
main(sys.argv[1:])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("harvest opendatasoft https://data.example.org", "harvest"),
        ("harvest dcat https://data.example.org/catalog.ttl", "harvest"),
        ("mcp", "mcp"),
        ("relay postgres --once", "postgres"),
        ("export --to postgresql://a@db.example/x", "postgres"),
    ],
)
def test_one_line_says_how_to_install_it(command: str, extra: str) -> None:
    done = captured([sys.executable, "-c", WITHOUT, *command.split()])

    [line] = done.stderr.splitlines()
    assert line.startswith(f"Error: {command.split(maxsplit=1)[0]}")
    assert f"needs the extra `{extra}`" in line
    assert "make .venv/run.stamp" in line
    assert f'pip install "$(echo smart_region-*.whl)[{extra}]"' in line
    assert done.returncode == 2
