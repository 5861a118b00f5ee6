"""What the image's files promise: only what is locked for production, no root, no shell."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any, Final

from boundary.settings import ENV_PREFIX
from gateway.settings import GatewaySettings
from report.settings import PageSettings
from streams.settings import Settings

ROOT: Final = Path(__file__).parents[3]
DOCKERFILE: Final = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")
#: The last stage, one instruction a line, without comments.
FINAL: Final = [
    line
    for line in re.sub(r"\\\n", "", DOCKERFILE.partition("FROM scratch")[2]).splitlines()
    if line and not line.startswith("#")
]


def instruction(name: str) -> list[str]:
    return [line.partition(" ")[2] for line in FINAL if line.startswith(f"{name} ")]


def locked(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,-]+\])?==(\S+)", text, re.MULTILINE))


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_locks_agree() -> None:
    """What production runs is what the tests ran on: one version of each package."""
    everything = locked("dev")

    for name in ("run", "build", "demo"):
        assert locked(name).items() <= everything.items()


def test_others_packages_come_by_hash_and_built() -> None:
    lines = re.sub(r"\\\n", "", DOCKERFILE).splitlines()
    commands = [
        command for line in lines if line.startswith("RUN ") for command in line.split("&&")
    ]
    installs = [set(command.split()) for command in commands if "pip install" in command]

    assert len(installs) == 3
    for options in installs:
        assert {"--require-hashes", "--only-binary", ":all:"} <= options or "--no-index" in options


def test_what_was_built_is_started_before_it_is_an_image() -> None:
    build = DOCKERFILE.partition("FROM scratch")[0]
    steps = [line for line in build.splitlines() if line.startswith("RUN ")]

    assert steps[-1] == "RUN python deploy/docker/assemble.py start /runtime /application"


def test_the_last_stage_is_of_files_alone() -> None:
    assert DOCKERFILE.count("FROM ") == 2
    assert not any(line.startswith(("RUN ", "ADD ", "SHELL ")) for line in FINAL)
    assert all(copy.startswith("--from=build ") for copy in instruction("COPY"))


def test_nobody_is_root_and_no_shell_is_asked_for() -> None:
    (user,) = instruction("USER")
    health = DOCKERFILE.partition("HEALTHCHECK")[2].partition("CMD ")[2].partition("\n")[0]

    assert [int(part) > 0 for part in user.split(":")] == [True, True]
    assert json.loads(instruction("ENTRYPOINT")[0]) == ["smart-region"]
    assert json.loads(instruction("CMD")[0]) == ["worker"]
    assert json.loads(health)[:2] == ["smart-region", "health"]


def test_every_setting_of_the_image_exists() -> None:
    (variables,) = instruction("ENV")
    names = {name for name in re.findall(r"(\S+)=", variables) if name.startswith(ENV_PREFIX)}
    fields = {*Settings.model_fields, *GatewaySettings.model_fields}

    assert names
    assert names <= {ENV_PREFIX + field.upper() for field in fields}


def test_the_ports_are_the_settings_own() -> None:
    ports = {
        Settings.model_fields["http_port"].default,
        Settings.model_fields["assessor_port"].default,
        GatewaySettings.model_fields["gateway_port"].default,
        GatewaySettings.model_fields["gateway_probe_port"].default,
        PageSettings.model_fields["page_port"].default,
    }

    assert {int(port) for port in instruction("EXPOSE")[0].split()} == ports


def test_what_the_wheel_is_made_of_reaches_the_engine_and_nothing_else() -> None:
    packages = set(project()["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"])
    copied = {
        source.rstrip("/")
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in ignore if line.startswith("!")}

    assert packages <= copied
    assert copied == let_in
    assert next(line for line in ignore if not line.startswith(("#", "!"))) == "*"
