"""A Grafana that answers, refuses, fails, hangs, or is none; and the token for it."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from dashboards.board_mark import Model
from dashboards.grafana import Grafana, PublishingError, read_token
from tests.support.board_models import board
from tests.support.grafana_stub import (
    ADMIN,
    DROP,
    HANG,
    TOKEN,
    GrafanaStub,
    Request,
    Stored,
)
from tests.support.loopback import Answer
from tests.support.passing_time import PassingTime
from tests.support.private_files import private_file

FOLDER = "smart-region"
SECRET = "glsa_a-secret"  # noqa: S105 - not one


def save(grafana: Grafana, model: Model, version: int | None = None) -> None:
    """Write a board that must be at a version."""
    grafana.save(model, FOLDER, "a test", version=version)


def answering(*answers: Answer) -> Callable[[Request], Answer | None]:
    """Answer the first requests with these, and the others truly."""
    left = list(answers)
    return lambda _: left.pop(0) if left else None


def asking(url: str, token: str = TOKEN, answer_seconds: float = 10) -> Grafana:
    return Grafana(url, SecretStr(token), answer_seconds=answer_seconds)


def test_version_and_kinds_of_data_sources(grafana: Grafana, stub: GrafanaStub) -> None:
    stub.sources += [{"type": "loki"}, {"type": "loki"}]
    assert grafana.version() == "12.2.0"
    assert grafana.data_source_kinds() == {"prometheus", "loki"}


def test_data_sources_may_be_hidden(grafana: Grafana, stub: GrafanaStub) -> None:
    """An editor's token may publish, but not list them."""
    stub.interrupt = answering(Answer(403, {"message": "You need datasources:read"}))
    assert grafana.data_source_kinds() is None


def test_a_folder_is_created_once(grafana: Grafana, stub: GrafanaStub) -> None:
    """An editor is answered 403 for a missing folder, an administrator 404."""
    assert not grafana.has_folder(FOLDER)
    stub.role = ADMIN
    assert not grafana.has_folder(FOLDER)
    grafana.create_folder(FOLDER, "Smart Région")
    assert grafana.has_folder(FOLDER)
    assert stub.folders == {FOLDER: "Smart Région"}


def test_a_board_is_written_read_and_removed(grafana: Grafana, stub: GrafanaStub) -> None:
    stub.folders[FOLDER] = "x"
    assert grafana.board("smart-region-x") is None
    save(grafana, board("smart-region-x"))
    live = grafana.board("smart-region-x")
    assert live is not None
    assert (live.folder, live.version, live.author) == (FOLDER, 1, "sa-smart-region")
    assert live.model["title"] == "Board smart-region-x"
    grafana.remove("smart-region-x")
    grafana.remove("smart-region-x")
    assert stub.boards == {}


def test_all_pages_of_a_search_are_read(grafana: Grafana, stub: GrafanaStub) -> None:
    stub.boards |= {f"b{n}": Stored({**board(f"b{n}"), "version": 1}) for n in range(1001)}
    stub.boards["other"] = Stored({"uid": "other", "title": "x", "tags": []})
    assert set(grafana.tagged("smart-region")) == {f"b{n}" for n in range(1001)}


def test_a_path_before_the_api_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with GrafanaStub(prefix="/deep/grafana") as stub, asking(f"{stub.url}/") as grafana:
        assert grafana.version() == "12.2.0"
        assert grafana.address == stub.url


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (400, "correct what it says"),
        (401, "SMART_REGION_GRAFANA_TOKEN"),
        (403, "role Editor"),
        (404, "run plan again"),
        (406, "delete it there"),
        (409, "rename or remove it"),
        (412, "changed meanwhile"),
        (422, "correct what it says"),
    ],
)
def test_a_refusal_ends_at_once_with_its_remedy(
    grafana: Grafana, stub: GrafanaStub, time: PassingTime, status: int, remedy: str
) -> None:
    stub.interrupt = answering(Answer(status, {"message": "because"}))
    with pytest.raises(PublishingError) as caught:
        save(grafana, board())
    text = str(caught.value)
    assert text.startswith(f"POST {stub.url}/api/dashboards/db: answered {status} (because): ")
    assert remedy in text
    assert (time.waits, len(stub.requests)) == ([], 1)


@pytest.mark.parametrize("body", ["a message", ["message"], None, 3, {"message": None}, {}])
def test_a_refusal_may_have_any_body(grafana: Grafana, stub: GrafanaStub, body: object) -> None:
    """A proxy's page, or JSON of another shape."""
    stub.interrupt = answering(Answer(403, body))
    with pytest.raises(PublishingError, match="answered 403"):
        save(grafana, board())


