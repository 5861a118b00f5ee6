"""The project's own commands as child programs: their command line and environment."""

from __future__ import annotations

import sys
from typing import Final

from pydantic import SecretStr

from boundary.settings import ENV_PREFIX
from broker.settings import BrokerSettings

__all__ = ["COMMAND", "environment"]

COMMAND: Final = (sys.executable, "-m", "smart_region")


def environment(settings: BrokerSettings) -> dict[str, str]:
    """Return settings as environment variables; without those that are not set."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return {
        ENV_PREFIX + name.upper(): _written(value)
        for name, value in values.items()
        if value is not None and value != ()
    }


def _written(value: object) -> str:
    """Write one value: a list with commas, and a secret in the clear."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)
