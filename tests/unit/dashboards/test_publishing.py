"""What would change on a Grafana, the change, and the commands for both."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from boundary.retry_policy import RetryPolicy
from catalogue.loader import load_catalogue
from dashboards.board_mark import marked
from dashboards.grafana import Grafana, LiveBoard, PublishingError
from dashboards.publishing import (
    Action,
    BoardChange,
    carry_out,
    look_at_boards,
    planned,
    survey,
    wanted_boards,
)
from smart_region import main
from tests.support.board_models import board, boards, panel
from tests.support.boards import BOARDS as CATALOGUE_BOARDS
from tests.support.grafana_stub import ADMIN, TOKEN, GrafanaStub
from tests.support.loopback import Answer
from tests.support.passing_time import PassingTime
from tests.support.private_files import private_file

FOLDER = "smart-region"
DATA_SOURCE = {"list": [{"type": "datasource", "name": "datasource", "query": "prometheus"}]}
BOARDS = [board("smart-region-a", panel("p", "up")), board("smart-region-b")]
Tree = dict[str, Any]


def publish(
    grafana: Grafana, models: list[Tree], *, force: bool = False, prune: bool = False
) -> None:
    carry_out(grafana, survey(grafana, models, force=force, prune=prune))


def live(model: Mapping[str, Any], folder: str = FOLDER) -> LiveBoard:
    """Return a board as Grafana returns it."""
    return LiveBoard(model={**model, "id": 1, "version": 2}, folder=folder, version=2)


OURS = live(marked(board("x")))
CHANGED = live({**marked(board("x")), "refresh": "5s"})


@pytest.mark.parametrize(
    ("wanted", "found", "options", "action"),
    [
        (True, None, {}, Action.CREATE),
        (True, OURS, {}, Action.NOTHING),
        (True, live(marked(board("x", panel("p")))), {}, Action.UPDATE),
        (True, CHANGED, {}, Action.REFUSE),
        (True, CHANGED, {"force": True}, Action.UPDATE),
        (True, live({"uid": "x", "title": "Mine"}), {}, Action.REFUSE),
        (True, replace(OURS, folder="elsewhere"), {}, Action.REFUSE),
        # Imported by hand: only the mark is missing.
        (True, live(board("x")), {}, Action.UPDATE),
        (False, OURS, {}, Action.LEAVE),
        (False, OURS, {"prune": True}, Action.REMOVE),
        # A copy that somebody made keeps our tag, and is not ours.
        (False, live({**marked(board("y")), "uid": "x"}), {"prune": True}, Action.LEAVE),
        (False, CHANGED, {"prune": True}, Action.LEAVE),
        (False, CHANGED, {"prune": True, "force": True}, Action.REMOVE),
    ],
)
def test_the_action_for_a_board(
    *, wanted: bool, found: LiveBoard | None, options: dict[str, bool], action: Action
) -> None:
    models = [board("x")] if wanted else []
    (change,) = planned(models, {} if found is None else {"x": found}, FOLDER, **options)
    assert change.action is action


@pytest.mark.parametrize(
    ("before", "after", "differing"),
    [
        (board("x", panel("old")), board("x", panel("new")), ("panel old", "panel new")),
        (board("x", panel("p", "a")), board("x", panel("p", "b")), ("panel p",)),
        (board("x", panel("p"), panel("q")), board("x", panel("q"), panel("p")), ("panels",)),
        (board("x"), board("x", refresh="1m"), ("refresh",)),
        (
            board("x", {"type": "row", "title": "r", "panels": [panel("p", "a")]}),
            board("x", {"type": "row", "title": "r", "panels": [panel("p", "b")]}),
            ("panel r", "panel p"),
        ),
    ],
)
def test_what_differs_is_named(before: Tree, after: Tree, differing: tuple[str, ...]) -> None:
    (change,) = planned([after], {"x": live(marked(before))}, FOLDER)
    assert change.differing == differing


def applied(
    changes: tuple[BoardChange, ...], found: Mapping[str, LiveBoard]
) -> dict[str, LiveBoard]:
    """Do what is planned, without a Grafana."""
    after = dict(found)
    for change in changes:
        if change.action in {Action.CREATE, Action.UPDATE}:
            after[change.uid] = live(change.model)
        elif change.action is Action.REMOVE:
            del after[change.uid]
    return after


found_boards = st.builds(
    lambda models, ours, folders: {
        model["uid"]: live(marked(model) if mark else model, folder)
        for model, mark, folder in zip(models, ours, folders, strict=False)
    },
    boards(),
    st.lists(st.booleans(), min_size=4),
    st.lists(st.sampled_from([FOLDER, "", "elsewhere"]), min_size=4),
)


@pytest.mark.slow
@given(wanted=boards(), found=found_boards, prune=st.booleans())
def test_plans_converge_and_lose_nothing_done_by_hand(
    wanted: list[Tree], found: dict[str, LiveBoard], *, prune: bool
) -> None:
    """What is written without force was ours, and each difference is named."""
    for change in planned(wanted, found, FOLDER, prune=prune):
        if change.action in {Action.UPDATE, Action.REMOVE}:
            assert not change.by_hand
        if change.action in {Action.UPDATE, Action.REFUSE}:
            assert change.differing
    after = applied(planned(wanted, found, FOLDER, force=True, prune=prune), found)
    again = planned(wanted, after, FOLDER, prune=prune)
    assert {one.action for one in again} <= {Action.NOTHING, Action.LEAVE}


@pytest.mark.parametrize("force", [False, True])
def test_a_change_between_plan_and_apply_is_not_lost(
    grafana: Grafana, stub: GrafanaStub, *, force: bool
) -> None:
    """The request names the version to be replaced; `force` is for what the plan has shown."""
    publish(grafana, BOARDS)
    plan = survey(grafana, [BOARDS[0], {**BOARDS[1], "refresh": "1m"}], force=force)
    stub.boards["smart-region-b"].model |= {"refresh": "5s", "version": 9}
    with pytest.raises(PublishingError, match="answered 412"):
        carry_out(grafana, plan)
    assert stub.boards["smart-region-b"].model["refresh"] == "5s"


def test_a_missing_data_source_stops_it(grafana: Grafana, stub: GrafanaStub) -> None:
    """But a token that may not see data sources may publish."""
    stub.sources.clear()
    with pytest.raises(PublishingError, match="value 'prometheus'"):
        publish(grafana, [board(templating=DATA_SOURCE)])
    assert stub.writes == []
    hidden = Answer(403, {"message": "no"})
    stub.interrupt = lambda request: hidden if request.path == "/datasources" else None
    assert survey(grafana, [board(templating=DATA_SOURCE)]).kinds_missing == ()


def test_rights_on_a_new_folder_are_waited_for(
    grafana: Grafana, stub: GrafanaStub, time: PassingTime
) -> None:
    """Grafana keeps an editor's rights for a minute."""
    publish(grafana, BOARDS)
    assert set(stub.boards) == {"smart-region-a", "smart-region-b"}
    assert 60 <= time.now < 75


