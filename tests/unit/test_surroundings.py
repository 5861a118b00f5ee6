"""The suite passes, and the programs print the same, whatever surroundings they inherit."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.commands import captured

ROOT = Path(__file__).parents[2]
SENSITIVE = (
    "tests/unit/boundary/test_private_files.py",
    "tests/unit/boundary/test_terminal.py",
    "tests/unit/catalogue/test_formatting.py",
    "tests/unit/sources/importing/test_refusal.py",
    "tests/unit/sources/test_documentation.py",
    "tests/unit/operations/programs",
    "tests/unit/report/test_process.py",
    "tests/unit/streams/test_clock.py",
)
SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD)


def _deaf() -> None:
    """As `nohup`, a shell's background or a careless supervisor leave a process."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def elsewhere(command: list[str], folder: Path, umask: int, variables: Mapping[str, str]) -> str:
    """Run a program of this environment in hostile surroundings; return what it prints."""
    said = ("LC_", "LANG", "PYTHONUTF8", "PYTHONIOENCODING")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(said)}
    temporary = folder / ("a long name with spaces " * 5)
    temporary.mkdir(exist_ok=True)
    done = captured(
        [sys.executable, "-m", *command],
        timeout=None,
        cwd=ROOT,
        env={**kept, "TMPDIR": str(temporary), "LOCPATH": str(folder), **variables},
        umask=umask,
        preexec_fn=_deaf,
        restore_signals=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


SURROUNDINGS = (
    (0o077, {"LC_ALL": "C", "TZ": "Pacific/Kiritimati"}),
    (0o000, {"LC_ALL": "fr_FR.UTF-8", "LANGUAGE": "fr", "TZ": "America/St_Johns"}),
)


@pytest.fixture(scope="module")
def locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the French locale, where the system has what makes it."""
    folder = tmp_path_factory.mktemp("locales")
    command = ["localedef", "-i", "fr_FR", "-f", "UTF-8", str(folder / "fr_FR.UTF-8")]
    # Elsewhere it is a locale that the system lacks, which is hostile too.
    with suppress(OSError, subprocess.CalledProcessError):
        subprocess.run(command, capture_output=True, check=True)
    return folder


@pytest.mark.nightly
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("umask", "variables"), SURROUNDINGS, ids=["C", "fr_FR"])
def test_the_sensitive_tests_pass_elsewhere(
    locales: Path, umask: int, variables: Mapping[str, str]
) -> None:
    """Signals, umask, locale and time zone are set once, for all; a path may have spaces."""
    elsewhere(["pytest", "-q", "-p", "no:cacheprovider", *SENSITIVE], locales, umask, variables)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["catalogue list", "simulate --seed 1 --to 2016-01-03"])
def test_a_program_prints_the_same_elsewhere(locales: Path, command: str) -> None:
    """French words as UTF-8, and days as they are in UTC."""
    program = ["smart_region", *command.split()]

    printed = [elsewhere(program, locales, *surroundings) for surroundings in SURROUNDINGS]

    assert printed == [captured([sys.executable, "-m", *program], cwd=ROOT).stdout] * 2
