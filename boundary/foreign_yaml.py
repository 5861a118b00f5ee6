"""YAML defined by other programs: all of YAML is read, and any mistake is one error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def read_yaml(file: Path) -> Any:  # noqa: ANN401 - any YAML
    """Return the content of a YAML file in UTF-8. Raises OSError, or ValueError if invalid."""
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    # The constructors of tags raise any error: `!!bool x` a KeyError.
    except (yaml.YAMLError, AttributeError, LookupError, RecursionError, TypeError) as error:
        raise ValueError(" ".join(str(error).split())) from error
