"""The environment variables of settings, and of what tests plant beside them."""

from __future__ import annotations

from collections.abc import Mapping


def environment_variables(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of settings named as in `streams.settings`.

    A name that begins with `test_` belongs to a test's own program (`SMARTREGION_TEST_…`): the
    settings model refuses unknown variables with its own prefix.
    """
    return {
        ("SMARTREGION_" if name.startswith("test_") else "SMART_REGION_") + name.upper(): value
        for name, value in settings.items()
    }
