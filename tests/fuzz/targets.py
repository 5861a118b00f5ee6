"""All targets."""

from __future__ import annotations

from typing import Final

from tests.fuzz.declaration_targets import DECLARATION_TARGETS
from tests.fuzz.gateway_targets import GATEWAY_TARGETS
from tests.fuzz.history_targets import HISTORY_TARGETS
from tests.fuzz.portal_targets import PORTAL_TARGETS
from tests.fuzz.record_targets import RECORD_TARGETS
from tests.fuzz.table_targets import TABLE_TARGETS
from tests.fuzz.target import Target

TARGETS: Final[tuple[Target, ...]] = (
    *GATEWAY_TARGETS,
    *RECORD_TARGETS,
    *TABLE_TARGETS,
    *DECLARATION_TARGETS,
    *PORTAL_TARGETS,
    *HISTORY_TARGETS,
)
