"""A programme's file that imports keep up to date: read with all its checks, written whole."""

from __future__ import annotations

import os
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import yaml

from boundary.errors import SmartRegionError
from catalogue.loader import load_documents
from catalogue.model import Programme
from events.document import read_document
from operations.importing.parsing import write_decimal
from operations.importing.programme.merging import Declaration

__all__ = ["ProgrammeFileError", "declaration_text", "read_declared", "write_declared"]

HEADER: Final = """\
# Kept up to date by `smart-region import pilote`: baselines and milestones come from its files.
# Titles, definitions, units and the rest are yours to write, and stay; comments do not.
"""
WIDTH: Final = 100


class ProgrammeFileError(SmartRegionError):
    """The programme's file cannot be written."""

    def __init__(self, file: Path, *, cause: OSError) -> None:
        self.file = file
        super().__init__(
            f"--catalogue: cannot be written, value {str(file)!r} ({cause.strerror or cause}):"
            " name a file in a folder that exists and may be written to"
        )


def read_declared(file: Path) -> Declaration:
    """Read a programme's declaration; a new one where there is no file.

    Raises InvalidCatalogueError with every mistake of the file.
    """
    if not file.exists():
        name = re.sub(r"[^a-z0-9]+", "_", file.stem.lower()).strip("_")
        return {
            "id": name if name[:1].isalpha() else f"pilote_{name}".rstrip("_"),
            "title": "Baromètre PILOTE",
            "promise": "Les cibles de l’État en Île-de-France, telles que PILOTE les tient.",
            "owner": "À désigner",
            "indicators": [],
        }
    _, (document,) = load_documents(file)
    assert isinstance(document.data, dict)  # noqa: S101 - it has just been loaded as one
    return document.data


def write_declared(file: Path, declared: Declaration) -> bool:
    """Write a declaration, whole or not at all; tell whether the file says something new.

    A file that says the same is left as it is, comments included. Raises ProgrammeFileError, or
    pydantic's error where the declaration is none: a mistake of this program.
    """
    if not declared["indicators"]:
        return False
    Programme.model_validate(declared)
    if file.exists() and read_document(file).data == declared:
        return False
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        try:
            part.write_text(declaration_text(declared), encoding="utf-8")
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise ProgrammeFileError(file, cause=error) from error
    return True


def declaration_text(declared: Declaration) -> str:
    """Write a declaration as YAML that the catalogue reads back as the same."""
    written = yaml.dump(declared, Dumper=_Writer, allow_unicode=True, sort_keys=False, width=WIDTH)
    return HEADER + written


class _Writer(yaml.SafeDumper):
    """Writes plain YAML: no anchors, lists indented, numbers as people write them."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - as the base has it
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)


def _number(writer: _Writer, value: Decimal) -> yaml.Node:
    text = write_decimal(value)
    kind = "float" if "." in text else "int"
    return writer.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


def _day(writer: _Writer, value: date) -> yaml.Node:
    return writer.represent_scalar("tag:yaml.org,2002:timestamp", value.isoformat())


_Writer.add_representer(Decimal, _number)
_Writer.add_representer(date, _day)
