"""The contracts, read by another language's library and by their format's own schema."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from events.registry import FACTS
from gateway.documents import SCHEMAS, document_files, document_text
from tests.support.commands import captured
from tests.support.requirements import give_up, require_programs

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "tests" / "guide"
PACKAGES = GUIDE / "node_modules"
ASYNCAPI_SCHEMA = PACKAGES / "@asyncapi/specs/schemas/3.0.0-without-$id.json"


@pytest.fixture(autouse=True)
def _packages() -> None:
    if not ASYNCAPI_SCHEMA.exists():
        give_up("the npm packages are missing: run tests/packages.sh tests/guide")


def test_javascript_reads_the_schemas(tmp_path: Path) -> None:
    document_files(tmp_path).write()
    require_programs("node", remedy="see deploy/debian-packages.sh")
    done = captured(["node", GUIDE / "contracts.mjs", tmp_path / SCHEMAS])

    assert (done.stdout, done.stderr) == (f"{len(FACTS)}\n", "")


def test_asyncapi_takes_its_document() -> None:
    official = json.loads(ASYNCAPI_SCHEMA.read_text(encoding="utf-8"))
    document = json.loads(document_text("asyncapi.json"))

    assert [error.message for error in Draft7Validator(official).iter_errors(document)] == []
