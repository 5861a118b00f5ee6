"""The command `smart-region explain`: what the catalogue and the contract let an owner say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy

import pytest
from click.testing import CliRunner

import catalogue
from boundary.errors import SmartRegionError
from boundary.retry_policy import RetryPolicy
from catalogue.loader import load_catalogue
from events.milestone import ExplanationKind, MilestoneExplained
from sources.emitting.cli import explain
from sources.emitting.explanation import RETRACTED_TEXT, SOURCE, explanation_event
from tests.support.commands import run_inside_with
from tests.support.gateway_stub import answered_each, gateway_stub
from tests.support.loopback import Answer
from tests.support.private_files import private_file
from tests.support.sessions import Session
from tests.support.watched_publisher import WatchedPublisher

CATALOGUE = load_catalogue()
PROGRAMMES = Path(catalogue.__file__).parent / "programmes"
NOW = datetime(2019, 3, 12, 9, 30, tzinfo=UTC)
TODAY = NOW.date()
ROLE = "Responsable du programme Lycées numériques"
OPTIONS = (
    *("--indicator=schools_connected_ratio", "--milestone=all_connected", "--kind=cause"),
    f"--role={ROLE}",
)
TEXT = "Les travaux ont pris trois mois de retard."


def said(publishers: list[WatchedPublisher]) -> MilestoneExplained:
    [event] = publishers[-1].events
    assert isinstance(event.fact, MilestoneExplained)
    return event.fact


def refusal(**others: object) -> SmartRegionError:
    words = {
        "indicator": "schools_connected_ratio",
        "milestone": "all_connected",
        "territory": "R11",
        "explained_on": TODAY,
        "kind": ExplanationKind.CAUSE,
        "text": TEXT,
        "author_role": ROLE,
        **others,
    }
    with pytest.raises(SmartRegionError) as refused:
        explanation_event(words, CATALOGUE, source=SOURCE, now=NOW)
    return refused.value


def test_what_an_owner_sees(
    published: list[WatchedPublisher], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A retraction needs no text; a command that was cut short is no explanation."""
    monkeypatch.chdir(tmp_path)
    session = Session(TODAY=datetime.now(UTC).date())
    session.run("explain", *OPTIONS, TEXT)
    first = published[0].events[0]
    assert (first.source, first.fact.effective_day) == (SOURCE, first.time.date())
    assert said(published).model_dump(exclude={"explained_on"}) == {
        "indicator": "schools_connected_ratio",
        "milestone": "all_connected",
        "territory": "R11",
        "kind": "cause",
        "text": TEXT,
        "author_role": ROLE,
        "retracted": False,
    }
    options = ("--day=2019-03-11", "--territory=D95", "--source=/idf/mots")
    session.run("explain", "--retract", *options, *OPTIONS)
    assert published[-1].events[0].source == "/idf/mots"
    assert (said(published).retracted, said(published).text) == (True, RETRACTED_TEXT)
    for wrong in ((), (TEXT, "--kind=excuse"), (TEXT, "--day=hier")):
        session.run("explain", *OPTIONS, *wrong)
    copy(PROGRAMMES / "formation.yaml", tmp_path)
    monkeypatch.setenv("SMART_REGION_CATALOGUE", str(tmp_path))
    session.run("explain", *OPTIONS, TEXT)
    monkeypatch.delenv("SMART_REGION_CATALOGUE")
    with gateway_stub() as stub:
        private_file(Path("token"), "srt_explications_" + "A" * 43)
        through = (f"--gateway={stub.url}", "--secret=token", "--day=2019-03-11", TEXT)
        stub.behaviour = lambda events: answered_each([422] * len(events))
        refused = run_inside_with({}, "explain", *OPTIONS, *through)
        assert (refused.returncode, "was refused (because of 422)" in refused.stderr) == (2, True)
        stub.behaviour = lambda _: Answer(503, {"detail": "busy"})
        monkeypatch.setattr("sources.client.gateway.RetryPolicy", lambda: RetryPolicy(total=0))
        session.run("explain", "--spool=spool.db", *OPTIONS, quietly=through)
    session.check(Path(__file__).with_name("explain.txt"))
    assert len(published) == 2


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("Deux lignes :\nla seconde.\n", "Deux lignes :\nla seconde."),
        ("D’un autre système :\r\nla seconde.\r\n", "D’un autre système :\nla seconde."),
        ("\ufeffAvec une marque.", "Avec une marque."),
    ],
)
def test_the_text_may_come_from_standard_input(
    published: list[WatchedPublisher], given: str, text: str
) -> None:
    assert CliRunner().invoke(explain, [*OPTIONS, "-"], input=given.encode()).exit_code == 0
    assert said(published).text == text


@pytest.mark.parametrize(
    ("arguments", "name"),
    [(["\udce9"], "TEXT"), (["-"], "TEXT"), (["--role=\udce9", TEXT], "--role")],
)
def test_text_of_another_encoding_is_refused(
    published: list[WatchedPublisher], arguments: list[str], name: str
) -> None:
    result = CliRunner().invoke(explain, [*OPTIONS, *arguments], input=b"\xe9")
    assert (result.exit_code, name in result.stderr, published) == (2, True, [])


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (
            {"indicator": "lycees"},
            "indicator: is not declared, value 'lycees': one of schools_connected_ratio, ",
        ),
        ({"milestone": "half"}, "milestone: is not declared, value 'half': one of all_connected"),
        (
            {"indicator": "datasets_released"},
            "milestone: is not declared, value 'all_connected': one of none yet",
        ),
        (
            {"territory": "FRANCE"},
            "territory: is not held to the milestone all_connected, value 'FRANCE': one of R11, D",
        ),
        # What the gateway would refuse; a person's data is not repeated.
        ({"text": "x" * 2001}, "data.text: string should have at most 2000 characters"),
        ({"explained_on": TODAY + timedelta(days=2)}, "data.explained_on: is later than the day"),
        ({"text": "Appeler le 06 12 34 56 78."}, "data.text: looks like a person's data"),
        ({"author_role": "Mme Jeanne Dupont"}, "data.author_role: looks like a person's data"),
    ],
)
def test_only_what_catalogue_and_contract_allow_is_explained(
    others: dict[str, object], message: str
) -> None:
    error = refusal(**others)
    assert str(error).startswith(message)
    assert "06 12" not in str(error)
    assert "Dupont" not in str(error)
