"""Checks what is in dist/ as those who install it would: the last part of `make release`."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tomllib
import venv
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

ROOT: Final = Path(__file__).parents[1]

#: With only the installed packages: each must end with status 0.
COMMANDS: Final = (
    ("--help",),
    ("catalogue", "check"),
    ("contracts", "render"),
    ("rules", "render", "--out", "rules"),
    ("boards", "render", "--out", "boards"),
)
DEMO: Final = ("demo", "--until-replayed", "--json")


def project_version() -> str:
    """Return the version in pyproject.toml, from which all others are generated."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def check_tag(clone: Path, version: str) -> None:
    """Raise ClickException unless a clone's tags agree with a version.

    The commit may have no tag yet, but no other release's, and no other commit may have its tag.
    """
    tag = f"v{version}"
    here = _output("git", "-C", clone, "tag", "--points-at", "HEAD", "--list", "v*").split()
    known = _output("git", "-C", clone, "tag", "--list", tag).split()
    if known != [one for one in here if one == tag] or set(here) - {tag}:
        raise click.ClickException(
            f"version: is {version} in pyproject.toml, value {here or known} in the tags: a release"
            f" has the tag {tag}, on its own commit; change the version, or tag anew"
        )


def build(source: Path, folder: Path, *targets: str) -> None:
    """Build wheel or sdist of a folder's project into another folder."""
    wanted = [part for target in targets for part in ("--target", target)]
    _output(sys.executable, "-m", "hatchling", "build", "-d", folder, *wanted, cwd=source)


def wheel_of(sdist: Path, folder: Path) -> Path:
    """Return the wheel built from an unpacked sdist, in a folder."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    build(folder / sdist.name.removesuffix(".tar.gz"), folder, "wheel")
    (wheel,) = folder.glob("*.whl")
    return wheel


def try_commands(environment: Path, folder: Path, *commands: Sequence[str]) -> None:
    """Run the commands in a folder with nothing but an environment's programs and variables."""
    given = {"PATH": str(environment / "bin"), "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    said = _output("smart-region", "--version", cwd=folder, env=given)
    if said != f"smart-region, version {project_version()}\n":
        raise click.ClickException(f"the installed command has another version: {said}")
    for command in commands:
        _output("smart-region", *command, cwd=folder, env=given)


@click.command()
def main() -> None:
    """Check the tags, the wheel, and the wheel built from the sdist; the whole demo runs."""
    version = project_version()
    check_tag(ROOT, version)
    (wheel,), (sdist,) = ROOT.glob("dist/*.whl"), ROOT.glob("dist/*.tar.gz")
    with TemporaryDirectory() as name:
        folder = Path(name)
        if wheel_of(sdist, folder).read_bytes() != wheel.read_bytes():
            raise click.ClickException("the sdist builds another wheel")
        environment = folder / "environment"
        venv.create(environment)
        pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
        install = (*pip, "--python", environment / "bin" / "python", "install")
        locked = ROOT / "requirements" / "demo.txt"
        _output(*install, "--require-hashes", "--requirement", locked)
        _output(*install, "--no-index", "--no-deps", wheel)
        try_commands(environment, folder, *COMMANDS, DEMO)
    for file in sorted(ROOT.glob("dist/*")):
        click.echo(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(ROOT)}")


def _output(
    *command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None
) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        line = " ".join(map(str, command))
        raise click.ClickException(f"{line} ends with status {done.returncode}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
