"""The contracts as files: every document that the gateway serves."""

from __future__ import annotations

from pathlib import Path

from boundary.generated_files import GeneratedFiles
from gateway.documents import DOCUMENTS, SCHEMAS, document_text

__all__ = ["contract_files"]


def contract_files(folder: Path) -> GeneratedFiles:
    """Return every document by its path below a folder, and the pattern of outdated ones."""
    texts = {path: document_text(path) for path in DOCUMENTS}
    return GeneratedFiles(folder, texts, ours=(f"{SCHEMAS}/*.json",))
