"""The years as blocks in a Prometheus' data folder, which a running one finds by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Final, Self

from boundary.errors import SmartRegionError
from boundary.file_lock import FileLockedError, locked_folder
from dashboards import conventions
from operations.prometheus_api import (
    PROGRAMME_RETENTION,
    RetentionTooShortError,
    data_folder_of,
    retention_of,
    value_at,
)

#: Blocks of half a year or so; with promtool's own two hours it would read the file for each day.
PROMTOOL: Final = (
    "promtool",
    "tsdb",
    "create-blocks-from",
    "openmetrics",
    "--max-block-duration=8760h",
)
#: Prometheus searches for new blocks every minute.
FIND_SECONDS: Final = 180.0
PAUSE_SECONDS: Final = 1.0
REPORT_SECONDS: Final = 15.0
#: No block's name, so that Prometheus ignores it; on the same disk, so that blocks are renamed.
WORK: Final = ".smart-region-"


class DataFolderUnusableError(SmartRegionError):
    """The folder is no Prometheus' data folder that we can write to."""

    def __init__(self, into: str, folder: Path, *, problem: str) -> None:
        super().__init__(
            f"into: {into}: its data folder {folder} {problem}: run the command where Prometheus"
            " is, as a user who may write there, or write a file with --out and give it to promtool"
        )


class PromtoolError(SmartRegionError):
    """Promtool is missing, or made no blocks."""

    def __init__(self, *, problem: str, remedy: str) -> None:
        super().__init__(f"promtool: {problem}: {remedy}")


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A Prometheus' data folder on this machine, and that Prometheus' address, if it is known."""

    named: str
    """As it was given: an address or a folder."""
    folder: Path
    url: str | None

    @classmethod
    def of(cls, named: str) -> Self:
        """Find the folder by a Prometheus' address, or take it as it is.

        Raises PrometheusUnhealthyError where the address does not answer.
        """
        if "://" in named:
            return cls(named, data_folder_of(named), named)
        return cls(named, Path(named).resolve(), None)

    def check(self, first: date, report: Callable[[str], None]) -> None:
        """Check before anything is written that blocks can be written here, and will be kept.

        Raises DataFolderUnusableError, PromtoolError or RetentionTooShortError.
        """
        if not self.folder.is_dir():
            raise DataFolderUnusableError(self.named, self.folder, problem="is not on this machine")
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise DataFolderUnusableError(
                self.named, self.folder, problem="is not ours to write to"
            )
        if shutil.which(PROMTOOL[0]) is None:
            raise PromtoolError(
                problem="is not on the path",
                remedy="install Prometheus' tools here (Debian: apt-get install prometheus)",
            )
        if self.url is None:
            report(
                f"the retention is read at a Prometheus' address, as in --into http://HOST:9090;"
                f" one on {self.folder} needs --storage.tsdb.retention.time={PROGRAMME_RETENTION}"
            )
            return
        retention = retention_of(self.url)
        today = datetime.now(UTC).date()
        if not retention.reaches(first, today):
            raise RetentionTooShortError(
                self.url, retention=retention.text, first=first, today=today
            )

    @contextmanager
    def work(self, report: Callable[[str], None]) -> Iterator[Path]:
        """Yield a temporary folder beside the blocks, and remove what a killed backfill has left.

        Raises SmartRegionError, and DataFolderUnusableError, also for what the system refuses
        within.
        """
        try:
            with ExitStack() as held:
                if self._lock(held):
                    self._remove_left(report)
                name = held.enter_context(TemporaryDirectory(dir=self.folder, prefix=WORK))
                yield Path(name)
        except OSError as error:
            problem = f"cannot be written to ({error.strerror or error})"
            raise DataFolderUnusableError(self.named, self.folder, problem=problem) from error

    def _lock(self, held: ExitStack) -> bool:
        """Lock the folder, as long as `held`; return whether its disk has locks."""
        try:
            held.enter_context(locked_folder(self.folder))
        except FileLockedError as error:
            raise SmartRegionError(
                f"into: {self.named}: another backfill writes into {self.folder}: years that are"
                " loaded twice stay beside each other: wait until that one has ended, or end it;"
                " nothing was put there"
            ) from error
        except OSError:
            return False
        return True

    def _remove_left(self, report: Callable[[str], None]) -> None:
        """Remove the folders of backfills that were killed: gigabytes that nobody knows."""
        for left in self.folder.glob(f"{WORK}*"):
            shutil.rmtree(left, ignore_errors=True)
            removed = "still there, remove it" if left.exists() else "removed"
            report(f"{left}: {removed}: a backfill that was killed had left it")

    def take(self, text: Path, work: Path) -> Sequence[str]:
        """Make blocks of OpenMetrics text and move them in, all or none; return their names.

        Where one cannot be moved, or a signal comes, those before it are taken out again.

        Raises PromtoolError.
        """
        made = work / "blocks"
        made.mkdir()
        done = subprocess.run(  # noqa: S603 - Prometheus' own tool
            [*PROMTOOL, "--quiet", str(text), str(made)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            output = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
            raise PromtoolError(
                problem=f"ended with status {done.returncode} ({output[-1]})",
                remedy=f"see whether {self.folder} has room; nothing was put there",
            )
        blocks = sorted(block for block in made.iterdir() if block.is_dir())
        if os.geteuid() == 0:
            self._change_owner(made)
        moved: list[Path] = []
        try:
            for block in blocks:
                moved.append(block)  # Before, as a signal may come between both.
                block.rename(self.folder / block.name)
        except BaseException:
            for block in moved:
                with suppress(FileNotFoundError):
                    (self.folder / block.name).rename(block)
            raise
        return [block.name for block in blocks]

    def wait(
        self,
        days: Sequence[date],
        blocks: Sequence[str],
        report: Callable[[str], None],
        *,
        seconds: float = FIND_SECONDS,
    ) -> None:
        """Return when the first and the last of the days can be queried.

        Raises SmartRegionError where they cannot in time, and PrometheusUnhealthyError.
        """
        if self.url is None:
            return
        began = monotonic()
        reported = began
        for day in (days[0], days[-1]):
            while value_at(self.url, conventions.AS_OF.name, day) is None:
                now = monotonic()
                if now - began > seconds:
                    waited_seconds = now - began
                    raise SmartRegionError(
                        f"into: {self.url} does not show {day} {waited_seconds:.0f} s after"
                        f" {len(blocks)} blocks were put into {self.folder}: see its log, and"
                        " whether this folder is that Prometheus' own"
                    )
                if now - reported > REPORT_SECONDS:
                    report(f"waiting for {self.url} to find the blocks, {seconds:.0f} s at most")
                    reported = now
                sleep(PAUSE_SECONDS)

    def _change_owner(self, made: Path) -> None:
        """Make the folder's owner that of the blocks: Prometheus has to delete them later."""
        owner = self.folder.stat()
        for folder, _, files in os.walk(made):
            for path in (Path(folder), *(Path(folder, file) for file in files)):
                os.chown(path, owner.st_uid, owner.st_gid)
