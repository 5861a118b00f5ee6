"""`smart-region producers new`, with answers of options and of a person."""

from __future__ import annotations

import json
import re
import socket
import stat
import subprocess
from pathlib import Path
from shlex import quote

import pytest
from click.testing import CliRunner

from events.cloudevent import decode_json
from events.producers.loader import REGION, load_producers
from events.producers.secrets import load_secrets
from events.producers.tokens import Scheme, issue
from operations.declaring.answers import QUESTIONS
from operations.declaring.files import DeclarationChangedError, NewFiles, ProducerFiles
from smart_region import main
from tests.support.commands import run_inside_with
from tests.support.guide import blocks_of, shows

DOCS = Path(__file__).parents[4] / "docs"
COMPLETE = ("--id", "navette", "--contact", "Pôle lycées", "--types", "school.*", "--yes")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SMART_REGION_PRODUCERS", "SMART_REGION_GATEWAY_SECRETS"):
        monkeypatch.delenv(name, raising=False)


def new(*options: str, answers: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command on a day of 2019."""
    variables = {"SMART_REGION_CLOCK": "2019-03-11"}
    return run_inside_with(variables, "producers", "new", *options, standard_input=answers)


def names() -> list[str]:
    """Return the files that there are."""
    return sorted(file.name for file in Path.cwd().iterdir())


def test_options_alone_declare_a_producer() -> None:
    """Without a terminal: declaration, secret and a first event of today that it may send."""
    done = new(*COMPLETE)

    assert done.returncode == 0, done.stderr
    declared = load_producers(Path("producers.yaml"))
    producer = declared.get("navette")
    assert producer is not None
    assert (producer.title, producer.sources) == ("navette", ("urn:iledefrance:navette",))
    secrets = load_secrets(Path("secrets.yaml"), declared).of("navette")
    assert secrets is not None
    assert secrets.has_token(Path("navette-secret.txt").read_text().strip())
    event = decode_json(Path("navette-first-event.json").read_bytes())
    assert event.time.date().isoformat() == event.fact.effective_day.isoformat() == "2019-03-11"
    assert declared.refusal("navette", event.source, event.type) is None
    declared.ownership.judge(event)


@pytest.mark.parametrize("scheme", ["bearer", "signature"])
def test_the_secret_is_in_files_for_their_owner_alone(scheme: str) -> None:
    """The terminal, whose lines are kept, does not show it; its hash is not for others either."""
    done = new(*COMPLETE, "--scheme", scheme)
    secret = Path("navette-secret.txt").read_text().strip()

    assert len(secret) > 20
    assert done.returncode == 0
    assert secret not in done.stdout + done.stderr
    having = {name for name in names() if secret in Path(name).read_text()}
    assert having == {"navette-secret.txt"} | ({"secrets.yaml"} if scheme == "signature" else set())
    for name in ("navette-secret.txt", "secrets.yaml"):
        assert stat.S_IMODE(Path(name).stat().st_mode) == 0o600


def test_the_shipped_declaration_keeps_its_lines() -> None:
    """Only lines are added, comments stay, and the others' secrets stay valid."""
    before = REGION.read_text(encoding="utf-8")
    Path("producers.yaml").write_text(before, encoding="utf-8")
    Path("secrets.yaml").write_text(f"# ours\nlycees: {{bearer_sha256: [{'a' * 64}]}}\n")
    Path("secrets.yaml").chmod(0o640)
    done = new(*COMPLETE, "--owns", "D77,D93", "--scheme", "signature")

    assert done.returncode == 0, done.stderr
    assert Path("producers.yaml").read_text(encoding="utf-8").startswith(f"{before}\n  - id: nav")
    assert Path("secrets.yaml").read_text().startswith("# ours\nlycees: {bearer_sha256: [aaa")
    assert stat.S_IMODE(Path("secrets.yaml").stat().st_mode) == 0o640
    declared = load_producers(Path("producers.yaml"))
    secrets = load_secrets(Path("secrets.yaml"), declared)
    assert {*secrets.root} == {"lycees", "navette"}
    assert declared.ownership.owner("school.closed", "0770918E") == "navette"
    assert declared.ownership.owner("school.closed", "0750419Y") == "lycees"
    assert json.loads(Path("navette-first-event.json").read_text())["data"]["uai"] == "0770001H"


def test_a_declaration_in_brackets_is_written_anew() -> None:
    """Lines at its end would not be YAML."""
    own = (
        "id: own, title: x, contact: x, sources: [urn:x:own], types: [dataset.*],"
        " quota: { events_per_second: 1, burst: 1 }, expected_every: daily"
    )
    Path("producers.yaml").write_text(f"producers: [{{ {own} }}]\n")
    done = new(*COMPLETE)
    assert done.returncode == 0, done.stderr
    assert [one.id for one in load_producers(Path("producers.yaml"))] == ["own", "navette"]


def test_who_loses_what_is_told_before_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose share shrinks, what becomes of its events, and which files are written."""
    monkeypatch.setattr("operations.declaring.cli.somebody_answers", lambda: True)
    Path("producers.yaml").write_text(REGION.read_text(encoding="utf-8"), encoding="utf-8")
    options = (*COMPLETE[:-1], "--types", "broadband.*", "--owns", "D77,D93")
    done = new(*options, answers="\n\n\nn\n")
    told = done.stderr.partition("Write them?")[0]

    assert done.returncode == 1
    assert "tres-haut-debit loses broadband.* of D77, D93 to navette" in told
    assert "lycees loses" in told
    assert "is refused (not_owner)" in told
    for name in (
        "producers.yaml",
        "secrets.yaml",
        "navette-secret.txt",
        "navette-first-event.json",
    ):
        assert f"  {name}: " in told
    assert "shipped" not in told
    assert names() == ["producers.yaml"]


def test_only_what_is_lost_is_told() -> None:
    """Facts one by one where their former owner has not all of them."""
    assert new(*COMPLETE[:-2], "school.closed,school.connected", "--yes").returncode == 0
    done = new(*COMPLETE, "--id", "other", "--owns", "D77")

    assert "navette loses school.connected, school.closed of D77 to other:" in done.stderr


def test_a_source_below_another_s_is_told() -> None:
    """Its producer may send as it until then, and what it has sent would count no more."""
    Path("producers.yaml").write_text(REGION.read_text(encoding="utf-8"), encoding="utf-8")
    sources = ("--source", "urn:iledefrance:lycees:77", "--source", "urn:iledefrance:lycees77")
    done = new(*COMPLETE, *sources, "--types", "grant.paid", "--owns", "n-*")

    assert done.returncode == 0, done.stderr
    assert "lycees loses urn:iledefrance:lycees:77, which is below its own" in done.stderr
    assert "lycees loses urn:iledefrance:lycees77" not in done.stderr


def test_a_new_declaration_says_how_to_keep_the_shipped_producers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the first question: where they are declared, and the command that copies them."""
    monkeypatch.setattr("operations.declaring.cli.somebody_answers", lambda: True)
    done = CliRunner().invoke(main, ["producers", "new", *COMPLETE[:-1]], input="\n\n\n\nn\n")
    told = done.output.partition("Write them?")[0]

    assert f"cp {REGION} producers.yaml" in told.partition("What people call it")[0]
    assert "loses" not in told


@pytest.mark.parametrize("guide", ["producers.md", "producteurs.md"])
def test_the_guide_shows_what_is_asked_and_told(
    guide: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the guide's declaration and its answers: the questions, the losses, the commands."""
    monkeypatch.setattr("operations.declaring.cli.somebody_answers", lambda: True)
    monkeypatch.setattr("operations.declaring.next_steps.is_free", lambda _port: True)
    monkeypatch.delenv("SMART_REGION_BROKER", raising=False)
    blocks = blocks_of(DOCS / guide)
    (declaration,) = [one.text for one in blocks if one.file == "producers.yaml"]
    (transcript,) = [one.text for one in blocks if "Write them?" in one.text]
    Path("producers.yaml").write_text(declaration, encoding="utf-8")
    starts = tuple(one.text for one in QUESTIONS)
    asked = [line for line in transcript.splitlines() if line.startswith((*starts, "Write them?"))]
    answers = "\n".join([*(line.rpartition(":")[2].strip() for line in asked), ""])
    done = CliRunner().invoke(main, ["producers", "new"], input=answers)

    assert len(asked) == len(QUESTIONS) + 1
    # Quotes stand around a folder whose name has spaces, and not around the guide's.
    unquoted = (text.replace("'", "") for text in (transcript, done.output))
    assert shows(*unquoted), done.output


@pytest.mark.parametrize("scheme", ["bearer", "signature"])
def test_an_entity_that_cannot_be_made_is_left_to_a_person(scheme: str) -> None:
    """No commune of the region has such a code; the line before the one that sends says so."""
    options = ("--types", "broadband.*", "--owns", "999*", "--scheme", scheme)
    lines = new(*COMPLETE, *options).stderr.splitlines()
    sends = next(number for number, line in enumerate(lines) if '"$GATEWAY' in line)

    assert "change the entity in navette-first-event.json to one that it owns" in lines[sends - 1]


def test_the_other_programs_restart_before_the_gateway_starts() -> None:
    """The gateway keeps its terminal, and what workers refuse meanwhile is a dead letter."""
    steps = new(*COMPLETE).stderr
    restart = f"  SMART_REGION_PRODUCERS={quote(str(Path.cwd() / 'producers.yaml'))} make stack\n"

    assert 0 < steps.find(restart) < steps.find("producers check && ")


def test_a_gateway_that_has_the_port_is_left_alone() -> None:
    """As that of `make stack`: the new one and its client take a free port."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        variables = {"SMART_REGION_GATEWAY_PORT": str(port)}
        steps = run_inside_with(variables, "producers", "new", *COMPLETE).stderr
    (taken,) = re.findall(r"export SMART_REGION_GATEWAY_PORT=([0-9]+)", steps)

    assert taken != str(port)
    assert f"export GATEWAY=http://127.0.0.1:{taken}\n" in steps


def test_a_second_terminal_has_the_settings_of_the_broker_and_its_topics() -> None:
    """A secured broker would refuse its last commands; files are named whole, no password is."""
    variables = {
        "SMART_REGION_SECURITY_PROTOCOL": "SASL_SSL",
        "SMART_REGION_SASL_USERNAME": "the operator",
        "SMART_REGION_SASL_PASSWORD": "geheim",
        "SMART_REGION_SSL_CAFILE": "authority.pem",
        "SMART_REGION_APP_ID": "monitor-2",
        "SMART_REGION_PARTITIONS": "16",
    }
    steps = run_inside_with(variables, "producers", "new", *COMPLETE).stderr
    second = steps.partition("in a second terminal")[2].splitlines()

    assert "  export SMART_REGION_SECURITY_PROTOCOL=SASL_SSL" in second
    assert "  export SMART_REGION_SASL_USERNAME='the operator'" in second
    assert f"  export SMART_REGION_SSL_CAFILE={quote(str(Path.cwd() / 'authority.pem'))}" in second
    assert "  export SMART_REGION_APP_ID=monitor-2" in second
    assert "  export SMART_REGION_PARTITIONS=16" in second
    assert "(set SMART_REGION_SASL_PASSWORD there as here: it is not shown)" in second
    assert "geheim" not in steps


def test_a_person_is_asked_again_after_a_wrong_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the loaders' own words; Enter takes the default."""
    monkeypatch.setattr("operations.declaring.cli.somebody_answers", lambda: True)
    given = ["Navette", "navette", "", "Pôle lycées", "", "scool.*", "school.*", "", "dayly"]
    done = new(answers="\n".join([*given, "daily", "y", ""]))

    assert done.returncode == 0, done.stderr
    assert "--types: is no event, value 'scool.*': write 'school.*'" in done.stderr
    assert "--id: " in done.stderr
    assert "--every: " in done.stderr
    assert str(load_producers(Path("producers.yaml")).get("navette").expected_every) == "daily"  # type: ignore[union-attr]


def test_who_says_no_at_the_end_has_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written before the last answer."""
    monkeypatch.setattr("operations.declaring.cli.somebody_answers", lambda: True)
    done = new(*COMPLETE[:-1], answers="\n\n\n\nn\n")

    assert done.returncode == 1
    assert names() == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--id", "navette"), "nobody is asked here: add --contact, --types"),
        (COMPLETE[:-1], "add --yes"),
        (
            (*COMPLETE, "--id", "a_b"),
            "--id: is not an id, value 'a_b': write lower-case letters a to z",
        ),
        ((*COMPLETE, "--id", "unknown"), "--id: is reserved for who is not declared"),
        ((*COMPLETE, "--source", "urn:x:"), "--source: ends in the middle of a path"),
        ((*COMPLETE, "--types", "scool.*"), "--types: is no event, value 'scool.*'"),
        ((*COMPLETE, "--owns", "D99"), "--owns: "),
        ((*COMPLETE, "--types", "grant.paid", "--owns", "D77"), "cannot be derived"),
        ((*COMPLETE, "--every", "dayly"), "--every: "),
        ((*COMPLETE, "--burst", "0"), "--burst"),
    ],
)
def test_a_wrong_option_is_refused(options: tuple[str, ...], said: str) -> None:
    """In one readable error that names it; no file is written."""
    done = new(*options)

    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert names() == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (COMPLETE, "--id: is declared already, value 'navette'"),
        ((*COMPLETE, "--id", "b", "--source", "urn:iledefrance:navette"), "--source: is declared"),
        ((*COMPLETE, "--id", "b"), "--owns: is another producer's own"),
        (
            (*COMPLETE, "--id", "b", "--owns", "D77", "--event", "navette-first-event.json"),
            "--event: is there already",
        ),
        (
            (*COMPLETE, "--id", "b", "--owns", "D77", "--secret-file", "navette-secret.txt"),
            "--secret-file: is there already",
        ),
        ((*COMPLETE, "--producers", "other.yaml"), "--producers: is not there, value 'other.yaml'"),
    ],
)
def test_what_is_there_is_not_overwritten(options: tuple[str, ...], said: str) -> None:
    """An id, a source, a fact's owner, a file: each is refused, and all files stay as they are."""
    assert new(*COMPLETE).returncode == 0
    before = {name: Path(name).read_bytes() for name in names()}
    done = new(*options)

    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert {name: Path(name).read_bytes() for name in names()} == before


def test_secrets_open_to_everybody_are_refused() -> None:
    """As the gateway refuses them."""
    assert new(*COMPLETE).returncode == 0
    Path("secrets.yaml").chmod(0o644)
    done = new(*COMPLETE, "--id", "b", "--types", "grant.*")

    assert (done.returncode, "chmod 600" in done.stderr) == (2, True)


def test_a_signed_first_event_is_one_line() -> None:
    """`smart-region emit` reads an event a line."""
    assert new(*COMPLETE, "--scheme", "signature").returncode == 0
    (line,) = Path("navette-first-event.json").read_text().splitlines()
    assert json.loads(line)["source"] == "urn:iledefrance:navette"


def test_a_failed_write_leaves_no_file() -> None:
    """The last file has no folder: none of the three is written."""
    done = new(*COMPLETE, "--event", "missing/event.json")

    assert (done.returncode, "cannot write" in done.stderr) == (2, True)
    assert names() == []


def test_two_who_declare_one_producer_at_once_do_not_both_write() -> None:
    """Each was answered with the declaration as it was; no program reads an id twice."""
    assert new(*COMPLETE).returncode == 0
    files = ProducerFiles(Path("producers.yaml"), Path("secrets.yaml"))
    before = files.declaration.read_text(), files.secrets.read_text()
    event = json.loads(Path("navette-first-event.json").read_text())

    with pytest.raises(DeclarationChangedError, match="was changed meanwhile"):
        files.add(
            files.declared()[0],
            issue("navette", Scheme.BEARER),
            event,
            NewFiles(Path("other-secret.txt"), Path("other-event.json")),
        )

    assert (files.declaration.read_text(), files.secrets.read_text()) == before
    assert not Path("other-secret.txt").exists()
