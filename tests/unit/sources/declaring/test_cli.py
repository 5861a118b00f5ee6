"""`smart-region producers new`, with answers of options and of a person."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from shlex import split

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.cloudevent import decode_json
from events.identifiers import is_blank
from events.producers.loader import REGION, load_producers
from events.producers.secrets import load_secrets
from tests.support.commands import run_inside_with
from tests.support.guide import blocks_of, shows

DOCS = Path(__file__).parents[4] / "docs"
COMPLETE = ("--id", "navette", "--contact", "Pôle lycées", "--types", "school.*")
SHARE = ("--id", "b", "--owns", "D77")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SMART_REGION_PRODUCERS", "SMART_REGION_GATEWAY_SECRETS"):
        monkeypatch.delenv(name, raising=False)


def new(*options: str, answers: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command on a day of 2019."""
    variables = {"SMART_REGION_CLOCK": "2019-03-11"}
    return run_inside_with(variables, "producers", "new", *options, standard_input=answers)


def files() -> dict[str, bytes]:
    """Return the files that there are."""
    return {file.name: file.read_bytes() for file in Path.cwd().iterdir()}


@pytest.mark.parametrize(
    ("options", "answers"), [(COMPLETE, ""), ((), "navette\nPôle lycées\nschool.*\n")]
)
def test_a_producer_has_a_declaration_a_secret_and_a_first_event(
    options: tuple[str, ...], answers: str
) -> None:
    """Whether options or a person answer: the gateway takes the event of today."""
    done = new(*options, answers=answers)

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


@given(st.text(min_size=1, max_size=200).map(str.strip).filter(lambda one: not is_blank(one)))
@example("one\x85line")
@example("0")
@example("no")
@example("1:30")
@example("null")
@example("a: b")
@example("'")
def test_what_is_answered_is_what_is_declared(contact: str) -> None:
    """Whatever YAML would make of the text."""
    for name in files():
        Path(name).unlink()
    done = new(*COMPLETE, f"--contact={contact}")

    assert done.returncode == 0, done.stderr
    (producer,) = load_producers(Path("producers.yaml"))
    assert producer.contact == contact


@pytest.mark.parametrize("scheme", ["bearer", "signature"])
def test_the_secret_is_in_files_for_their_owner_alone(scheme: str) -> None:
    """The terminal, whose lines are kept, does not show it; its hash is not for others either."""
    done = new(*COMPLETE, "--scheme", scheme)
    secret = Path("navette-secret.txt").read_text().strip()

    assert len(secret) > 20
    assert done.returncode == 0
    assert secret not in done.stdout + done.stderr
    having = {name for name, content in files().items() if secret.encode() in content}
    assert having == {"navette-secret.txt"} | ({"secrets.yaml"} if scheme == "signature" else set())
    for name in ("navette-secret.txt", "secrets.yaml"):
        assert stat.S_IMODE(Path(name).stat().st_mode) == 0o600


def test_the_shipped_declaration_keeps_its_lines() -> None:
    """Only lines are added, comments stay, and the others' secrets stay valid."""
    before = REGION.read_text(encoding="utf-8")
    Path("producers.yaml").write_text(before, encoding="utf-8")
    Path("secrets.yaml").write_text(f"# ours\nlycees: {{bearer_sha256: [{'a' * 64}]}}\n")
    Path("secrets.yaml").chmod(0o640)
    done = new(*COMPLETE, "--owns", "D77,0930832W", "--scheme", "signature")

    assert done.returncode == 0, done.stderr
    assert Path("producers.yaml").read_text(encoding="utf-8").startswith(f"{before}\n  - id: nav")
    assert Path("secrets.yaml").read_text().startswith("# ours\nlycees: {bearer_sha256: [aaa")
    assert stat.S_IMODE(Path("secrets.yaml").stat().st_mode) == 0o640
    declared = load_producers(Path("producers.yaml"))
    assert {*load_secrets(Path("secrets.yaml"), declared).root} == {"lycees", "navette"}
    owners = map(
        declared.ownership.owner, ["school.closed"] * 3, ["0770918E", "0930832W", "0750419Y"]
    )
    assert [*owners] == ["navette", "navette", "lycees"]


