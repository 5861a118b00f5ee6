"""The secrets of the stack's producers: issued once, kept in files, never shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml

from boundary.private_files import close_folder
from boundary.whole_file import whole_file
from events.producers.model import Producers
from events.producers.secrets import token_digest
from events.producers.tokens import Scheme, issue


@dataclass(frozen=True, slots=True)
class StackCredentials:
    """A folder with each producer's own secrets, and the gateway's file of them all."""

    folder: Path

    @classmethod
    def kept_in(cls, folder: Path, producers: Producers) -> Self:
        """Issue the secrets that declared producers do not have yet; others stay valid.

        The gateway's file is rewritten: producers that are not declared any more are not in it.
        Raises FileUnwritableError.
        """
        close_folder(folder)
        credentials = cls(folder)
        known = {}
        for producer in producers:
            for scheme in Scheme:
                file = credentials.file_of(producer.id, scheme)
                if not file.exists():
                    _write(file, f"{issue(producer.id, scheme).secret.get_secret_value()}\n")
            token = credentials.file_of(producer.id, Scheme.BEARER).read_text().strip()
            signing = credentials.file_of(producer.id, Scheme.SIGNATURE).read_text().strip()
            known[producer.id] = {"bearer_sha256": [token_digest(token)], "signing": [signing]}
        _write(credentials.for_the_gateway, yaml.safe_dump(known, sort_keys=False))
        return credentials

    @property
    def for_the_gateway(self) -> Path:
        """The secrets file of the gateway."""
        return self.folder / "gateway.yaml"

    def file_of(self, producer: str, scheme: Scheme) -> Path:
        """Return where a producer's secret is: its text, and nothing else."""
        return self.folder / f"{producer}.{scheme}"


def _write(file: Path, text: str) -> None:
    with whole_file(file, private=True) as stream:
        stream.write(text.encode())
