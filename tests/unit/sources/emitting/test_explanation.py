"""The command `smart-region explain`: what the catalogue and the contract let an owner say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import copy

import pytest
from click.testing import CliRunner, Result

import catalogue
from boundary.errors import SmartRegionError
from catalogue.loader import load_catalogue
from catalogue.model import UndeclaredError
from events.errors import ContractError
from events.milestone import ExplanationKind, MilestoneExplained
from sources.emitting.cli import explain
from sources.emitting.explanation import RETRACTED_TEXT, SOURCE, explanation_event
from tests.support.gateway_stub import GatewayStub, StubAnswer, answered_each, gateway_stub
from tests.support.watched_publisher import WatchedPublisher

CATALOGUE = load_catalogue()
PROGRAMMES = Path(catalogue.__file__).parent / "programmes"
NOW = datetime(2019, 3, 12, 9, 30, tzinfo=UTC)
TODAY = NOW.date()
ROLE = "Responsable du programme Lycées numériques"
WORDS = {
    "--indicator": "schools_connected_ratio",
    "--milestone": "all_connected",
    "--kind": "cause",
    "--role": ROLE,
}
TEXT = "Les travaux ont pris trois mois de retard."


def run(*arguments: str, given: str | bytes | None = None, **others: str) -> Result:
    """Run the command with the options of `WORDS`, unless others are given."""
    options = WORDS | {f"--{name}": value for name, value in others.items()}
    words = [word for option in options.items() for word in option]
    return CliRunner().invoke(explain, [*words, *arguments], input=given)


def said(publishers: list[WatchedPublisher]) -> MilestoneExplained:
    """Return the one explanation that was sent."""
    [publisher] = publishers
    [event] = publisher.events
    assert isinstance(event.fact, MilestoneExplained)
    return event.fact


def refusal(**others: object) -> SmartRegionError:
    """Return why an explanation is refused."""
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


def test_an_explanation_is_sent(published: list[WatchedPublisher]) -> None:
    """Of the Région and of today, where nothing else is said; one line says what was sent."""
    before = datetime.now(UTC)
    result = run(TEXT)
    [event] = published[0].events
    assert before <= event.time <= datetime.now(UTC)
    assert (event.source, published[0].bootstrap) == (SOURCE, "127.0.0.1:9092")
    assert event.fact.entity_id == "schools_connected_ratio/all_connected/R11/cause"
    assert said(published).explained_on == event.time.date()
    assert (said(published).text, said(published).author_role) == (TEXT, ROLE)
    assert not said(published).retracted
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        f"sent: schools_connected_ratio/all_connected/R11/cause of {event.time.date()},"
        f" {ROLE}: '{TEXT}'\n"
    )


def test_a_departement_and_a_day_may_be_named(published: list[WatchedPublisher]) -> None:
    run(TEXT, territory="D95", day="2019-03-11", kind="action", source="/idf/mots")
    fact = said(published)
    assert (fact.territory, fact.explained_on, fact.kind) == ("D95", date(2019, 3, 11), "action")
    assert published[0].events[0].source == "/idf/mots"


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
    assert run("-", given=given.encode()).exit_code == 0
    assert said(published).text == text


def test_a_retraction_needs_no_text(published: list[WatchedPublisher]) -> None:
    """It takes back what was said of the milestone, the territory, the kind and the day."""
    result = run("--retract", day="2019-03-11")
    fact = said(published)
    assert (fact.retracted, fact.text) == (True, RETRACTED_TEXT)
    assert (fact.entity_id, fact.explained_on) == (
        "schools_connected_ratio/all_connected/R11/cause",
        date(2019, 3, 11),
    )
    assert result.stdout.endswith(f" of 2019-03-11, {ROLE}: retraction\n")


def test_without_a_text_nothing_is_sent(published: list[WatchedPublisher]) -> None:
    """A command that was cut short is no explanation."""
    result = run()
    assert (result.exit_code, published) == (2, [])
    assert "give TEXT, or - to read it from standard input" in result.stderr


@pytest.mark.parametrize(
    ("others", "kind", "message"),
    [
        (
            {"indicator": "lycees"},
            UndeclaredError,
            "indicator: is not declared, value 'lycees': one of schools_connected_ratio, ",
        ),
        (
            {"milestone": "half"},
            UndeclaredError,
            "milestone: is not declared, value 'half': one of all_connected",
        ),
        (
            {"indicator": "datasets_released"},
            UndeclaredError,
            "milestone: is not declared, value 'all_connected': one of none yet",
        ),
        (
            {"indicator": "workstations_created", "milestone": "workstations_1145"}
            | {"territory": "D77"},
            SmartRegionError,
            "territory: is not held to the milestone workstations_1145, value 'D77': one of R11",
        ),
        (
            {"territory": "FRANCE"},
            SmartRegionError,
            "territory: is not held to the milestone all_connected, value 'FRANCE': one of R11, D",
        ),
        (
            {"territory": "77"},
            SmartRegionError,
            "territory: is not held to the milestone all_connected, value '77': one of R11, D75,",
        ),
    ],
)
def test_only_what_the_catalogue_holds_is_explained(
    others: dict[str, object], kind: type[SmartRegionError], message: str
) -> None:
    error = refusal(**others)
    assert isinstance(error, kind)
    assert str(error).startswith(message)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"text": ""}, "data.text: does not have the right form"),
        ({"text": " \n "}, "data.text: does not have the right form"),
        ({"text": "x" * 2001}, "data.text: string should have at most 2000 characters"),
        ({"text": "\x1b[31mrouge"}, "data.text: does not have the right form"),
        ({"text": "de\rretour"}, "data.text: does not have the right form"),
        ({"text": "à l’envers\u202e"}, "data.text: does not have the right form"),
        ({"author_role": ""}, "data.author_role: does not have the right form"),
        ({"author_role": "deux\nlignes"}, "data.author_role: does not have the right form"),
        (
            {"explained_on": TODAY + timedelta(days=2)},
            "data.explained_on: is later than the day",
        ),
        ({"explained_on": date(2009, 12, 31)}, "data.explained_on: "),
        ({"text": "Appeler le 06 12 34 56 78."}, "data.text: looks like a person's data"),
        ({"author_role": "Mme Jeanne Dupont"}, "data.author_role: looks like a person's data"),
    ],
)
def test_a_text_keeps_the_contract(others: dict[str, object], message: str) -> None:
    """The refusal is the one that the gateway would answer; a person's data is not repeated."""
    error = refusal(**others)
    assert isinstance(error, ContractError)
    assert str(error).startswith(message)
    assert "06 12" not in str(error)
    assert "Dupont" not in str(error)


