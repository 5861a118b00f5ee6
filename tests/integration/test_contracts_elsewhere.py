"""The committed contracts, read by another language's library."""

import subprocess
from pathlib import Path

from events.registry import FACTS
from tests.support.requirements import give_up, require_programs

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "tests" / "guide"


def test_javascript_reads_the_schemas() -> None:
    """Ajv, at its strictest, compiles each and takes its example."""
    require_programs("node", remedy="see deploy/debian-packages.sh")
    if not (GUIDE / "node_modules").exists():
        give_up("the npm packages are missing: run tests/guide/packages.sh")
    done = subprocess.run(
        ["node", GUIDE / "contracts.mjs", ROOT / "docs" / "contracts" / "schemas"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == (f"{len(FACTS)}\n", "")
