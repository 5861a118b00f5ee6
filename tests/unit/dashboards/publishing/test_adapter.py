"""A Grafana that answers, refuses, fails, hangs, or is none."""

import logging
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from boundary.http_client import HttpClient, NoAnswerError, SlowAnswerError
from dashboards.publishing.access import Address
from dashboards.publishing.adapter import Grafana
from dashboards.publishing.errors import AnswerError, PublishingError, UnavailableError
from dashboards.publishing.fingerprint import Model
from tests.support.board_models import board
from tests.support.grafana_stub import (
    ADMIN,
    DROP,
    HANG,
    TOKEN,
    Answer,
    GrafanaStub,
    Request,
    Stored,
)
from tests.support.passing_time import PassingTime
from tests.support.requirements import require_programs

FOLDER = "smart-region"


def save(grafana: Grafana, model: Model, version: int | None = None) -> None:
    """Write a board that must be at a version."""
    grafana.save(model, FOLDER, "a test", version=version)


def answering(*answers: Answer) -> Callable[[Request], Answer | None]:
    """Answer the first requests with these, and the others truly."""
    left = list(answers)
    return lambda _: left.pop(0) if left else None


class TestRequests:
    """Each of them, on a stub that refuses what is not documented."""

    def test_version(self, grafana: Grafana) -> None:
        assert grafana.version() == "12.2.0"

    def test_data_source_kinds(self, grafana: Grafana, stub: GrafanaStub) -> None:
        stub.sources += [{"type": "loki"}, {"type": "loki"}]
        assert grafana.data_source_kinds() == {"prometheus", "loki"}

    def test_data_sources_may_be_hidden(self, grafana: Grafana, stub: GrafanaStub) -> None:
        """An editor's token may publish, but not list them."""
        stub.interrupt = answering(Answer(403, {"message": "You need datasources:read"}))
        assert grafana.data_source_kinds() is None

    def test_a_folder_that_is_not_there_is_as_one_without_rights(
        self, grafana: Grafana, stub: GrafanaStub
    ) -> None:
        """An editor is answered 403 where an administrator is answered 404."""
        assert not grafana.has_folder(FOLDER)
        stub.role = ADMIN
        assert not grafana.has_folder(FOLDER)

    def test_a_folder_is_made_once(self, grafana: Grafana, stub: GrafanaStub) -> None:
        assert not grafana.has_folder(FOLDER)
        grafana.create_folder(FOLDER, "Smart Région")
        assert grafana.has_folder(FOLDER)
        assert stub.folders == {FOLDER: "Smart Région"}

    def test_a_board_is_written_read_and_removed(self, grafana: Grafana, stub: GrafanaStub) -> None:
        stub.folders[FOLDER] = "x"
        assert grafana.board("smart-region-x") is None
        save(grafana, board("smart-region-x"))
        live = grafana.board("smart-region-x")
        assert live is not None
        assert (live.folder, live.version, live.author) == (FOLDER, 1, "sa-smart-region")
        assert live.model["title"] == "Board smart-region-x"
        grafana.remove("smart-region-x")
        assert stub.boards == {}

    def test_a_board_that_is_gone_is_removed(self, grafana: Grafana) -> None:
        grafana.remove("smart-region-x")

    def test_all_pages_of_a_search_are_read(self, grafana: Grafana, stub: GrafanaStub) -> None:
        """There may be more boards than one answer holds."""
        stub.boards |= {f"b{n}": Stored({**board(f"b{n}"), "version": 1}) for n in range(1001)}
        stub.boards["other"] = Stored({"uid": "other", "title": "x", "tags": []})
        assert set(grafana.tagged("smart-region")) == {f"b{n}" for n in range(1001)}

    def test_a_path_before_the_api_is_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Grafana may share its host."""
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with GrafanaStub(prefix="/deep/grafana") as stub, asking(stub.url) as grafana:
            assert grafana.version() == "12.2.0"


class TestRefusals:
    """Requests that Grafana refuses."""

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
    def test_has_its_own_error(
        self, grafana: Grafana, stub: GrafanaStub, status: int, remedy: str
    ) -> None:
        stub.interrupt = answering(Answer(status, {"message": "because"}))
        with pytest.raises(AnswerError) as caught:
            save(grafana, board())
        text = str(caught.value)
        assert text.startswith(f"POST {stub.url}/api/dashboards/db: answered {status} (because): ")
        assert remedy in text

    def test_a_wrong_token_is_refused(self, stub: GrafanaStub) -> None:
        with (
            asking(stub.url, "wrong") as grafana,
            pytest.raises(AnswerError, match="answered 401"),
        ):
            grafana.has_folder(FOLDER)

    def test_a_board_changed_meanwhile_is_not_overwritten(
        self, grafana: Grafana, stub: GrafanaStub
    ) -> None:
        """The version that was read is no more the one that is there."""
        stub.folders[FOLDER] = "x"
        save(grafana, board())
        save(grafana, board(), version=1)
        with pytest.raises(AnswerError, match="changed by someone else"):
            save(grafana, board(), version=1)

    @pytest.mark.parametrize("body", ["a message", ["message"], None, 3, {"message": None}, {}])
    def test_any_body_may_come_with_it(
        self, grafana: Grafana, stub: GrafanaStub, body: object
    ) -> None:
        """A proxy's page, or JSON of another shape."""
        stub.interrupt = answering(Answer(403, body))
        with pytest.raises(AnswerError, match="answered 403"):
            save(grafana, board())

    def test_is_not_tried_again(
        self, grafana: Grafana, stub: GrafanaStub, time: PassingTime
    ) -> None:
        stub.interrupt = answering(Answer(403, {}))
        with pytest.raises(AnswerError, match="answered 403"):
            save(grafana, board())
        assert (time.waits, len(stub.requests)) == ([], 1)

    def test_what_is_said_cannot_disturb_a_terminal(
        self, grafana: Grafana, stub: GrafanaStub
    ) -> None:
        stub.interrupt = answering(Answer(400, {"message": "\x1b[2J\n" + "x" * 5000}))
        with pytest.raises(AnswerError) as caught:
            save(grafana, board())
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 500

    def test_a_save_that_is_only_broadcast_is_refused(
        self, grafana: Grafana, stub: GrafanaStub
    ) -> None:
        """A Grafana that is fed from elsewhere answers so: nothing was saved."""
        stub.interrupt = answering(Answer(202, {"status": "pending"}))
        with pytest.raises(AnswerError, match="pending"):
            save(grafana, board())


