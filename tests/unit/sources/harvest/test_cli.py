"""The commands as a user gives them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from events.dataset import DatasetProbed, DataState
from sources.client import RecordingPublisher
from sources.harvest.memory import held_memory
from tests.support.commands import run_inside_with
from tests.support.portals import RECORDS, Answer, Portal, dataset, portal

QUICK = ("--contact", "x@example.org", "--pause", "0", "--private-addresses")
DRY = (*QUICK, "--dry-run")


@pytest.fixture(autouse=True)
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordingPublisher:
    """Return what gets the events; the state is in a folder of the test's own."""
    told = RecordingPublisher()
    monkeypatch.setattr("sources.emitting.options.open_publisher", lambda *_: told)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return told


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


def test_it_says_what_is_wrong_and_ends_with_status_1() -> None:
    with portal(dataset("a"), dataset("b", theme=["Santé"])) as served:
        status, out, err = harvest("opendatasoft", served.url, *DRY)
        good = harvest("opendatasoft", served.url, *DRY, "--theme", "santé=territory")

    assert status == 1
    assert "b: theme: is no known theme, value 'Santé'" in err
    assert "2 datasets, 1 refused, 1 problem, 2 events would be sent" in out
    assert good[0] == 0


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


def test_a_rehearsal_makes_no_folder(tmp_path: Path) -> None:
    file = str(catalogue_of(tmp_path, "https://data.example.fr/x"))

    assert harvest("dcat", file, "--no-data", "--dry-run")[0] == 0
    assert [one.name for one in tmp_path.iterdir()] == ["c.ttl"]


def test_a_catalogue_without_datasets_is_counted_too(tmp_path: Path) -> None:
    """No line at all would look like a harvest that did nothing."""
    empty = tmp_path / "empty.ttl"
    empty.touch()
    status, out, _ = harvest("dcat", str(empty), *DRY)

    assert status == 0
    assert "0 datasets, 0 refused, 0 problems, 0 events would be sent" in out


def test_a_second_run_of_a_day_says_what_it_does_not_ask_again() -> None:
    """And how to ask it; without a word, data that were just repaired would seem to be away."""
    with portal(dataset("a")) as served:
        first, second, again = (
            harvest("opendatasoft", served.url, *QUICK, *more)[1]
            for more in ((), (), ("--ask-again",))
        )

    asked = "1 address asked for data, 0 without, 0 to be left alone\n"
    assert (first.startswith(asked), again.startswith(asked)) == (True, True)
    assert second.startswith(
        "1 address asked for data earlier today (UTC), and not again: run it tomorrow, or now with"
        " --ask-again\n1 dataset, 0 refused, 0 problems, 0 events sent"
    )


@pytest.mark.parametrize("within", ["/", "/explore/?sort=title", "/explore/#top"])
def test_a_portal_is_the_same_by_each_of_its_addresses(within: str) -> None:
    """Another state would send each release again, and withdraw nothing that is gone."""
    with portal(dataset("a")) as served:
        first = harvest("opendatasoft", served.url, *QUICK, "--no-data")[1]
        second = harvest("opendatasoft", f"{served.url}{within}", *QUICK, "--no-data")[1]

    assert "2 events sent" in first
    assert "0 events sent" in second


def test_an_address_without_a_host_is_named(tmp_path: Path, told: RecordingPublisher) -> None:
    file = catalogue_of(tmp_path, "http://127.0.0.1:1/gares.csv")
    status, out, _ = harvest("dcat", str(file), *QUICK)

    assert status == 0
    assert "gares: http://127.0.0.1:1/gares.csv: no answer (Connection refused)\n" in out
    assert "1 address asked for data, 1 without" in out
    assert [one.fact.NAME for one in told.events] == ["dataset.released", "dataset.probed"]


def test_a_catalogue_may_be_a_file(tmp_path: Path) -> None:
    """Nobody is asked, so nobody has to be told."""
    file = tmp_path / "c.ttl"
    file.write_text("@prefix dcat: <http://www.w3.org/ns/dcat#> .\n<urn:d> a dcat:Dataset .")

    status, out, _ = harvest("dcat", str(file), "--dry-run")

    assert status == 1
    assert "no data are asked for without --contact WHO" in out
    assert "\n1 dataset, 1 refused, " in f"\n{out}"


def test_a_catalogues_name_need_not_be_utf_8(tmp_path: Path, told: RecordingPublisher) -> None:
    """As on a share of old: its state is found again, in a file of its own."""
    named = catalogue_of(tmp_path, "http://127.0.0.1:1/").rename(
        tmp_path / os.fsdecode(b"catalogue-\xe9.ttl")
    )

    statuses = [harvest("dcat", str(named), *QUICK, "--no-data")[0] for _ in range(2)]

    assert statuses == [0, 0]
    assert [one.fact.NAME for one in told.events] == ["dataset.released"]
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


def test_a_private_portal_has_to_be_allowed() -> None:
    """The metadata of a portal may lead anywhere, and so may its address."""
    served: Portal
    with portal(dataset("a")) as served:
        status, _, err = harvest("opendatasoft", served.url, "--contact", "x@y.fr", "--dry-run")

    assert status == 2
    assert "--private-addresses" in err
    assert served.requests == []


def test_an_address_that_is_left_alone_is_named(tmp_path: Path, told: RecordingPublisher) -> None:
    with portal() as served:
        served.documents["/robots.txt"] = Answer(500)
        file = catalogue_of(tmp_path, f"{served.url}/x.csv")
        out = harvest("dcat", str(file), *QUICK)[1]

    assert out.startswith(f"gares: {served.url}/x.csv: left alone, as robots.txt or Retry-After")
    assert "0 addresses asked for data, 0 without, 1 to be left alone\n" in out
    assert [one.fact.NAME for one in told.events] == ["dataset.released"]


def test_what_was_refused_as_private_is_asked_once_it_is_allowed(
    tmp_path: Path, told: RecordingPublisher
) -> None:
    """On the same day: it was not asked before, and is not counted so."""
    with portal() as served:
        served.documents["/x.csv"] = Answer(body=RECORDS, headers={"Content-Type": "text/csv"})
        file = catalogue_of(tmp_path, f"{served.url}/x.csv")
        refused, allowed = (harvest("dcat", str(file), *how)[1] for how in (QUICK[:-1], QUICK))

    assert "is on a private network, value '127.0.0.1': give --private-addresses" in refused
    assert "0 addresses asked for data, 0 without" in refused
    assert ", 1 on a private network and not asked\n" in refused
    assert allowed.startswith("1 address asked for data, 0 without, 0 to be left alone\n")
    facts = [one.fact for one in told.events]
    assert [one.data_state for one in facts if isinstance(one, DatasetProbed)] == [
        DataState.UNAVAILABLE,
        DataState.CURRENT,
    ]


def test_it_says_what_changed() -> None:
    with portal(dataset("a"), dataset("gares")) as served:
        first = harvest("opendatasoft", served.url, *QUICK)[1]
        served.datasets[:] = [dataset("a", title="Autre"), dataset("b")]
        tried, sent, again = (
            harvest("opendatasoft", served.url, *QUICK, *more)[1]
            for more in (("--dry-run",), (), ())
        )

    change = "2 released, 1 updated, 1 withdrawn: gares\n"
    assert "2 probed, 2 released, 2 updated\n" in first
    assert change in tried
    assert f"1 probed, {change}" in sent
    assert "released" not in again


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