@pytest.mark.parametrize(
    ("arguments", "given", "others", "message"),
    [
        (["\udce9"], None, {}, "TEXT"),
        (["-"], b"\xe9", {}, "TEXT"),
        ([TEXT], None, {"role": "\udce9"}, "--role"),
        ([TEXT], None, {"kind": "excuse"}, "'excuse' is none of result, cause, risk, action"),
        ([TEXT], None, {"day": "hier"}, "--day"),
    ],
)
def test_what_no_event_can_have_is_refused_at_once(
    published: list[WatchedPublisher],
    arguments: list[str],
    given: bytes | None,
    others: dict[str, str],
    message: str,
) -> None:
    result = run(*arguments, given=given, **others)
    assert (result.exit_code, message in result.stderr, published) == (2, True, [])


def test_the_catalogue_of_the_settings_counts(
    published: list[WatchedPublisher], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy(PROGRAMMES / "formation.yaml", tmp_path)
    monkeypatch.setenv("SMART_REGION_CATALOGUE", str(tmp_path))
    assert isinstance(run(TEXT).exception, UndeclaredError)
    assert published == []


@pytest.fixture
def secret(tmp_path: Path) -> str:
    """Return the file of a token."""
    file = tmp_path / "token"
    file.write_text("srt_explications_" + "A" * 43)
    file.chmod(0o600)
    return str(file)


@pytest.fixture
def stub() -> Iterator[GatewayStub]:
    """Yield a gateway."""
    with gateway_stub() as stub:
        yield stub


def test_a_refusal_of_the_gateway_is_the_error(stub: GatewayStub, secret: str) -> None:
    stub.behaviour = lambda events: answered_each([422] * len(events))
    result = run(TEXT, gateway=stub.url, secret=secret)
    assert "was refused" in str(result.exception)
    assert result.stdout == ""


def test_an_explanation_may_wait_for_the_gateway(
    stub: GatewayStub, secret: str, tmp_path: Path
) -> None:
    stub.behaviour = lambda _: StubAnswer(503, {})
    spool = str(tmp_path / "spool.sqlite")
    result = run(TEXT, gateway=stub.url, secret=secret, spool=spool)
    assert (result.exit_code, result.stdout.startswith("waiting: schools_connected")) == (0, True)
    assert "the gateway takes no events now" in result.stderr
