"""A program beside the demo: started, heard, and gone."""

import os
import sys
from pathlib import Path

from streams.demo.errors import ProgramEndedError
from streams.demo.program import Program
from tests.support.waiting import wait_until

FAILING = "import sys; sys.stderr.write('starting\\nwrong settings\\n'); sys.exit(3)"
TELLING = """\
import os, time
print(os.environ['TMPDIR'], os.environ['OWN'], os.getpid())
time.sleep(60)
"""


def test_one_that_ends_by_itself_is_told_with_its_last_words() -> None:
    """Its log goes away with the demo, so the reason must not."""
    with Program("prometheus", (sys.executable, "-c", FAILING)) as program:

        def ended() -> bool:
            try:
                program.check()
            except ProgramEndedError as error:
                return (error.name, error.status, error.last_words) == (
                    "prometheus",
                    3,
                    "wrong settings",
                )
            return False

        assert wait_until(ended, seconds=10)


def test_it_leaves_nothing_behind() -> None:
    """Its process and its files end with the block; it has the environment that it was given."""
    command = (sys.executable, "-u", "-c", TELLING)
    with Program("sleeper", command, env={"OWN": "value"}) as program:
        assert wait_until(lambda: program.log.endswith("\n"), seconds=10)
        folder, own, pid = program.log.split()
        assert own == "value"
        assert Path(folder).is_dir()
        program.check()

    assert not Path(folder).exists()
    assert not _lives(int(pid))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
