"""What a release must agree on."""

import re
import subprocess
from pathlib import Path

import click
import pytest

from tests.release import ROOT, check_tag, project_version


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with two commits and no tag."""
    git(tmp_path, "init", "--quiet")
    for number in "12":
        git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", number)
    return tmp_path


def git(clone: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", "-C", clone, *identity, *arguments], check=True)


@pytest.mark.parametrize("tags", [(), ("v1.2.0",), ("v1.2.0", "nightly")])
def test_a_commit_is_released_under_its_version(clone: Path, tags: tuple[str, ...]) -> None:
    for tag in tags:
        git(clone, "tag", tag)

    check_tag(clone, "1.2.0")


@pytest.mark.parametrize(("tag", "commit"), [("v1.3.0", "HEAD"), ("v1.2.0", "HEAD~1")])
def test_a_tag_of_another_version_or_commit_is_an_error(clone: Path, tag: str, commit: str) -> None:
    git(clone, "tag", tag, commit)

    with pytest.raises(click.ClickException, match=re.escape(tag)):
        check_tag(clone, "1.2.0")


def test_the_changes_name_the_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\d\S*) \(\d{4}-\d\d-\d\d\)$", text, re.MULTILINE)

    assert newest is not None
    assert newest[1] == project_version()
