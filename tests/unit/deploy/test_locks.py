"""The lists of locked packages: what pip must find in them on any day."""

from __future__ import annotations

import os
import re
import subprocess
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
LOCKED = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")


def test_a_package_that_is_needed_with_extras_is_pinned_with_them() -> None:
    """Of one pinned alone, pip takes the newest release, finds it unpinned, and ends."""
    needed = [
        Requirement(line)
        for distribution in distributions()
        for line in distribution.requires or []
        if "extra ==" not in line
    ]
    extras = {(one.name.lower(), extra) for one in needed for extra in one.extras}
    pinned = {
        (name, extra)
        for name, names in re.findall(r"^([a-z0-9-]+)\[(.+)\]==", LOCKED, re.MULTILINE)
        for extra in names.split(",")
    }

    assert ("coverage", "toml") in extras
    assert extras <= pinned


def test_every_package_is_locked_by_its_hash() -> None:
    for part in ("run", "build", "demo", "dev"):
        text = (ROOT / "requirements" / f"{part}.txt").read_text(encoding="utf-8")
        pinned = re.findall(r"^\S+==.*", text, re.MULTILINE)
        assert all(line.endswith("\\") for line in pinned)
    installing = [
        line
        for file in ("Makefile", "deploy/docker/Dockerfile")
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines()
        if "--requirement" in line
    ]
    assert len(installing) == 5
    assert all("--require-hashes" in line for line in installing)


def test_jars_are_known_by_their_content(tmp_path: Path) -> None:
    """A jar that is another than it was, is missing or is too many keeps Kafka from being there."""
    folder = tmp_path / "kafka"
    programs = tmp_path / "bin"
    programs.mkdir()
    folder.mkdir()
    (folder / "jars.sha256").write_text(f"{sha256(b'as it was').hexdigest()}  a.jar\n")
    (folder / "jars.sh").write_bytes((ROOT / "deploy/kafka/jars.sh").read_bytes())
    maven = programs / "mvn"
    maven.touch(mode=0o755)
    java = programs / "java"
    java.touch(mode=0o755)
    java.write_text("#!/bin/sh\necho 'openjdk version \"17.0.1\"' >&2\n")

    def brought(**jars: str) -> int:
        lines = [
            f"printf '%s' '{content}' >target/jars/{name}.jar" for name, content in jars.items()
        ]
        maven.write_text("\n".join(["#!/bin/sh", "mkdir target/jars", *lines]))
        return subprocess.run(
            ["bash", str(folder / "jars.sh")],
            env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"},
            capture_output=True,
            check=False,
        ).returncode

    assert brought(a="as it was") == 0
    assert brought(a="another") == 1
    assert not (folder / "target" / "jars").exists()
    assert brought(b="as it was") == 1
    assert brought(a="as it was", b="more") == 1


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("deploy/kafka/jars.sh", "mvn --strict-checksums"),
        ("tests/packages.sh", "mvn --strict-checksums"),
        ("tests/packages.sh", "npm ci --ignore-scripts"),
    ],
)
def test_other_tools_check_what_they_bring(script: str, expected: str) -> None:
    """Maven ends where a checksum is another, and npm runs no package's own script."""
    tool = expected.split(" -", maxsplit=1)[0]
    lines = (ROOT / script).read_text(encoding="utf-8").splitlines()
    run = [line for line in lines if re.match(rf"\s*(if ! )?{tool} ", line)]

    assert run
    assert all(expected in line for line in run)
