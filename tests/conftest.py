"""What holds for every test."""

import gc
import locale
import os
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from hypothesis import Phase, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from boundary.garbage import tune_garbage_collection
from operations.programs import addresses
from tests.support.prometheus import Monitoring, require_prometheus
from tests.support.webhooks import Webhook, webhook_server

USUAL_UMASK: Final = 0o022
"""Others may read new files, as on most machines."""

IGNORED_BY_PYTHON: Final = {signal.SIGPIPE, signal.SIGXFSZ}
"""In every process of its own; the programs that it starts have the default again."""


def settle() -> None:
    """Hear signals, let others read new files, speak UTF-8 and no language, live in UTC.

    For this process and all that it starts. TMPDIR stays: whoever set it has the room there.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - IGNORED_BY_PYTHON:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _DEFAULTS.get(number, signal.SIG_DFL))
    os.umask(USUAL_UMASK)
    for name in [name for name in os.environ if name.startswith(("LC_", "LANG", "PYTHONIOENC"))]:
        del os.environ[name]
    os.environ.update(LC_ALL="C.UTF-8", TZ="UTC")
    with suppress(locale.Error):  # Not every system has it; its own programs then speak ASCII.
        locale.setlocale(locale.LC_ALL, "C.UTF-8")
    time.tzset()


# What `nohup` has started goes on when its terminal closes, and the programs of the tests hear it.
_DEFAULTS: Final = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: lambda *_: None}


tune_garbage_collection()
settle()

# Examples are not timed: machines differ, and share their cores. Based on the profile in force,
# so that Hypothesis' own one for continuous integration keeps its repeatable examples. Few here:
# `make nightly` explores.
settings.register_profile("untimed", settings(), deadline=None, max_examples=30)
settings.register_profile("thorough", settings(), deadline=None, max_examples=300)
# `make mutants` asks whether a test fails, not by how small an example, and always asks the same.
settings.register_profile(
    "mutants",
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    print_blob=False,
)
settings.load_profile("untimed")


def pytest_collection_finish() -> None:
    """Leave modules and collected tests out of each garbage collection that a test requests."""
    gc.collect()
    gc.freeze()


# A program that a test runs within this process may have made its files private, for good.
def pytest_runtest_setup() -> None:
    """Begin each test with the umask of most machines."""
    os.umask(USUAL_UMASK)


# Tests that run side by side draw from ports of their own: one that was drawn is listened on later.
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    vars(addresses)["PORTS"] = addresses.PORTS[
        int(worker.removeprefix("gw")) :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    ]


#: Folders whose tests share a browser, simulated years, or what is known of them: seconds to make.
ON_ONE_PROCESS: Final = (
    *("tests/browser/", "tests/unit/report/note/", "tests/unit/report/", "tests/unit/simulation/"),
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with these folders: at the end the other processes would wait for them."""
    items.sort(key=lambda item: not item.nodeid.startswith(ON_ONE_PROCESS))


class _ByFile(LoadFileScheduling):  # type: ignore[misc] # it ships no annotations
    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return next((folder for folder in ON_ONE_PROCESS if file.startswith(folder)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Give each file, and some folders, to one process, where `--dist loadfile` asks for it."""
    return _ByFile(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture
def monitoring(tmp_path: Path) -> Iterator[Monitoring]:
    """Yield what starts real Prometheus and Alertmanager servers, gone when the test ends."""
    require_prometheus()
    monitoring = Monitoring(tmp_path / "monitoring")
    yield monitoring
    monitoring.stop_all()


@pytest.fixture
def refused_connections() -> Iterator[None]:
    """Refuse connections, as where no broker listens.

    kafka-python leaves the socket of a refused connection to the garbage collector, which warns:
    it is collected here, where that is known, and not in the middle of another test.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with webhook_server() as server:
        yield server
