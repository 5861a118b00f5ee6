"""What a test needs of the machine: without it, the test is skipped, or fails in CI."""

import os
import shutil
from typing import NoReturn

import pytest


def give_up(reason: str) -> NoReturn:
    """Skip the test and say why; in continuous integration (CI=true) fail instead."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"this test must run in CI: {reason}")
    pytest.skip(reason)


def require_programs(*names: str, remedy: str) -> None:
    """Give up if one of these programs is not on the path."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        give_up(f"{', '.join(missing)} not found: {remedy}")