def test_a_message_cannot_disturb_a_terminal(grafana: Grafana, stub: GrafanaStub) -> None:
    stub.interrupt = answering(Answer(400, {"message": "\x1b[2J\n" + "x" * 5000}))
    with pytest.raises(PublishingError) as caught:
        save(grafana, board())
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_temporary_failure_is_retried(
    grafana: Grafana, stub: GrafanaStub, time: PassingTime, status: int
) -> None:
    stub.interrupt = answering(Answer(status, "busy"), Answer(status, {"message": "busy"}))
    assert grafana.version() == "12.2.0"
    assert time.waits == [0.5, 1]


def test_a_retry_waits_as_long_as_grafana_asks(
    grafana: Grafana, stub: GrafanaStub, time: PassingTime
) -> None:
    """And by a little more, for it asks the same of others."""
    stub.interrupt = answering(Answer(429, {}, {"Retry-After": "7"}))
    assert grafana.version() == "12.2.0"
    assert time.waits == [7.5]


def test_retries_end_at_the_deadline(
    grafana: Grafana, stub: GrafanaStub, time: PassingTime
) -> None:
    stub.interrupt = lambda _: Answer(503, {"message": "database is locked"})
    with pytest.raises(PublishingError, match=r"answered 503 \(database is loc.* later"):
        grafana.version()
    assert sum(time.waits) <= 90


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, "<html>Welcome</html>"),
        Answer(200, []),
        Answer(404, "404 page not found"),
        Answer(301, "", {"Location": "https://grafana.example.org/login"}),
    ],
)
def test_another_server_is_reported(grafana: Grafana, stub: GrafanaStub, answer: Answer) -> None:
    stub.interrupt = answering(answer)
    with pytest.raises(PublishingError, match="check the address"):
        grafana.version()


@pytest.mark.parametrize("body", [[3], "x", {"dashboard": 3, "meta": {}}, {}])
def test_a_board_of_another_shape_is_reported(
    grafana: Grafana, stub: GrafanaStub, body: object
) -> None:
    stub.interrupt = lambda _: Answer(200, body)
    with pytest.raises(PublishingError, match="as Grafana does"):
        grafana.board("x")


def test_an_unreachable_server_is_reported(grafana: Grafana, stub: GrafanaStub) -> None:
    stub.interrupt = answering(Answer(0, DROP))
    with pytest.raises(PublishingError, match="cannot be reached"):
        save(grafana, board())


def test_no_answer_in_time(stub: GrafanaStub) -> None:
    stub.interrupt = answering(Answer(0, HANG))
    with (
        asking(stub.url, answer_seconds=0.2) as grafana,
        pytest.raises(PublishingError, match=r"no answer within 0\.2 s"),
    ):
        grafana.version()


def test_the_token_is_in_no_log_and_no_error(
    grafana: Grafana, stub: GrafanaStub, caplog: pytest.LogCaptureFixture
) -> None:
    """Even where a server repeats it, and everything is logged."""
    caplog.set_level(logging.DEBUG)
    stub.interrupt = lambda _: Answer(400, {"message": f"bad Bearer {TOKEN}"})
    with pytest.raises(PublishingError) as caught:
        save(grafana, board())
    seen = [repr(grafana), repr(vars(grafana).get("_api")), str(caught.value), repr(caught.value)]
    assert TOKEN not in caplog.text + "".join(seen)


@pytest.mark.parametrize(
    "text", ["localhost:3000", "http://x:port", f"https://admin:{SECRET}@grafana.example.org"]
)
def test_an_unusable_address_is_refused_and_no_secret_repeated(text: str) -> None:
    with pytest.raises(PublishingError, match="https://") as caught:
        asking(text)
    assert SECRET not in str(caught.value)


def test_the_token_of_a_file_goes_before_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMART_REGION_GRAFANA_TOKEN", f" {SECRET}\n")
    file = private_file(tmp_path / "token", "another\n")
    assert read_token(None).get_secret_value() == SECRET
    assert read_token(file).get_secret_value() == "another"
    assert SECRET not in repr(read_token(None))


def test_a_missing_token_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SMART_REGION_GRAFANA_TOKEN", raising=False)
    with pytest.raises(PublishingError, match=r"TOKEN: holds no token: put .* --token-file"):
        read_token(None)
    with pytest.raises(PublishingError, match="No such file"):
        read_token(tmp_path / "none")


@pytest.mark.parametrize("content", [b"", b"  \n", b"two words", b"a\nb", "clé".encode(), b"\xff"])
def test_a_file_without_a_token_is_refused(tmp_path: Path, content: bytes) -> None:
    """What it holds is not repeated: it may be nearly a secret."""
    file = private_file(tmp_path / "file", content)
    with pytest.raises(PublishingError) as caught:
        read_token(file)
    assert "two words" not in str(caught.value)