class TestPassingTrouble:
    """What goes away when one waits."""

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_is_tried_again(
        self, grafana: Grafana, stub: GrafanaStub, time: PassingTime, status: int
    ) -> None:
        stub.interrupt = answering(Answer(status, "busy"), Answer(status, {"message": "busy"}))
        assert grafana.version() == "12.2.0"
        assert time.waits == [0.5, 1]

    def test_waits_as_long_as_it_is_asked(
        self, grafana: Grafana, stub: GrafanaStub, time: PassingTime
    ) -> None:
        """And by a little more, for it asks the same of others."""
        stub.interrupt = answering(Answer(429, {}, {"Retry-After": "7"}))
        assert grafana.version() == "12.2.0"
        assert time.waits == [7.5]

    def test_ends_at_the_deadline(
        self, grafana: Grafana, stub: GrafanaStub, time: PassingTime
    ) -> None:
        stub.interrupt = lambda _: Answer(503, {"message": "database is locked"})
        with pytest.raises(UnavailableError, match=r"still answers 503 .*\(database is loc"):
            grafana.version()
        assert time.waits == [0.5, 1, 2, 4, 8]

    def test_does_not_wait_beyond_the_deadline(
        self, grafana: Grafana, stub: GrafanaStub, time: PassingTime
    ) -> None:
        stub.interrupt = answering(Answer(429, {}, {"Retry-After": "3600"}))
        with pytest.raises(UnavailableError, match="asks to wait 3600 s"):
            grafana.version()
        assert time.waits == []


