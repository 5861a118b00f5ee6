"""YAML that other programs define: all of it is read, and whatever is wrong is one error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def read_yaml(file: Path) -> Any:  # noqa: ANN401 - any YAML
    """Return what a file of YAML in UTF-8 has. Raises OSError, or ValueError where it is none."""
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    # What makes a value of a tag raises what it comes upon: `!!bool x` a KeyError.
    except (yaml.YAMLError, AttributeError, LookupError, RecursionError, TypeError) as error:
        raise ValueError(" ".join(str(error).split())) from error
