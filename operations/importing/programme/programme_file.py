"""A programme's file that imports keep up to date: read with all its checks, changed in place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from boundary.errors import SmartRegionError
from boundary.whole_file import FileUnwritableError, whole_file
from catalogue.loader import load_documents
from catalogue.model import Programme
from events.document import document_of, read_document
from operations.importing.programme.merging import Declaration
from operations.importing.programme.programme_text import declaration_text, edited_text

__all__ = ["ProgrammeChangedError", "ProgrammeFileError", "read_declared", "write_declared"]

HEADER: Final = """\
# Kept up to date by `smart-region import pilote`: baselines and milestones come from its files.
# Titles, definitions, units and the rest are yours to write, and stay, with your comments.
"""


class ProgrammeFileError(SmartRegionError):
    """The programme's file cannot be written."""

    def __init__(self, file: Path, *, cause: OSError) -> None:
        super().__init__(
            f"--catalogue: cannot be written, value {str(file)!r} ({cause.strerror or cause}):"
            " name a file in a folder that exists and may be written to"
        )


class ProgrammeChangedError(SmartRegionError):
    """The programme's file is another one than the import has read."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"--catalogue: was changed while the import ran, value {str(file)!r}: run the same"
            " command again, it goes on from there; the file is as it was changed"
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


def write_declared(file: Path, declared: Declaration, *, since: Declaration | None = None) -> bool:
    """Write a declaration, whole or not at all; return whether the file has changed.

    What has not changed in the file stays as its owner wrote it, comments included. `since` is what
    `read_declared` returned, from which the declaration was made. Raises ProgrammeChangedError
    where the file has another one now, ProgrammeFileError, or pydantic's error where the
    declaration is none: a fault of this program.
    """
    if not declared["indicators"]:
        return False
    Programme.model_validate(declared)
    if since is not None and read_declared(file) != since:
        raise ProgrammeChangedError(file)
    written = HEADER + declaration_text(declared)
    text = written
    if file.exists():
        before = read_document(file).data
        if before == declared:
            return False
        if isinstance(before, dict):
            text = edited_text(file.read_text(encoding="utf-8-sig"), before, declared)
    if document_of(file, text).data != declared:  # A form of YAML that is not edited right.
        text = written
    try:
        with whole_file(file) as stream:
            stream.write(text.encode())
    except FileUnwritableError as error:
        raise ProgrammeFileError(file, cause=error.cause) from error
    return True
