"""Boards published on a Grafana."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import SecretStr

from boundary.retry_policy import RetryPolicy
from catalogue.loader import load_catalogue
from dashboards.publishing import errors
from dashboards.publishing.access import Address
from dashboards.publishing.adapter import Grafana
from dashboards.publishing.apply import carry_out, look_at_boards, survey, wanted_boards
from dashboards.publishing.plan import Action
from tests.support.board_models import board, boards, panel
from tests.support.grafana_stub import ADMIN, TOKEN, Answer, GrafanaStub, Request
from tests.support.passing_time import PassingTime

DATA_SOURCE = {"list": [{"type": "datasource", "name": "datasource", "query": "prometheus"}]}
BOARDS = [board("smart-region-a", panel("p", "up")), board("smart-region-b")]


def publish(
    grafana: Grafana, models: list[dict[str, Any]], *, force: bool = False, prune: bool = False
) -> None:
    """Plan and apply."""
    carry_out(grafana, survey(grafana, models, force=force, prune=prune))


class TestPlan:
    """Looking changes nothing."""

    def test_writes_nothing(self, grafana: Grafana, stub: GrafanaStub) -> None:
        plan = survey(grafana, BOARDS)
        assert plan.folder_missing
        assert [one.action for one in plan.boards] == [Action.CREATE] * 2
        assert stub.writes == []

    def test_a_data_source_that_is_missing_is_noted(
        self, grafana: Grafana, stub: GrafanaStub
    ) -> None:
        """By the kind that the boards' variable asks for."""
        stub.sources.clear()
        assert survey(grafana, [board(templating=DATA_SOURCE)]).kinds_missing == ("prometheus",)

    def test_hidden_data_sources_are_not_missing(self, grafana: Grafana, stub: GrafanaStub) -> None:
        """A token that may not see them may still publish."""
        hidden = Answer(403, {"message": "no"})
        stub.interrupt = lambda request: hidden if request.path == "/datasources" else None
        assert survey(grafana, [board(templating=DATA_SOURCE)]).kinds_missing == ()


class TestApply:
    """What is planned is done."""

    def test_boards_lie_in_their_folder(self, grafana: Grafana, stub: GrafanaStub) -> None:
        publish(grafana, BOARDS)
        assert stub.folders == {"smart-region": "Smart Région"}
        assert {uid: one.folder for uid, one in stub.boards.items()} == {
            "smart-region-a": "smart-region",
            "smart-region-b": "smart-region",
        }

    def test_a_second_time_changes_nothing(self, grafana: Grafana, stub: GrafanaStub) -> None:
        publish(grafana, BOARDS)
        before = len(stub.writes)
        publish(grafana, BOARDS)
        assert len(stub.writes) == before

    def test_only_what_differs_is_written(self, grafana: Grafana, stub: GrafanaStub) -> None:
        publish(grafana, BOARDS)
        before = len(stub.writes)
        publish(grafana, [BOARDS[0], {**BOARDS[1], "refresh": "1m"}])
        assert [one.body["dashboard"]["uid"] for one in stub.writes[before:]] == ["smart-region-b"]

    def test_a_hand_changed_board_stops_it_all(self, grafana: Grafana, stub: GrafanaStub) -> None:
        """Before anything is written, and named by its title."""
        publish(grafana, BOARDS)
        stub.boards["smart-region-b"].model["refresh"] = "5s"
        before = len(stub.writes)
        with pytest.raises(errors.PublishingError, match=r"value Board smart-region-b: nothing"):
            publish(grafana, [board("smart-region-new"), *BOARDS])
        assert len(stub.writes) == before

    def test_force_overwrites_it(self, grafana: Grafana, stub: GrafanaStub) -> None:
        publish(grafana, BOARDS)
        stub.boards["smart-region-b"].model["refresh"] = "5s"
        publish(grafana, BOARDS, force=True)
        assert survey(grafana, BOARDS).empty

    @pytest.mark.parametrize("force", [False, True])
    def test_a_change_between_plan_and_apply_is_not_lost(
        self, grafana: Grafana, stub: GrafanaStub, *, force: bool
    ) -> None:
        """The request names the version to be replaced; `force` is for what the plan has shown."""
        publish(grafana, BOARDS)
        plan = survey(grafana, [BOARDS[0], {**BOARDS[1], "refresh": "1m"}], force=force)
        stub.boards["smart-region-b"].model |= {"refresh": "5s", "version": 9}
        with pytest.raises(errors.AnswerError, match="answered 412"):
            carry_out(grafana, plan)
        assert stub.boards["smart-region-b"].model["refresh"] == "5s"

    def test_a_missing_data_source_stops_it(self, grafana: Grafana, stub: GrafanaStub) -> None:
        """Empty boards help nobody."""
        stub.sources.clear()
        with pytest.raises(errors.PublishingError, match="value 'prometheus'"):
            publish(grafana, [board(templating=DATA_SOURCE)])
        assert stub.writes == []


