"""The built wheel, alone in a fresh environment: what a user of `pip install` gets.

`make release` installs what it needs from the index, by its hashes, and runs the whole demo.
"""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.release import COMMANDS, DEMO, build, try_commands, wheel_of
from tests.support.commands import captured
from tests.support.guide import Block, Reader, blocks_of

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(file.parent.name for file in ROOT.glob("*/__init__.py"))


def run(*command: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return captured(command, cwd=cwd, timeout=100)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build(ROOT, folder, "wheel", "sdist")
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone; its dependencies are borrowed from this environment, by path.

    A path in a .pth file comes after the environment's own packages, and the .pth files in *it*
    are not read: an editable install of the project here is out of sight there.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    done = run(*pip, "install", "--no-index", "--no-deps", wheel, cwd=folder)
    assert done.returncode == 0, done.stderr
    (site_packages,) = folder.glob("lib/python*/site-packages")
    borrowed = site_packages / "borrowed.pth"
    borrowed.write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder


def test_the_wheel_holds_every_module_and_the_catalogue(wheel: Path) -> None:
    listed = run("git", "ls-files", *PACKAGES, "smart_region.py", cwd=ROOT).stdout.split()
    with zipfile.ZipFile(wheel) as archive:
        held = [name for name in archive.namelist() if ".dist-info/" not in name]

    assert set(listed) <= set(held)
    assert {name.partition("/")[0] for name in held} == {*PACKAGES, "smart_region.py"}
    assert any(name.endswith(".yaml") for name in held)


def test_the_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    (sdist,) = wheel.parent.glob("*.tar.gz")

    assert wheel_of(sdist, tmp_path).read_bytes() == wheel.read_bytes()


def test_the_installed_command_runs_the_wheels_own_packages(environment: Path) -> None:
    program = "import catalogue, streams; print(catalogue.__file__, streams.__file__)"
    files = run(environment / "bin" / "python", "-c", program, cwd=environment).stdout.split()

    assert [Path(name).is_relative_to(environment) for name in files] == [True, True]
    try_commands(environment, environment, *COMMANDS, (*DEMO, "--to", "2016-01-31"))


def test_the_page_about_databases_installs_its_extra(wheel: Path, environment: Path) -> None:
    tools = environment / "tools"
    tools.mkdir()
    pip = tools / "pip"
    pip.write_text(
        f'#!/bin/sh\nexec {sys.executable} -m pip --python {environment / "bin" / "python"} "$@"\n'
    )
    pip.chmod(0o755)
    reader = Reader(
        wheel.parent,
        env={"PATH": f"{tools}:{os.environ['PATH']}", "PIP_NO_INDEX": "1", "PIP_QUIET": "1"},
    )
    # Quiet, pip says nothing but warnings, such as that there is no such extra.
    said = Block("text", None, "", 0)
    page = blocks_of(ROOT / "docs" / "databases.md")
    [install] = [block for block in page if block.text.startswith("pip install ")]
    reader.follow([install, said])
