"""OpenMetrics text with timestamps, written by family, in whatever order series are added."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Self

from catalogue.metrics import Metric


class OpenMetricsSpool:
    """Collects series on disk and writes them as one text; open it with `with`.

    OpenMetrics requires all samples of a family together, and those of a series together in order
    of time. Series are added by territory, so each family has a temporary file: memory does not
    grow with the number of days. `folder` is where; by default the system's for temporary files,
    which may be small, or in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.samples = 0
        self._folder = folder
        self._resources = ExitStack()
        self._families: dict[Metric, BinaryIO] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def add(
        self, metric: Metric, labels: Sequence[str], samples: Sequence[tuple[int, float]]
    ) -> None:
        """Add a whole series: its label values, and (seconds since 1970, value) in order.

        A series must be added once.
        """
        name = metric.name
        if metric.labels:
            pairs = zip(metric.labels, labels, strict=True)
            name += "{" + ",".join(f'{label}="{_escaped(value)}"' for label, value in pairs) + "}"
        lines = "".join(f"{name} {value!r} {when}\n" for when, value in samples)
        self._file(metric).write(lines.encode())
        self.samples += len(samples)

    def write(self, out: BinaryIO) -> None:
        """Write all that was added."""
        for metric, family in self._families.items():
            head = f"# TYPE {metric.name} {metric.kind}\n# HELP {metric.name} "
            out.write(f"{head}{_escaped(metric.meaning)}\n".encode())
            family.seek(0)
            shutil.copyfileobj(family, out)
        out.write(b"# EOF\n")

    def _file(self, metric: Metric) -> BinaryIO:
        if metric not in self._families:
            # One for each metric: they are few.
            spool = TemporaryFile(dir=self._folder)  # noqa: SIM115 - the resources close it
            self._families[metric] = self._resources.enter_context(spool)
        return self._families[metric]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