class TestNotGrafana:
    """A wrong address, at which something else answers or nothing does."""

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(200, "<html>Welcome</html>"),
            Answer(200, {"hello": "world"}),
            Answer(200, []),
            Answer(404, "404 page not found"),
            Answer(404, {"message": "no route"}),
            Answer(301, "", {"Location": "https://grafana.example.org/login"}),
        ],
    )
    def test_another_server_is_reported(
        self, grafana: Grafana, stub: GrafanaStub, answer: Answer
    ) -> None:
        stub.interrupt = answering(answer)
        with pytest.raises(PublishingError, match="check the address"):
            grafana.version()

    def test_a_redirect_is_named_and_not_followed(
        self, grafana: Grafana, stub: GrafanaStub
    ) -> None:
        """The token goes nowhere but to the address that was given."""
        stub.interrupt = answering(Answer(302, "", {"Location": "https://elsewhere.example"}))
        with pytest.raises(PublishingError, match=r"redirect to https://elsewhere\.example"):
            save(grafana, board())
        assert len(stub.requests) == 1

    def test_a_page_s_own_path_is_reported(self, stub: GrafanaStub) -> None:
        """Copied from a browser, with the board that was open."""
        with (
            asking(f"{stub.url}/d/x") as grafana,
            pytest.raises(PublishingError, match="as Grafana does"),
        ):
            grafana.version()

    @pytest.mark.parametrize("body", [{}, [{}], [3], "x", {"dashboard": 3, "meta": {}}])
    def test_lists_and_boards_of_another_shape_are_reported(
        self, grafana: Grafana, stub: GrafanaStub, body: object
    ) -> None:
        stub.interrupt = lambda _: Answer(200, body)
        for question in (grafana.data_source_kinds, lambda: grafana.board("x")):
            with pytest.raises(PublishingError, match="as Grafana does"):
                question()

    def test_nobody_there(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{free.getsockname()[1]}"
        with (
            asking(address) as grafana,
            pytest.raises(PublishingError, match=r"cannot be reached.*\(.*refused\)"),
        ):
            grafana.version()

    def test_a_connection_that_is_closed(self, grafana: Grafana, stub: GrafanaStub) -> None:
        stub.interrupt = answering(Answer(0, DROP))
        with pytest.raises(PublishingError, match="cannot be reached"):
            save(grafana, board())

    def test_no_answer_in_time(self, stub: GrafanaStub) -> None:
        stub.interrupt = answering(Answer(0, HANG))
        with (
            asking(stub.url, answer_seconds=0.2) as grafana,
            pytest.raises(PublishingError, match=r"no answer within 0\.2 s"),
        ):
            grafana.version()

    def test_an_answer_that_is_not_complete_in_time(
        self, grafana: Grafana, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The deadline is that of the whole answer."""

        def answer_slowly(*_: object, **__: object) -> None:
            raise NoAnswerError(SlowAnswerError(seconds=100, received=3))

        monkeypatch.setattr(HttpClient, "request", answer_slowly)
        with pytest.raises(PublishingError, match="no answer within 100 s"):
            grafana.version()


class TestTls:
    """A connection that cannot be trusted is not made."""

    def test_https_where_http_is_spoken(self, stub: GrafanaStub) -> None:
        """The remedy names both."""
        address = stub.url.replace("http:", "https:")
        with (
            asking(address) as grafana,
            pytest.raises(PublishingError, match="http or https"),
        ):
            grafana.version()

    def test_a_certificate_that_nobody_vouches_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Until its authority is named in the environment."""
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        pem = certificate(tmp_path)
        with GrafanaStub(certificate=pem) as stub:
            with (
                asking(stub.url) as grafana,
                pytest.raises(PublishingError, match="self-signed"),
            ):
                grafana.version()
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
            with asking(stub.url) as grafana:
                assert grafana.version() == "12.2.0"


class TestToken:
    """It is sent to Grafana, and shown to nobody."""

    def test_is_in_no_log_and_no_error(
        self, grafana: Grafana, stub: GrafanaStub, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Even where a server repeats it, and everything is logged."""
        caplog.set_level(logging.DEBUG)
        stub.interrupt = answering(
            Answer(400, {"message": f"bad Bearer {TOKEN}"}),
            *[Answer(500, {"message": TOKEN})] * 9,
        )
        seen = [repr(grafana), repr(vars(grafana).get("_api"))]
        for _ in range(2):
            with pytest.raises(PublishingError) as caught:
                save(grafana, board())
            seen += [str(caught.value), repr(caught.value)]
        assert TOKEN not in caplog.text + "".join(seen)


def asking(url: str, token: str = TOKEN, answer_seconds: float = 10) -> Grafana:
    """Return the adapter to a Grafana at an address."""
    return Grafana(Address.parse(url), SecretStr(token), answer_seconds=answer_seconds)


def certificate(folder: Path) -> Path:
    """Make a self-signed certificate of this machine, with its key."""
    require_programs("openssl", remedy="install it to test TLS")
    pem = folder / "grafana.pem"
    options = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1"
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(pem.with_suffix(".key")), "-out", str(pem)]
    subprocess.run(["openssl", *options.split(), *names, *files], check=True, capture_output=True)
    pem.write_bytes(pem.read_bytes() + pem.with_suffix(".key").read_bytes())
    return pem
