"""The folder of a stack."""

from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from operations.stack.folder import Folder
from tests.support.rights import mode


def test_two_stacks_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second fails; it may begin once the first has ended."""
    with (
        Folder.held(tmp_path),
        pytest.raises(SmartRegionError, match=r"another stack runs in .*--folder"),
        Folder.held(tmp_path),
    ):
        pass

    with Folder.held(tmp_path) as folder:
        assert folder.logs.is_dir()


def test_where_nothing_can_be_kept_it_says_so(tmp_path: Path) -> None:
    """Before anything starts."""
    (tmp_path / "file").touch()

    with (
        pytest.raises(SmartRegionError, match=r"cannot keep anything in .*Not a directory"),
        Folder.held(tmp_path / "file" / "stack"),
    ):
        pass


def test_what_it_keeps_is_its_owners_alone(tmp_path: Path) -> None:
    """Events, states, logs and secrets; what an earlier release left open is closed."""
    (tmp_path / "kafka").mkdir(0o755)

    with Folder.held(tmp_path) as folder:
        parts = (folder.logs, folder.kafka, folder.secrets, folder.alerting)
        assert [mode(part) for part in parts] == [0o700] * 4
