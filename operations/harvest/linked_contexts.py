"""The contexts that a JSON-LD document refers to, put in their place.

The RDF library would fetch them by itself, from any address and without bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias
from urllib.parse import urljoin

from operations.harvest.portal_dataset import CatalogueError

__all__ = ["FetchJson", "with_contexts"]

FetchJson: TypeAlias = Callable[[str], Any]
"""Returns the JSON at an address."""
MOST_CONTEXTS: Final = 10


def with_contexts(document: Any, base: str, fetch: FetchJson) -> Any:  # noqa: ANN401 - JSON
    """Return a document with the contexts in it that its addresses lead to.

    Raises CatalogueError where they are too many, or refer to each other, and what `fetch` raises.
    """
    return _Contexts(fetch).inside(document, base, 0)


class _Contexts:
    """The contexts of one document, each fetched once."""

    def __init__(self, fetch: FetchJson) -> None:
        self._fetch = fetch
        self._fetched: dict[str, Any] = {}
        self._read: dict[tuple[str, int], Any] = {}

    def inside(self, value: Any, base: str, depth: int) -> Any:  # noqa: ANN401 - JSON
        """Return a value of the document, or of a context, with all contexts in place."""
        if isinstance(value, list):
            return [self.inside(one, base, depth) for one in value]
        if isinstance(value, dict):
            return {
                name: (self._context if name == "@context" else self.inside)(one, base, depth)
                for name, one in value.items()
            }
        return value

    def _context(self, value: Any, base: str, depth: int) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, list):
            return [self._context(one, base, depth) for one in value]
        if isinstance(value, dict) and "@import" in value:
            raise _error(base, "imports a context")
        if not isinstance(value, str):
            return self.inside(value, base, depth)
        url = urljoin(base, value)
        if depth > MOST_CONTEXTS or len(self._fetched.keys() | {url}) > MOST_CONTEXTS:
            raise _error(url, f"is one of more than {MOST_CONTEXTS} contexts")
        if url not in self._fetched:
            content = self._fetch(url)
            self._fetched[url] = content.get("@context", {}) if isinstance(content, dict) else {}
        if (url, depth) not in self._read:
            # One object, wherever it is referred to.
            self._read[url, depth] = self._context(self._fetched[url], url, depth + 1)
        return self._read[url, depth]


def _error(url: str, problem: str) -> CatalogueError:
    return CatalogueError(url, problem, remedy="take the catalogue as Turtle or RDF/XML")