def test_rights_that_do_not_come_are_reported(grafana: Grafana, stub: GrafanaStub) -> None:
    stub.rights_seconds = 3600
    with pytest.raises(PublishingError, match=r"dashboards/db: answered 403 .* minute"):
        publish(grafana, BOARDS)


def test_a_viewer_is_refused_at_once(
    grafana: Grafana, stub: GrafanaStub, time: PassingTime
) -> None:
    denied = Answer(403, {"message": "Permissions needed: folders:create"})
    stub.interrupt = lambda request: denied if request.method == "POST" else None
    with pytest.raises(PublishingError, match="role Editor"):
        publish(grafana, BOARDS)
    assert time.waits == []


def test_a_request_whose_answer_is_lost_takes_effect_once(
    grafana: Grafana, stub: GrafanaStub
) -> None:
    """A proxy fails after Grafana has done what it was asked."""
    stub.role = ADMIN
    stub.lost.append(Answer(502, "bad gateway"))
    publish(grafana, BOARDS[:1])
    stub.lost.append(Answer(504, "timed out"))
    publish(grafana, BOARDS)
    stub.lost.append(Answer(502, "bad gateway"))
    publish(grafana, BOARDS[:1], prune=True)
    assert {uid: one.model["version"] for uid, one in stub.boards.items()} == {"smart-region-a": 1}


