"""The folder of a stack."""

import stat
from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from events.producers.model import Producers, load_producers
from events.producers.secrets import Scheme, load_secrets, token_digest
from operations.stack.folder import Folder, StackCredentials
from tests.support.rights import mode


def test_two_stacks_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        Folder.held(tmp_path),
        pytest.raises(SmartRegionError, match=r"another stack runs in .*--folder"),
        Folder.held(tmp_path),
    ):
        pass

    with Folder.held(tmp_path) as folder:
        assert folder.logs.is_dir()


def test_where_nothing_can_be_kept_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(SmartRegionError, match=r"cannot keep anything in .*Not a directory"),
        Folder.held(tmp_path / "file" / "stack"),
    ):
        pass


def test_what_it_keeps_is_its_owners_alone(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir(0o755)

    with Folder.held(tmp_path) as folder:
        parts = (folder.logs, folder.kafka, folder.secrets, folder.alerting)
        assert [mode(part) for part in parts] == [0o700] * 4


PRODUCERS = load_producers()


@pytest.fixture
def credentials(tmp_path: Path) -> StackCredentials:
    return StackCredentials.kept_in(tmp_path / "secrets", PRODUCERS)


def test_the_gateway_knows_every_declared_producer_by_what_it_was_given(
    credentials: StackCredentials,
) -> None:
    secrets = load_secrets(credentials.for_the_gateway, PRODUCERS)

    assert list(secrets.root) == [producer.id for producer in PRODUCERS]
    token = credentials.file_of("lycees", Scheme.BEARER).read_text().strip()
    known = [one.get_secret_value() for one in secrets.root["lycees"].bearer_sha256]
    assert known == [token_digest(token)]
    signing = credentials.file_of("lycees", Scheme.SIGNATURE).read_text().strip()
    assert [one.reveal() for one in secrets.root["lycees"].signing] == [signing]


def test_nobody_else_may_read_any_of_them(credentials: StackCredentials) -> None:
    modes = {stat.S_IMODE(file.stat().st_mode) for file in credentials.folder.iterdir()}

    assert modes == {0o600}
    assert stat.S_IMODE(credentials.folder.stat().st_mode) == 0o700


def test_what_a_producer_has_holds_at_the_next_start(credentials: StackCredentials) -> None:
    before = {file: file.read_text() for file in credentials.folder.iterdir()}

    StackCredentials.kept_in(credentials.folder, PRODUCERS)

    assert {file: file.read_text() for file in credentials.folder.iterdir()} == before


def test_who_is_not_declared_any_more_is_let_in_no_more(credentials: StackCredentials) -> None:
    """The gateway would refuse a file with an undeclared producer."""
    fewer = Producers(producers=PRODUCERS.producers[:2])

    StackCredentials.kept_in(credentials.folder, fewer)

    known = load_secrets(credentials.for_the_gateway, fewer)
    assert list(known.root) == [producer.id for producer in fewer]
