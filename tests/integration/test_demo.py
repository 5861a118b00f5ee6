"""The demo as a newcomer runs it: to its end, on another broker, and broken off."""

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
from typing import Any
from urllib.request import urlopen

import pytest

from broker.topic_admin import apply_topics
from events.topics import declared_topics
from operations.programs.alerting import AlertingPrograms
from operations.programs.program import end_child, start_child
from simulation.demo.alerting import NOT_INSTALLED
from simulation.demo.opening import NO_BROWSER
from tests.support.kafka import KafkaBroker
from tests.support.processes import alive, children
from tests.support.prometheus import require_prometheus
from tests.support.traffic import region, send
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
DEMO = (sys.executable, "-m", "smart_region", "demo", "--seed", "7")
FIRST, LAST = date(2016, 1, 1), date(2016, 3, 31)
A_QUARTER = ("--to", str(LAST), "--speed", "60", "--until-replayed")
#: Without these no browser has a window.
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
REPLAYING = "Rejeu des événements"
LOG = "demo.log"
#: A broker, a worker, an assessor and a page; where Prometheus is, perhaps an Alertmanager with it.
INSTALLED = AlertingPrograms.installed()
PROGRAMS = 4 if INSTALLED is None else 6 if INSTALLED.alertmanager else 5


def run(
    *arguments: str, path: str | None = None, browser: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run a demo to its end, with pipes where a person has a terminal.

    `path` is its PATH, and `browser` the program that opens addresses; by default there is none.
    """
    return subprocess.run(
        [*DEMO, *arguments],
        cwd=ROOT,
        # What some CI systems set, and what must not bring escape codes into a file.
        env={
            **{name: text for name, text in os.environ.items() if name not in DISPLAYS},
            "FORCE_COLOR": "1",
            "PATH": path or os.environ["PATH"],
            "BROWSER": browser,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@contextmanager
def running(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Yield a demo that has begun to replay the five years; all its files are in a folder."""
    log = folder / LOG
    env = {**os.environ, "TMPDIR": str(folder)}
    demo = start_child([*DEMO, "--until-replayed", "--json"], output=log, env=env)
    try:
        assert wait_until(lambda: REPLAYING in log.read_text(), seconds=60), log.read_text()
        yield demo
    finally:
        end_child(demo, stop_seconds=0)


def answer(url: str) -> Any:  # noqa: ANN401 - as the API has it
    """Read JSON; None while nothing listens."""
    try:
        with urlopen(url, timeout=10) as response:  # noqa: S310 - the demo's own server
            return json.load(response)
    except OSError:
        return None


def test_a_quarter_is_replayed_and_audited() -> None:
    """Every record is accounted for, the figures are there, and the audit agrees with them."""
    done = run(*A_QUARTER, "--json")

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
    assert "2016-03-31" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_demo_that_is_broken_off_leaves_nothing_running(
    number: signal.Signals, tmp_path: Path
) -> None:
    """None of its programs outlives it, even killed; asked to end, it clears its files."""
    with running(tmp_path) as demo:
        started = children(demo.pid)
        assert len(started) == PROGRAMS

        demo.send_signal(number)

        ended = demo.wait(timeout=20)
        assert wait_until(lambda: not any(map(alive, started)), seconds=5)
    assert ended == (-number if number is signal.SIGKILL else 128 + number)
    if number is not signal.SIGKILL:
        assert [path.name for path in tmp_path.iterdir()] == [LOG]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_demo_without_its_broker_ends_and_says_why(tmp_path: Path) -> None:
    """A figure that no longer moves would be worse than an end."""
    with running(tmp_path) as demo:
        for pid in children(demo.pid):
            if b"tansu" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)

        assert demo.wait(timeout=30) == 2

    assert "Error: broker: the embedded broker ended by itself" in (tmp_path / LOG).read_text()


def test_the_page_is_opened_in_a_browser(tmp_path: Path) -> None:
    """In that of the variable BROWSER, once, at the printed address, when it has figures."""
    opened, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport sys, urllib.request\n"
        "status = urllib.request.urlopen(sys.argv[1]).status\n"
        f"open({str(opened)!r}, 'a').write(f'{{sys.argv[1]}} {{status}}\\n')\n"
    )
    browser.chmod(0o755)
    done = run(*A_QUARTER, "--json", "--open", browser=str(browser))

    assert done.returncode == 0, done.stderr
    [address] = re.findall(r"^Page des promesses : (\S+)$", done.stderr, re.MULTILINE)
    assert opened.read_text() == f"{address} 200\n"
    assert NO_BROWSER not in done.stderr


def test_the_command_that_it_prints_writes_a_note(tmp_path: Path) -> None:
    """At the end, while it goes on; the command needs nothing but that broker."""
    log = tmp_path / LOG
    demo = start_child([*DEMO, *A_QUARTER[:4]], output=log, env={**os.environ})
    try:
        assert wait_until(lambda: "Note d’un mois : " in log.read_text(), seconds=90), (
            log.read_text()
        )
        [printed] = re.findall(
            r"^Note d’un mois : smart-region (.*)$", log.read_text(), re.MULTILINE
        )
        done = subprocess.run(
            [*DEMO[:3], *shlex.split(printed)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr
        assert "mars 2016" in (tmp_path / "note.html").read_text(encoding="utf-8")
        assert demo.poll() is None
    finally:
        end_child(demo, stop_seconds=20)


def test_without_prometheus_it_says_so_and_goes_on(tmp_path: Path) -> None:
    """One line, and one for a browser that was asked for; the rest is as it would be."""
    done = run(*A_QUARTER, "--json", "--open", path=str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert done.stderr.count(NOT_INSTALLED) == 1
    assert done.stderr.count(NO_BROWSER) == 1
    assert json.loads(done.stdout)["audit"]["different"] == 0


def test_alerts_fire_while_it_replays(tmp_path: Path) -> None:
    """Its Prometheus has the generated rules, and its Alertmanager receives the firing alerts."""
    require_prometheus()
    with running(tmp_path) as demo:
        log = (tmp_path / LOG).read_text()
        _, prometheus, alertmanager = re.findall(r"http://127\.0\.0\.1:\d+", log)

        def fires() -> bool:
            alerts = answer(f"{alertmanager}/api/v2/alerts") or ()
            return {"Watchdog", "MilestoneAtRisk"} <= {one["labels"]["alertname"] for one in alerts}

        assert wait_until(fires, seconds=60, every=0.5), log
        assert demo.poll() is None
        groups = answer(f"{prometheus}/api/v1/rules")["data"]["groups"]
        assert len(groups) == 3
        assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}


def test_on_another_broker_the_table_is_printed_plainly(kafka: KafkaBroker) -> None:
    """The same demo on Apache Kafka; without a terminal the table comes once, at the end."""
    done = run(*A_QUARTER, "--broker", kafka.bootstrap)

    assert done.returncode == 0, done.stderr
    assert "Lycées connectés au très haut débit" in done.stdout
    assert "différents : 0" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_broker_with_events_is_refused(kafka: KafkaBroker) -> None:
    """Simulated events never mix with those that are there, and nothing is created or sent."""
    apply_topics(kafka.bootstrap, declared_topics())
    send(kafka.bootstrap, region(7, FIRST, FIRST)[:1])
    with kafka.admin() as admin:
        before = admin.list_topics()

    done = run(*A_QUARTER, "--broker", kafka.bootstrap)

    assert done.returncode == 2
    assert f"{kafka.bootstrap} already holds records on smartregion." in done.stderr
    with kafka.admin() as admin:
        assert sorted(admin.list_topics()) == sorted(before)
