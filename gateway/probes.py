"""The application for probes and Prometheus: the gateway without the paths that accept events."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["PROBE_PATHS", "probes_of"]

PROBE_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_NOT_FOUND: Final = "/nothing"
"""A path that the gateway answers with 404."""


def probes_of(app: ASGIApp) -> ASGIApp:
    """Return an application that answers as `app` does at the probes' paths, and 404 elsewhere.

    It is served on a listener of its own: a probe does not wait for the connections that producers
    or attackers hold open.
    """

    async def probes(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in PROBE_PATHS:
            scope = {**scope, "path": _NOT_FOUND, "raw_path": _NOT_FOUND.encode()}
        await app(scope, receive, send)

    return probes
