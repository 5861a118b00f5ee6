"""What probes and Prometheus may ask: the gateway without the addresses that take events."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["PROBE_PATHS", "probes_of"]

PROBE_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_NOWHERE: Final = "/nothing"
"""An address at which the gateway has nothing, and says so."""


def probes_of(app: ASGIApp) -> ASGIApp:
    """Return an application that answers as `app` does at the probes' paths, and 404 elsewhere.

    It is served on a listener of its own: connections that producers keep, or that anybody holds
    open, are none that a probe has to wait for.
    """

    async def probes(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in PROBE_PATHS:
            scope = {**scope, "path": _NOWHERE, "raw_path": _NOWHERE.encode()}
        await app(scope, receive, send)

    return probes