class TestRights:
    """A service account with the role Editor, for the first time."""

    def test_are_waited_for(self, grafana: Grafana, stub: GrafanaStub, time: PassingTime) -> None:
        """Grafana goes by what the account might do before the folder was there, for a minute."""
        publish(grafana, BOARDS)
        assert set(stub.boards) == {"smart-region-a", "smart-region-b"}
        assert 60 <= time.now < 75

    def test_an_administrator_waits_for_nothing(
        self, grafana: Grafana, stub: GrafanaStub, time: PassingTime
    ) -> None:
        """Whose rights are on all folders."""
        stub.role = ADMIN
        publish(grafana, BOARDS)
        assert time.waits == []

    def test_are_waited_for_by_whoever_comes_after_an_interruption(
        self, grafana: Grafana, stub: GrafanaStub, time: PassingTime
    ) -> None:
        """The folder is there, and is made again, for it cannot be seen yet."""
        stub.make_folder("smart-region", "Smart Région")
        publish(grafana, BOARDS)
        assert set(stub.boards) == {"smart-region-a", "smart-region-b"}
        assert 60 <= time.now < 75

    def test_that_do_not_come_are_reported(
        self, grafana: Grafana, stub: GrafanaStub, time: PassingTime
    ) -> None:
        stub.rights_seconds = 3600
        with pytest.raises(
            errors.RightsLateError, match=r"dashboards/db: still answers 403 .* give"
        ):
            publish(grafana, BOARDS)
        assert 80 < time.now <= 90

    def test_a_viewer_is_refused_at_once(
        self, grafana: Grafana, stub: GrafanaStub, time: PassingTime
    ) -> None:
        """No folder was made: nothing is to be waited for."""
        denied = Answer(403, {"message": "Permissions needed: folders:create"})
        stub.interrupt = lambda request: denied if request.method == "POST" else None
        with pytest.raises(errors.AnswerError, match="role Editor"):
            publish(grafana, BOARDS)
        assert time.waits == []


class TestPrune:
    """Boards that are no more."""

    def test_are_left_where_nobody_asks(self, grafana: Grafana, stub: GrafanaStub) -> None:
        publish(grafana, BOARDS)
        publish(grafana, BOARDS[:1])
        assert len(stub.boards) == 2

    def test_are_removed(self, grafana: Grafana, stub: GrafanaStub) -> None:
        """The others are not touched, whatever their folder."""
        publish(grafana, BOARDS)
        theirs = replace(stub.boards["smart-region-a"])
        theirs.model = {"uid": "theirs", "title": "Theirs", "tags": ["other"], "version": 1}
        stub.boards["theirs"] = theirs
        publish(grafana, BOARDS[:1], prune=True)
        assert set(stub.boards) == {"smart-region-a", "theirs"}

    def test_a_copy_with_our_tag_is_left(self, grafana: Grafana, stub: GrafanaStub) -> None:
        """Somebody made it, and did not think of the tag."""
        publish(grafana, BOARDS)
        copy = replace(stub.boards["smart-region-a"])
        copy.model = {**copy.model, "uid": "copy", "title": "Copy"}
        stub.boards["copy"] = copy
        publish(grafana, BOARDS, prune=True)
        assert "copy" in stub.boards


class TestLostAnswers:
    """A proxy fails after Grafana has done what it was asked."""

    def test_nothing_is_done_twice(self, grafana: Grafana, stub: GrafanaStub) -> None:
        """The second try finds that the first one arrived."""
        stub.lost.append(Answer(502, "bad gateway"))
        publish(grafana, BOARDS[:1])
        stub.lost.append(Answer(504, "timed out"))
        publish(grafana, BOARDS)
        stub.lost.append(Answer(502, "bad gateway"))
        publish(grafana, BOARDS[:1], prune=True)
        assert {uid: one.model["version"] for uid, one in stub.boards.items()} == {
            "smart-region-a": 1
        }

    def test_a_conflict_that_is_one_is_reported(self, grafana: Grafana, stub: GrafanaStub) -> None:
        """A folder that cannot be made is not there afterwards."""

        def conflict(request: Request) -> Answer | None:
            return Answer(409, {"message": "exists"}) if request.method == "POST" else None

        stub.interrupt = conflict
        stub.role = ADMIN
        with pytest.raises(errors.AnswerError, match="answered 409"):
            publish(grafana, BOARDS)


@given(before=boards(), after=boards())
@settings(max_examples=20)
def test_after_an_apply_nothing_is_planned(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    """Whatever was published before; and a second apply writes nothing."""
    time, token = PassingTime(), SecretStr(TOKEN)
    policy = RetryPolicy(clock=time.clock, sleep=time.sleep)
    with (
        GrafanaStub(clock=time.clock) as stub,
        Grafana(Address.parse(stub.url), token, retry_policy=policy) as grafana,
    ):
        publish(grafana, before)
        publish(grafana, after, prune=True)
        assert survey(grafana, after, prune=True).empty
        assert set(stub.boards) == {model["uid"] for model in after}
        writes = len(stub.writes)
        publish(grafana, after, prune=True)
        assert len(stub.writes) == writes


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """Return a file with the stub's token."""
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text(TOKEN)
    return file


def test_a_grafana_without_boards_is_reported(stub: GrafanaStub, token: Path) -> None:
    """With the command that makes them, and nothing was written."""
    with pytest.raises(errors.PublishingError, match="boards apply"):
        look_at_boards(load_catalogue(), stub.url, token_file=token)

    assert stub.writes == []


def test_a_grafana_with_the_boards_is_well(
    stub: GrafanaStub, grafana: Grafana, token: Path
) -> None:
    carry_out(grafana, survey(grafana, wanted_boards(load_catalogue())))

    assert "boards" in look_at_boards(load_catalogue(), stub.url, token_file=token)


def test_a_grafana_without_a_data_source_is_reported(stub: GrafanaStub, token: Path) -> None:
    """Every panel would be empty."""
    stub.sources.clear()

    with pytest.raises(errors.PublishingError, match="data source: Grafana has none"):
        look_at_boards(load_catalogue(), stub.url, token_file=token)


def test_a_token_that_opens_nothing_is_reported(stub: GrafanaStub, token: Path) -> None:
    """It has expired, or is another Grafana's."""
    token.write_text("glsa_another")

    with pytest.raises(errors.AnswerError, match="answered 401"):
        look_at_boards(load_catalogue(), stub.url, token_file=token)
