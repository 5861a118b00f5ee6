"""The project's own commands as programs: how they are called, and how they are told settings."""

from __future__ import annotations

import sys
from typing import Final

from pydantic import SecretStr

from events.settings import ENV_PREFIX, BrokerSettings

__all__ = ["COMMAND", "environment"]

COMMAND: Final = (sys.executable, "-m", "smart_region")


def environment(settings: BrokerSettings) -> dict[str, str]:
    """Write settings as the variables that they are read from; what is not set stays out."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return {
        ENV_PREFIX + name.upper(): (
            value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        )
        for name, value in values.items()
        if value is not None
    }
