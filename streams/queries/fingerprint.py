"""The fingerprint of a term: the same in two programs if, and only if, they mean the same."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from hashlib import sha256

from pydantic_core import to_json

from catalogue.terms import Term

#: Part of what is hashed: another reading of the same fields needs another number.
_READING = 1
_LETTERS = 16


@lru_cache(maxsize=1024)
def fingerprint(term: Term) -> str:
    """Return 16 hexadecimal digits that stand for a term's content."""
    fields = asdict(term)
    if term.among is None:
        del fields["among"]  # Terms had fingerprints before they had it.
    else:
        fields["among"] = fingerprint(term.among)
    fields["where"] = sorted((field, sorted(values)) for field, values in term.where)
    fields["entities"] = None if term.entities is None else sorted(term.entities)
    return sha256(to_json([_READING, sorted(fields.items())])).hexdigest()[:_LETTERS]