def test_a_declaration_in_brackets_is_written_anew() -> None:
    """Lines at its end would not be YAML."""
    own = (
        "id: own, title: x, contact: x, sources: [urn:x:own], types: [dataset.*],"
        " quota: { events_per_second: 1, burst: 1 }, expected_every: daily"
    )
    Path("producers.yaml").write_text(f"producers: [{{ {own} }}]\n")
    assert new(*COMPLETE).returncode == 0
    assert [one.id for one in load_producers(Path("producers.yaml"))] == ["own", "navette"]


def test_who_loses_what_is_said() -> None:
    """A share of its facts, or a source below its own."""
    Path("producers.yaml").write_text(REGION.read_text(encoding="utf-8"), encoding="utf-8")
    sources = ("--source", "urn:iledefrance:lycees:77", "--source", "urn:iledefrance:lycees77")
    said = new(*COMPLETE, *sources, "--types", "broadband.*", "--owns", "D77,D93").stderr

    assert "tres-haut-debit loses a share of broadband." in said
    assert "lycees loses the source urn:iledefrance:lycees:77" in said
    assert said.count("loses") == 2
    assert "shipped" not in said


@pytest.mark.parametrize("guide", ["producers.md", "producteurs.md"])
def test_the_guide_shows_what_is_said(guide: str) -> None:
    """With the guide's declaration and its command."""
    blocks = blocks_of(DOCS / guide)
    (declaration,) = [one.text for one in blocks if one.file == "producers.yaml"]
    Path("producers.yaml").write_text(declaration, encoding="utf-8")
    (at,) = [number for number, one in enumerate(blocks) if "producers new" in one.text]
    done = new(*split(blocks[at].text.replace("\\\n", ""))[3:])

    assert shows(blocks[at + 1].text, done.stderr), done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((*COMPLETE, "--id", "a_b"), "id: is not an id, value 'a_b': write lower-case letters"),
        ((*COMPLETE, "--id", "unknown"), "id: is reserved for who is not declared"),
        ((*COMPLETE, "--source", "urn:x:"), "ends in the middle of a path"),
        ((*COMPLETE, "--types", "scool.*"), "is no event, value 'scool.*'"),
        ((*COMPLETE, "--owns", "D99"), "owns"),
        ((*COMPLETE, "--types", "grant.paid", "--owns", "D77"), "cannot be derived"),
    ],
)
def test_a_wrong_answer_is_refused(options: tuple[str, ...], said: str) -> None:
    """In one readable error that names its field; no file is written."""
    done = new(*options)

    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert files() == {}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (COMPLETE, "is another producer's id"),
        ((*COMPLETE, "--id", "b", "--source", "urn:iledefrance:navette"), "is declared"),
        ((*COMPLETE, "--id", "b"), "is another producer's own"),
        ((*COMPLETE, *SHARE, "--producers", "other.yaml"), "navette: is not a declared producer"),
    ],
)
def test_what_is_there_is_not_overwritten(options: tuple[str, ...], said: str) -> None:
    """An id, a source, a fact's owner, another one's secrets: all files stay as they are."""
    assert new(*COMPLETE).returncode == 0
    before = files()
    done = new(*options)

    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert files() == before


@pytest.mark.parametrize("name", ["navette-secret.txt", "navette-first-event.json"])
def test_a_file_of_the_same_name_is_kept(name: str) -> None:
    """A secret that nobody has taken yet would be lost."""
    Path(name).write_text("kept")
    done = new(*COMPLETE)

    assert (done.returncode, "has a file already" in done.stderr) == (2, True)
    assert files() == {name: b"kept"}


def test_secrets_open_to_everybody_are_refused() -> None:
    """As the gateway refuses them."""
    assert new(*COMPLETE).returncode == 0
    Path("secrets.yaml").chmod(0o644)
    done = new(*COMPLETE, *SHARE)

    assert (done.returncode, "chmod 600" in done.stderr) == (2, True)


def test_a_failed_write_leaves_no_file() -> None:
    """The last file has no folder: none of the four is written."""
    done = new(*COMPLETE, "--secrets", "missing/secrets.yaml")

    assert (done.returncode, "cannot write" in done.stderr) == (2, True)
    assert files() == {}
