"""No secret is an argument of a program: everybody on a machine may list these."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PASSWORD: Final = "hunter2=,]"  # noqa: S105 - not one

#: A program that notes its arguments, and what is in the file that one of them names.
NOTES: Final = """\
#!/bin/sh
printf '%s\\n' "$@" >>"$NOTED/arguments"
for argument in "$@"; do
  case $argument in
    @*) cat "${argument#@}" >>"$NOTED/in_file"; ls -l "${argument#@}" >>"$NOTED/rights" ;;
  esac
done
echo "storedKey=[1, 2]"
"""

#: What would put a secret among the arguments, in a command of a page or a script.
SHOWN: Final = re.compile(
    r"""--header "Authorization: Bearer \$|--from-literal|--add-config( |$)|--user \S+:\S"""
    r"""|^(?! *printf ).*--add-scram .*password=\$"""
)


@pytest.mark.parametrize("users", [{}, {"worker": PASSWORD, "root": "another"}], ids=len)
def test_kafka_is_given_its_first_users_by_a_file(tmp_path: Path, users: dict[str, str]) -> None:
    """One for its owner alone, which is deleted before the broker starts; nothing is logged."""
    programs, secrets, folder = tmp_path / "bin", tmp_path / "secrets", tmp_path / "tmp"
    for made in (programs, secrets, folder):
        made.mkdir()
    for name in ("kafka-storage.sh", "kafka-server-start.sh"):
        (programs / name).touch(mode=0o755)
        (programs / name).write_text(NOTES)
    for name, password in users.items():
        (secrets / f"kafka-{name}.password").write_text(password)
    settings = tmp_path / "server.properties"
    settings.write_text(f"log.dirs={tmp_path / 'data'}\n")

    done = subprocess.run(
        ["bash", str(ROOT / "deploy/compose/kafka-start.sh"), str(settings)],
        env={
            **os.environ,
            "KAFKA_HOME": str(tmp_path),
            "SECRETS": str(secrets),
            "TMPDIR": str(folder),
            "NOTED": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=True,
        umask=0o022,
    )

    arguments = (tmp_path / "arguments").read_text()
    assert "password" not in arguments
    assert str(settings) in arguments
    assert list(folder.iterdir()) == []
    assert done.stdout.count("storedKey") == 1  # That of the server's stand-in.
    if users:
        given = (tmp_path / "in_file").read_text().splitlines()
        assert given.count("--add-scram") == len(users)
        assert f"SCRAM-SHA-512=[name=worker,password={PASSWORD}]" in given
        assert (tmp_path / "rights").read_text().startswith("-rw-------")


PAGES: Final = [
    file.relative_to(ROOT)
    for file in sorted(
        (*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md"), *ROOT.glob("deploy/**/*.sh"))
    )
]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_no_command_that_people_copy_shows_a_secret(page: Path) -> None:
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if SHOWN.search(line)] == []
