"""The stack of deploy/ as Compose reads it: with variables filled in and files merged."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
COMPOSE_FILES: Final = {
    "open": ("compose.yaml",),
    "secure": ("compose.yaml", "compose.secure.yaml"),
}
_VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([?-])([^}]*))?\}")
#: Compose replaces these lists as a whole; it concatenates other lists.
_REPLACED = ("command", "entrypoint", "test")


def example_environment() -> dict[str, str]:
    lines = (DEPLOY / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def variables_of(file: str) -> set[str]:
    return {name for name, _, _ in _VARIABLE.findall((DEPLOY / file).read_text(encoding="utf-8"))}


class Stack:
    """What `docker compose config` would show for one of COMPOSE_FILES with all profiles."""

    def __init__(self, kind: str) -> None:
        environment = example_environment()
        document: dict[str, Any] = {}
        for file in COMPOSE_FILES[kind]:
            text = (DEPLOY / file).read_text(encoding="utf-8")
            document = _laid_over(document, yaml.safe_load(_filled_in(text, environment)))
        self.services: Mapping[str, dict[str, Any]] = document["services"]
        self.networks: Mapping[str, Any] = document["networks"]
        self.volumes: Mapping[str, Any] = document["volumes"]
        self.secrets: Mapping[str, dict[str, Any]] = document["secrets"]

    def jobs(self) -> set[str]:
        return {name for name, service in self.services.items() if service["restart"] == "no"}

    def ours(self) -> set[str]:
        return {
            name
            for name, service in self.services.items()
            if service["image"].startswith("smart-region:")
        }


def _filled_in(text: str, environment: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        return environment.get(name) or (rest if kind == "-" else environment[name])

    return _VARIABLE.sub(value, text)


def _laid_over(below: Any, above: Any, key: str = "") -> Any:  # noqa: ANN401 - YAML's own
    if isinstance(below, dict) and isinstance(above, dict):
        return {
            name: _laid_over(below[name], above[name], name)
            if name in below and name in above
            else above.get(name, below.get(name))
            for name in [*below, *(name for name in above if name not in below)]
        }
    if isinstance(below, list) and isinstance(above, list) and key not in _REPLACED:
        return [*below, *(one for one in above if one not in below)]
    return above


def prepared_secrets(folder: Path) -> Path:
    """Create passwords and certificates with prepare.sh in a copy; return their folder."""
    (folder / "compose").mkdir(parents=True)
    for file in ("compose/prepare.sh", ".env.example"):
        shutil.copy(DEPLOY / file, folder / file)
    prepare(folder)
    return folder / "secrets"


def prepare(folder: Path) -> None:
    subprocess.run([folder / "compose" / "prepare.sh"], check=True, capture_output=True, timeout=60)
