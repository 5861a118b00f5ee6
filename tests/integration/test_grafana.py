"""Publishing on a real Grafana, where there is one.

SMARTREGION_TEST_GRAFANA_URL says where, SMART_REGION_GRAFANA_TOKEN opens it; what the test makes
there has uids and a tag of its own, and is removed.
"""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

from dashboards.board_mark import Model
from dashboards.grafana import Grafana, PublishingError, read_token
from dashboards.publishing import BoardFolder, carry_out, survey
from tests.support.boards import BOARDS

URL = os.environ.get("SMARTREGION_TEST_GRAFANA_URL", "")

pytestmark = pytest.mark.skipif(
    not URL, reason="no real Grafana: SMARTREGION_TEST_GRAFANA_URL is not set"
)


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    with Grafana(URL, read_token(None)) as grafana:
        yield grafana


@pytest.fixture
def home(grafana: Grafana) -> Iterator[BoardFolder]:
    name = f"smart-region-test-{uuid4().hex[:8]}"
    home = BoardFolder(folder=name, title=name, tag=name)
    yield home
    for uid in grafana.tagged(home.tag):
        grafana.remove(uid)
    if grafana.has_folder(home.folder):
        grafana._ask("DELETE", f"/folders/{home.folder}", dict)


def ours(home: BoardFolder) -> list[Model]:
    suffix = home.folder[-8:]
    return [
        {**model, "uid": f"{uid[:31]}-{suffix}", "title": f"{uid} {suffix}", "tags": [home.tag]}
        for uid, model in BOARDS.items()
    ]


def test_boards_are_applied_once_and_what_a_hand_changed_is_refused_forced_and_pruned(
    grafana: Grafana, home: BoardFolder
) -> None:
    boards = ours(home)
    carry_out(grafana, survey(grafana, boards, home))
    assert survey(grafana, boards, home).is_empty
    uid = boards[0]["uid"]
    live = grafana.board(uid)
    assert live is not None
    changed = {**live.model, "title": "Changed by hand"}
    grafana.save(changed, home.folder, "by hand", version=live.version)
    with pytest.raises(PublishingError, match="changed by hand"):
        carry_out(grafana, survey(grafana, boards, home))
    carry_out(grafana, survey(grafana, boards, home, force=True))
    assert survey(grafana, boards, home).is_empty
    carry_out(grafana, survey(grafana, boards[1:], home, prune=True))
    assert grafana.board(uid) is None
