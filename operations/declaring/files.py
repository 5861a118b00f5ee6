"""The files of a new producer, which are written all, or none."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any, Final

import yaml
from pydantic import ValidationError

from boundary.errors import SmartRegionError
from boundary.whole_file import whole_file
from events.document import document_of, plain_yaml, read_document
from events.producers.loader import load_producers
from events.producers.model import Producers
from events.producers.secrets import load_secrets
from events.producers.tokens import IssuedSecret

DECLARATION_HEADER: Final = """\
# Who may send events, and what; `smart-region producers check` reports every mistake.
"""
SECRETS_HEADER: Final = """\
# Secrets of the producers, for the gateway: only its user and group may read this file.
"""
_ITEM: Final = re.compile(r"^( *)- ", re.MULTILINE)
"""The first item of a list, with its margin."""


class FileThereError(SmartRegionError):
    """A file that would be overwritten."""

    def __init__(self, option: str, file: Path) -> None:
        super().__init__(
            f"{option}: is there already, value {str(file)!r}: name another file, or remove it"
        )


class SecretsOfUndeclaredError(SmartRegionError):
    """A file of secrets whose producers have no declaration."""

    def __init__(self, secrets: Path, *, declaration: Path) -> None:
        super().__init__(
            f"--producers: is not there, value {str(declaration)!r}, and {secrets} has secrets of"
            " producers: name the file that declares them, or another file of secrets"
        )


class DeclarationChangedError(SmartRegionError):
    """Somebody else has declared a producer meanwhile, with which this one does not go together."""

    def __init__(self, declaration: Path) -> None:
        super().__init__(
            f"--producers: was changed meanwhile, value {str(declaration)!r}, and cannot have this"
            " producer any more: run the command again; nothing was written"
        )


@dataclass(frozen=True, slots=True)
class NewFiles:
    """The files that a new producer gets, neither of which may be there."""

    secret: Path
    """The producer's secret alone, for its owner to read."""
    event: Path

    def check(self) -> None:
        """Check that nothing would be overwritten. Raises FileThereError."""
        for option, file in (("--secret-file", self.secret), ("--event", self.event)):
            if file.exists() or file.is_symlink():
                raise FileThereError(option, file)


@dataclass(frozen=True, slots=True)
class ProducerFiles:
    """The declaration and the secrets, which may be there."""

    declaration: Path
    secrets: Path

    def declared(self) -> list[dict[str, Any]]:
        """Return the declared producers as plain data, once they and the secrets are checked.

        Raises InvalidDeclarationError with every mistake, OpenSecretError and
        SecretsOfUndeclaredError.
        """
        known = load_producers(self.declaration) if self.declaration.exists() else None
        secrets = load_secrets(self.secrets if self.secrets.exists() else None, known)
        if known is None and secrets.root:
            raise SecretsOfUndeclaredError(self.secrets, declaration=self.declaration)
        found: list[dict[str, Any]] = _data_of(self.declaration).get("producers", [])
        return found

    def add(
        self,
        producer: dict[str, Any],
        issued: IssuedSecret,
        event: Mapping[str, Any],
        new: NewFiles,
    ) -> None:
        """Add a producer and its secret, and write its own files.

        All is written beside first. A kill between the four renames leaves a secret that no gateway
        knows, or a declared producer without a secret, with which every program starts.
        Raises FileThereError, DeclarationChangedError, FileUnwritableError, and as `declared`.
        """
        new.check()
        after = {"producers": [*self.declared(), producer]}
        try:
            Producers.model_validate(after)
        except ValidationError as error:
            raise DeclarationChangedError(self.declaration) from error
        item = f"\n{plain_yaml([producer])}"
        declaration = _with(self.declaration, item, after, DECLARATION_HEADER)
        known = {**_data_of(self.secrets), **yaml.safe_load(issued.lines)}
        secrets = _with(self.secrets, f"{issued.lines}\n", known, SECRETS_HEADER)
        # One line for what is signed: `smart-region emit` reads an event a line.
        text = json.dumps(event, ensure_ascii=False, indent=None if issued.is_signing else 2)
        # They are renamed in the reverse order.
        with (
            whole_file(self.secrets, private=True) as of_secrets,
            whole_file(self.declaration) as of_declaration,
            whole_file(new.event) as of_event,
            whole_file(new.secret, private=True) as of_secret,
        ):
            of_secret.write(f"{issued.secret.get_secret_value()}\n".encode())
            of_event.write(f"{text}\n".encode())
            of_declaration.write(declaration.encode())
            of_secrets.write(secrets.encode())


def _data_of(file: Path) -> dict[str, Any]:
    data = read_document(file).data if file.exists() else None
    return data if isinstance(data, dict) else {}


def _with(file: Path, added: str, after: dict[str, Any], header: str) -> str:
    """Return a file's text with lines at its end that make it declare `after`.

    All other lines and comments stay. Where such lines cannot do it (after a list in brackets), the
    whole file is written anew.
    """
    if not file.exists():
        return header + plain_yaml(after)
    before = file.read_text(encoding="utf-8-sig").rstrip("\n")
    items = _ITEM.search(before)
    margin = items[1] if items and added.startswith("\n- ") else ""
    text = f"{before}\n{indent(added, margin)}"
    return text if document_of(file, text).data == after else plain_yaml(after)