@pytest.mark.slow
@given(before=boards(), after=boards())
@settings(max_examples=20)
def test_after_an_apply_nothing_is_planned(before: list[Tree], after: list[Tree]) -> None:
    time = PassingTime()
    retries = RetryPolicy(90, clock=time.clock, sleep=time.sleep)
    with (
        GrafanaStub(clock=time.clock) as stub,
        Grafana(stub.url, SecretStr(TOKEN), retries=retries) as grafana,
    ):
        stub.role = ADMIN  # An editor does not see a new folder for a minute.
        publish(grafana, before)
        publish(grafana, after, prune=True)
        assert survey(grafana, after, prune=True).is_empty
        assert set(stub.boards) == {model["uid"] for model in after}


@pytest.fixture
def token(tmp_path: Path) -> Path:
    return private_file(tmp_path / "token", TOKEN)


@pytest.mark.slow
def test_doctor_finds_the_boards(stub: GrafanaStub, grafana: Grafana, token: Path) -> None:
    with pytest.raises(PublishingError, match="boards apply"):
        look_at_boards(load_catalogue(), stub.url, token_file=token)
    assert stub.writes == []

    carry_out(grafana, survey(grafana, wanted_boards(load_catalogue())))
    assert "boards" in look_at_boards(load_catalogue(), stub.url, token_file=token)

    stub.sources.clear()
    with pytest.raises(PublishingError, match="data source: Grafana has none"):
        look_at_boards(load_catalogue(), stub.url, token_file=token)


def run(command: str, *arguments: str) -> Result:
    """Run a command of `smart-region boards`; the token is not in its output."""
    result = CliRunner(env={"SMART_REGION_GRAFANA_TOKEN": TOKEN}).invoke(
        main, ["boards", command, *arguments]
    )
    assert TOKEN not in result.output
    return result


@pytest.mark.slow
def test_the_commands_publish_the_catalogue_s_boards_once(stub: GrafanaStub) -> None:
    stub.role = ADMIN
    number = len(CATALOGUE_BOARDS)
    plan = run("plan", "--grafana", stub.url)
    assert (plan.exit_code, stub.writes) == (0, [])
    assert f"{number} boards: {number} new" in plan.output
    first, second = (run("apply", "--grafana", stub.url) for _ in range(2))
    assert first.output.endswith(f"{number} boards: {number} new\ndone\n")
    assert second.output.endswith("as they should be\nnothing to do\n")
    assert set(stub.boards) == set(CATALOGUE_BOARDS)


@pytest.mark.slow
def test_a_refused_board_ends_the_command_in_one_line(stub: GrafanaStub) -> None:
    """After the plan, which names the board and the change."""
    stub.role = ADMIN
    run("apply", "--grafana", stub.url)
    stub.boards["smart-region-pipeline"].model["refresh"] = "5s"
    before = len(stub.writes)
    result = run("apply", "--grafana", stub.url)
    assert (result.exit_code, len(stub.writes)) == (2, before)
    assert "--force overwrites it\n    ~ refresh\n" in result.stdout
    assert result.stderr.startswith("Error: boards: changed by hand, value ")
    assert result.stderr.count("\n") == 1


@pytest.mark.slow
def test_prune_and_force_are_passed_on(stub: GrafanaStub) -> None:
    stub.role = ADMIN
    run("apply", "--grafana", stub.url)
    changed = stub.boards.pop("smart-region-pipeline")
    changed.model |= {"refresh": "5s", "uid": "smart-region-gone"}
    stub.boards["smart-region-gone"] = changed
    assert run("apply", "--grafana", stub.url, "--prune", "--force").exit_code == 0
    assert set(stub.boards) == set(CATALOGUE_BOARDS)
