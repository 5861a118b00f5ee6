"""The commands as a user gives them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from events.dataset import DatasetProbed, DataState
from sources.harvest.memory import held_memory
from tests.support.commands import run_inside_with
from tests.support.portals import RECORDS, Answer, dataset, portal
from tests.support.sessions import Session
from tests.support.watched_publisher import RecordingPublisher

QUICK = ("--contact", "x@example.org", "--pause", "0", "--private-addresses")
DRY = (*QUICK, "--dry-run")


@pytest.fixture(autouse=True)
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordingPublisher:
    """Return what gets the events; the state is in a folder of the test's own."""
    sent = RecordingPublisher()
    monkeypatch.setattr("sources.emitting.options.open_publisher", lambda *_: sent)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return sent


def catalogue_of(folder: Path, data: str) -> Path:
    """Return a file that describes one dataset, with its data at an address."""
    file = folder / "c.ttl"
    file.write_text(
        f"""
        @prefix dcat: <http://www.w3.org/ns/dcat#> .
        @prefix dct: <http://purl.org/dc/terms/> .
        <urn:gares> a dcat:Dataset ; dct:identifier "gares" ; dct:title "Gares" ;
          dct:publisher "Région" ; dcat:theme "Transports" ; dct:license "Licence Ouverte" ;
          dcat:distribution [ dcat:downloadURL <{data}> ] .
        """
    )
    return file


def harvest(*arguments: str) -> tuple[int, str, str]:
    """Run `smart-region harvest`; return its status and what it printed."""
    done = run_inside_with({}, "harvest", *arguments)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_what_a_user_sees(tmp_path: Path, sent: RecordingPublisher) -> None:
    """Problems, changes, and what was requested, refused as private or left alone."""
    with portal(dataset("a"), dataset("gares"), dataset("b", theme=["Santé"])) as served:
        session = Session(PORTAL=served.url, FOLDER=tmp_path)
        command = ("harvest", "opendatasoft", served.url)
        session.run(*command, "--dry-run", quietly=QUICK)
        session.run(*command, "--no-data", "--theme", "santé=territory", quietly=QUICK)
        # The same portal by another of its addresses; data are requested once a day.
        for _ in range(2):
            session.run(*command[:2], f"{served.url}/explore/?sort=title#top", quietly=QUICK)
        session.run(*command, "--ask-again", quietly=QUICK)
        served.datasets[:] = [dataset("a", title="Autre"), dataset("b"), dataset("c")]
        session.run(*command, "--dry-run", quietly=QUICK)
        session.run(*command, quietly=QUICK)
        session.run(*command, "--contact", "x@example.org", "--dry-run")

        served.documents["/x.csv"] = Answer(body=RECORDS, headers={"Content-Type": "text/csv"})
        file = catalogue_of(tmp_path, f"{served.url}/x.csv")
        for how in (QUICK[:-1], QUICK):
            session.run("harvest", "dcat", file, quietly=how)
        served.documents["/robots.txt"] = Answer(500)
        session.run("harvest", "dcat", file, "--ask-again", quietly=QUICK)
    session.run("harvest", "dcat", catalogue_of(tmp_path, "http://127.0.0.1:1/"), quietly=QUICK)
    session.check(Path(__file__).with_name("screen.txt"))
    states = [one.fact.data_state for one in sent.events if isinstance(one.fact, DatasetProbed)]
    assert states[-3:] == [DataState.UNAVAILABLE, DataState.CURRENT, DataState.UNAVAILABLE]


@pytest.mark.parametrize("address", ["nourl", "", "data.example.fr", "ftp://a", "https://u:p@a"])
def test_what_is_no_address_is_refused_before_a_request(address: str) -> None:
    """`:///api/…` was asked, and named as the portal."""
    status, _, err = harvest("opendatasoft", address, *DRY)

    assert status == 2
    assert "Invalid value for 'URL'" in err
    assert "write it as https://HOST" in err or "the address alone" in err
    assert "u:p" not in err


def test_two_harvests_at_once_are_told_so(tmp_path: Path) -> None:
    """The second one would write over what the first has noted."""
    state = tmp_path / "s.json"
    file = str(catalogue_of(tmp_path, "https://data.example.fr/x"))
    options = ("--no-data", "--state", str(state))
    with held_memory(state):
        status, _, err = harvest("dcat", file, *options)
        rehearsed = harvest("dcat", file, *options, "--dry-run")

    assert status == 2
    assert err.startswith("Error: --state: is another harvest's, which still runs")
    assert len(err.splitlines()) == 1
    assert rehearsed[0] == 0


@pytest.mark.slow
def test_a_catalogue_may_be_a_file(tmp_path: Path) -> None:
    """No request is made, so no contact is needed; a dry run makes no folder."""
    file = tmp_path / "c.ttl"
    file.touch()
    empty = harvest("dcat", str(file), "--dry-run")[:2]
    file.write_text("@prefix dcat: <http://www.w3.org/ns/dcat#> .\n<urn:d> a dcat:Dataset .")
    status, out, _ = harvest("dcat", str(file), "--dry-run")

    assert (empty[0], status) == (0, 1)
    assert "0 datasets, 0 refused, 0 problems, 0 events would be sent" in empty[1]
    assert "no data are requested without --contact WHO" in out
    assert "\n1 dataset, 1 refused, " in f"\n{out}"
    assert [one.name for one in tmp_path.iterdir()] == ["c.ttl"]


@pytest.mark.slow
def test_a_catalogues_name_need_not_be_utf_8(tmp_path: Path, sent: RecordingPublisher) -> None:
    """As on a share of old: its state is found again, in a file of its own."""
    named = catalogue_of(tmp_path, "http://127.0.0.1:1/").rename(
        tmp_path / os.fsdecode(b"catalogue-\xe9.ttl")
    )

    statuses = [harvest("dcat", str(named), *QUICK, "--no-data")[0] for _ in range(2)]

    assert statuses == [0, 0]
    assert [one.fact.NAME for one in sent.events] == ["dataset.released"]
    assert len(list(tmp_path.rglob("harvest-*.json"))) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("opendatasoft", "https://data.example.org"), "--contact is missing"),
        (("dcat", "nothing.ttl"), "nothing.ttl"),
        (("dcat", "c.ttl", "--theme", "x=y"), "is no WORD=CODE"),
        (("dcat", "c.ttl", "--prefix", "île/"), "is not 1 to 20 letters"),
    ],
)
def test_a_wrong_option_is_said_in_a_line(arguments: tuple[str, ...], words: str) -> None:
    status, _, err = harvest(*arguments, "--dry-run")

    assert status == 2
    assert words in err


def test_files_of_one_name_are_two_portals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing in one is not gone from the other."""
    named: list[str] = []
    monkeypatch.setattr(
        "sources.harvest.cli._carry_out", lambda portal, *_, **__: named.append(portal)
    )
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        assert harvest("dcat", "c.ttl")[0] == 0

    assert named == [str(tmp_path / "one" / "c.ttl"), str(tmp_path / "other" / "c.ttl")]
