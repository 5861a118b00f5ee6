"""Clients that are generated from the contracts compile, and what they send is accepted."""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from events.cloudevent import decode_json
from events.contracts.client_schemas import event_name
from events.contracts.json_schema import schema_of
from events.registry import FACTS
from gateway.documents import document_files
from tests.support.clients import (
    CLIENTS,
    NODE_MODULES,
    compile_java,
    generate,
    java,
    require_generators,
    run,
)
from tests.support.gateways import Gateway, issue_credentials
from tests.support.kafka import KafkaBroker
from tests.support.requirements import give_up


def compile_typescript(folder: Path, *files: Path) -> Path:
    """Compile files and their imports in strict mode; return the folder with the JavaScript."""
    compiled = folder / "compiled"
    options = {
        "strict": True,
        "target": "es2022",
        "lib": ["es2022", "dom"],
        "module": "commonjs",
        "types": [],
        "outDir": str(compiled),
    }
    project = folder / "tsconfig.json"
    project.write_text(json.dumps({"compilerOptions": options, "files": [*map(str, files)]}))
    compiler = NODE_MODULES / "typescript" / "bin" / "tsc"
    run("node", compiler, "--project", project, folder=folder)
    return compiled


pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def _generators() -> None:
    require_generators()


@pytest.fixture(scope="module")
def gateway(
    shared_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, str]]:
    folder = tmp_path_factory.mktemp("gateway")
    credentials = issue_credentials("lycees", folder)
    with Gateway(shared_broker.bootstrap, folder, secrets=credentials.file) as opened:
        yield {"GATEWAY": opened.url, "TOKEN": credentials.token}


def answers(language: str) -> str:
    one, two, three, six = (f"{language}-{number}" for number in (1, 2, 3, 6))
    return f"event {one}\nbatch {two} {three}\nmixed 202 422 data.uai\nbinary {six}\n"


def test_a_client_in_python_sends(gateway: Mapping[str, str], tmp_path: Path) -> None:
    client = generate("python", tmp_path)

    said = run(
        sys.executable,
        CLIENTS / "send.py",
        folder=tmp_path,
        env={**gateway, "PYTHONPATH": str(client)},
    )

    assert said == answers("python")


@pytest.mark.nightly
def test_a_client_in_typescript_sends(gateway: Mapping[str, str], tmp_path: Path) -> None:
    generate("typescript-fetch", tmp_path)
    shutil.copy(CLIENTS / "send.ts", tmp_path)

    compiled = compile_typescript(tmp_path, tmp_path / "send.ts")

    assert run("node", compiled / "send.js", folder=tmp_path, env=gateway) == answers("typescript")


@pytest.mark.nightly
def test_a_client_in_java_sends(gateway: Mapping[str, str], tmp_path: Path) -> None:
    client = generate("java", tmp_path, "--library", "native")

    where = compile_java(tmp_path, client / "src/main/java", CLIENTS / "Send.java")

    assert java("Send", folder=tmp_path, env={**gateway, **where}) == answers("java")


@pytest.mark.nightly
def test_a_client_in_go_sends(gateway: Mapping[str, str], tmp_path: Path) -> None:
    if shutil.which("go") is None:
        pytest.skip("go not found: clients in Go are tested where it is")
    module = generate("go", tmp_path, "--additional-properties", "packageName=client")
    run("go", "mod", "edit", "-module", "smartregion/client", folder=module)
    (module / "send").mkdir()
    shutil.copy(CLIENTS / "send.go", module / "send" / "main.go")

    # Without C, of which the standard library would else be compiled with a part.
    env = {**gateway, "CGO_ENABLED": "0"}
    assert run("go", "run", "./send", folder=module, env=env) == answers("go")


@pytest.mark.nightly
def test_models_of_messages_write_what_is_read(tmp_path: Path) -> None:
    """Those of Modelina, in TypeScript and Java: each event is read and written again."""
    typescript, in_java = tmp_path / "typescript", tmp_path / "java"
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    shutil.copy(CLIENTS / "models.mjs", tmp_path)
    examples = {name: schema_of(fact)["examples"][0] for name, fact in FACTS.items()}
    lines = "".join(
        f"{event_name(FACTS[name])}\t{json.dumps(example)}\n" for name, example in examples.items()
    )
    expected = [decode_json(json.dumps(example)) for example in examples.values()]
    document_files(tmp_path / "contracts").write()
    document = tmp_path / "contracts" / "asyncapi.json"

    run("node", "models.mjs", document, typescript, in_java, folder=tmp_path)
    compiled = compile_typescript(tmp_path, *sorted(typescript.glob("*.ts")))
    where = compile_java(tmp_path, in_java, CLIENTS / "Rewrite.java")
    by_typescript = run("node", CLIENTS / "rewrite.cjs", compiled, folder=tmp_path, stdin=lines)
    by_java = java("Rewrite", folder=tmp_path, env=where, stdin=lines)

    assert [decode_json(line) for line in by_typescript.splitlines()] == expected
    assert [decode_json(line) for line in by_java.splitlines()] == expected


def test_openapi_is_linted(tmp_path: Path) -> None:
    version = run("node", "--print", "process.versions.node", folder=tmp_path).strip()
    if tuple(map(int, version.split("."))) < (20, 19):
        give_up(f"redocly needs Node.js 20.19 or later, here it is {version}")
    linter = NODE_MODULES / "@redocly" / "cli" / "bin" / "cli.js"
    document_files(tmp_path).write()
    said = run(
        "node",
        linter,
        "lint",
        "--format=json",
        tmp_path / "openapi.json",
        folder=tmp_path,
        env={"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
    )
    found = json.loads(said)

    assert found["totals"]["errors"] == 0
    assert "no-unused-components" not in {problem["ruleId"] for problem in found["problems"]}
