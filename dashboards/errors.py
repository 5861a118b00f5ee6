"""What can go wrong between the catalogue and what people see; each error says what to do."""

from __future__ import annotations

__all__ = ["DashboardsError"]


class DashboardsError(Exception):
    """The root of this package's errors; its messages are for whoever runs a command."""
