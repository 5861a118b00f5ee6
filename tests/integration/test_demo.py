"""The demo as a newcomer runs it: to its end, and broken off."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest

from operations.programs.alerting import installed
from operations.programs.program import Program, has_logged
from simulation.demo.run import NO_BROWSER
from simulation.demo.system import NOT_INSTALLED
from tests.support.commands import captured
from tests.support.processes import alive, children
from tests.support.prometheus import require_prometheus
from tests.support.traffic import region
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
DEMO = (sys.executable, "-m", "smart_region", "demo", "--seed", "7")
FIRST, LAST = date(2016, 1, 1), date(2016, 3, 31)
A_QUARTER = ("--to", str(LAST), "--speed", "60", "--until-replayed")
#: Far from its end when it is broken off.
SLOWLY = ("--to", str(LAST), "--speed", "1")
#: Without these no browser has a window.
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
REPLAYING = "Rejeu des évènements"
NOTE = "Note d’un mois : "
LOG = "demo.log"
#: A broker, a worker, an assessor and a page; where Prometheus is, perhaps an Alertmanager with it.
PROGRAMS = 4 + len(installed())


class Stayed(NamedTuple):
    """A demo that stayed: its log, the command that it printed, and whether it then went on."""

    log: str
    done: "subprocess.CompletedProcess[str]"
    note: Path
    goes_on: bool


class Watched(NamedTuple):
    """A demo that replays, and its log."""

    demo: "subprocess.Popen[bytes]"
    log: Path


class Quarter(NamedTuple):
    """A demo that ran to its end, and the file of what its browser opened."""

    done: "subprocess.CompletedProcess[str]"
    opened: Path


def environment(path: str | None = None, browser: str = "") -> dict[str, str]:
    """Return a demo's environment, in which nothing has a window.

    `path` is its PATH, and `browser` the program that opens addresses; by default there is none.
    """
    return {
        **{name: text for name, text in os.environ.items() if name not in DISPLAYS},
        # What some CI systems set, and what must not bring escape codes into a file.
        "FORCE_COLOR": "1",
        "PATH": path or os.environ["PATH"],
        "BROWSER": browser,
    }


def run(*arguments: str, browser: str = "") -> "subprocess.CompletedProcess[str]":
    return captured([*DEMO, *arguments], cwd=ROOT, env=environment(browser=browser), timeout=100)


@contextmanager
def running(folder: Path, *days: str) -> Iterator["subprocess.Popen[bytes]"]:
    with Program(
        "demo",
        (*DEMO, *days, "--until-replayed", "--json"),
        folder=folder,
        env={"TMPDIR": str(folder)},
        is_ready=has_logged(REPLAYING),
    ) as demo:
        yield demo.process


def answer(url: str) -> Any:  # noqa: ANN401 - as the API has it
    try:
        with urlopen(url, timeout=10) as response:  # noqa: S310 - the demo's own server
            return json.load(response)
    except OSError:
        return None


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Quarter:
    folder = tmp_path_factory.mktemp("quarter")
    opened, browser = folder / "opened", folder / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport sys, urllib.request\n"
        "status = urllib.request.urlopen(sys.argv[1]).status\n"
        f"open({str(opened)!r}, 'a').write(f'{{sys.argv[1]}} {{status}}\\n')\n"
    )
    browser.chmod(0o755)
    return Quarter(run(*A_QUARTER, "--json", "--open", browser=str(browser)), opened)


@pytest.fixture(scope="module")
def stayed(tmp_path_factory: pytest.TempPathFactory) -> Stayed:
    folder = tmp_path_factory.mktemp("stayed")
    log = folder / LOG
    env = environment(path=str(folder))
    # Without what its parent has of windows.
    command = ("env", "-i", *(f"{name}={text}" for name, text in env.items()), *DEMO)
    with Program(
        "demo",
        (*command, *A_QUARTER[:4], "--open"),
        folder=folder,
        is_ready=has_logged(NOTE),
        ready_seconds=90,
        stop_seconds=20,
    ) as demo:
        [printed] = re.findall(rf"^{NOTE}\S*smart-region (.*)$", log.read_text(), re.MULTILINE)
        done = captured(
            [*DEMO[:3], *shlex.split(printed)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=100,
        )
        goes_on = demo.alive
    return Stayed(log.read_text(), done, folder / "note.html", goes_on=goes_on)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    with running(folder) as demo:
        yield Watched(demo, folder / LOG)


def test_a_quarter_is_replayed_and_audited(quarter: Quarter) -> None:
    done = quarter.done
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["as_of"] == str(LAST)
    assert document["produced"] == len(region(7, FIRST, LAST))
    accounted = document["accepted"] + document["refused"] + document["duplicates"]
    assert document["produced"] == accounted
    assert document["refused"] > 0
    assert document["duplicates"] > 0
    assert document["audit"]["compared"] > 100
    assert document["audit"]["different"] == 0
    values = {(one["indicator"], one["department"]): one["value"] for one in document["figures"]}
    assert 0 < values["schools_connected_ratio", "77"] < 1
    statuses = {one["status"] for one in document["figures"] if one["target"] is not None}
    assert statuses <= {"achieved", "on_track", "at_risk", "missed", "unreported"}
    assert "31/03/2016" in done.stderr


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_demo_that_is_broken_off_leaves_nothing_running(tmp_path: Path) -> None:
    with running(tmp_path, *SLOWLY) as demo:
        started = children(demo.pid)
        assert len(started) == PROGRAMS

        demo.send_signal(signal.SIGINT)

        ended = demo.wait(timeout=20)
        assert wait_until(lambda: not any(map(alive, started)), seconds=5)
    assert ended == 128 + signal.SIGINT
    assert [path.name for path in tmp_path.iterdir()] == [LOG]


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_demo_without_its_broker_ends_and_says_why(tmp_path: Path) -> None:
    """A figure that no longer moves would be worse than an end."""
    with running(tmp_path, *SLOWLY) as demo:
        for pid in children(demo.pid):
            if b"tansu" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)

        assert demo.wait(timeout=30) == 2

    assert "Error: broker: ended by itself with status -9" in (tmp_path / LOG).read_text()


def test_the_page_is_opened_in_a_browser(quarter: Quarter) -> None:
    """In that of the variable BROWSER, once, at the printed address, when it has figures."""
    done = quarter.done
    assert done.returncode == 0, done.stderr
    [address] = re.findall(r"^Page des promesses : (\S+)$", done.stderr, re.MULTILINE)
    assert quarter.opened.read_text() == f"{address} 200\n"
    assert NO_BROWSER not in done.stderr


@pytest.mark.nightly
def test_the_command_that_it_prints_writes_a_note(stayed: Stayed) -> None:
    assert stayed.done.returncode == 0, stayed.done.stderr
    assert "mars 2016" in stayed.note.read_text(encoding="utf-8")
    assert stayed.goes_on


@pytest.mark.nightly
def test_without_prometheus_and_terminal_it_says_so_and_prints_the_table_plainly(
    stayed: Stayed,
) -> None:
    assert stayed.log.count(NOT_INSTALLED) == 1
    assert stayed.log.count(NO_BROWSER) == 1
    assert "Lycées connectés au très haut débit" in stayed.log
    assert "\x1b" not in stayed.log
    names = ("évènements", "acceptés", "refusés", "en double")
    counts = " · ".join(rf"{name} : [\d\u202f]+" for name in names)
    assert re.search(rf"^{counts}$", stayed.log, re.MULTILINE)
    assert "différents : 0" in stayed.log


def test_alerts_fire_while_it_replays(watched: Watched) -> None:
    require_prometheus()
    log = watched.log.read_text()
    _, prometheus, alertmanager = re.findall(r"http://127\.0\.0\.1:\d+", log)

    def fires() -> bool:
        alerts = answer(f"{alertmanager}/api/v2/alerts") or ()
        return {"Watchdog", "MilestoneAtRisk"} <= {one["labels"]["alertname"] for one in alerts}

    assert wait_until(fires, seconds=60, every=0.5), log
    assert watched.demo.poll() is None
    groups = answer(f"{prometheus}/api/v1/rules")["data"]["groups"]
    health = {group["name"]: {rule["health"] for rule in group["rules"]} for group in groups}
    # Once an hour: the first time may be long after the demo.
    assert health.pop("smart-region-memory") <= {"ok", "unknown"}
    assert health == {
        f"smart-region-{name}": {"ok"} for name in ("figures", "promises", "pipeline")
    }


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_demo_that_is_killed_leaves_nothing_running(watched: Watched) -> None:
    # After the test above, whose demo ends here.
    started = children(watched.demo.pid)
    assert len(started) == PROGRAMS

    watched.demo.kill()

    assert watched.demo.wait(timeout=20) == -signal.SIGKILL
    assert wait_until(lambda: not any(map(alive, started)), seconds=5)
