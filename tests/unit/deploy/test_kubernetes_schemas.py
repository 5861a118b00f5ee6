"""Everything that a cluster is given is what Kubernetes and the operators take."""

import json
import os
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.support.kubernetes import OVERLAYS, Manifest, built

CORPUS = Path(__file__).parents[2] / "corpus/kubernetes/custom-resources.yaml"
#: A file with the definitions of a cluster's operators; without it theirs are not asked.
OWN_DEFINITIONS = os.environ.get("SMARTREGION_TEST_CRDS")


def custom_schemas() -> dict[str, dict[str, Any]]:
    document = yaml.safe_load(CORPUS.read_text(encoding="utf-8"))
    shared = document.pop("$defs")
    return {kind: {**schema, "$defs": shared} for kind, schema in document.items()}


CUSTOM = custom_schemas()


def name_of(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_takes_every_resource_of_its_own(overlay: str) -> None:
    version = kubernetes_validate.latest_version()
    for manifest in built(overlay):
        if manifest["kind"] not in CUSTOM:
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                pytest.fail(f"{name_of(manifest)}: {error.message}")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_operators_take_every_resource_of_theirs(overlay: str) -> None:
    for manifest in built(overlay):
        if manifest["kind"] in CUSTOM:
            errors = Draft202012Validator(CUSTOM[manifest["kind"]]).iter_errors(manifest)
            assert [f"{error.json_path}: {error.message}" for error in errors] == [], name_of(
                manifest
            )


def test_every_kind_that_the_corpus_describes_is_given() -> None:
    given = {manifest["kind"] for overlay in OVERLAYS for manifest in built(overlay)}
    assert given >= CUSTOM.keys()


@pytest.mark.skipif(OWN_DEFINITIONS is None, reason="SMARTREGION_TEST_CRDS names no definitions")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_cluster_own_definitions_take_every_resource(overlay: str) -> None:
    definitions = strict_definitions(Path(OWN_DEFINITIONS or ""))
    for manifest in built(overlay):
        if manifest["kind"] in CUSTOM:
            schema = definitions[manifest["apiVersion"], manifest["kind"]]
            errors = Draft202012Validator(schema).iter_errors(manifest)
            assert [f"{error.json_path}: {error.message}" for error in errors] == [], name_of(
                manifest
            )


def strict_definitions(file: Path) -> dict[tuple[str, str], dict[str, Any]]:
    documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    found = {}
    for definition in (item for one in documents if one for item in one.get("items", [one])):
        spec = definition["spec"]
        for version in spec["versions"]:
            schema = strict(json.loads(json.dumps(version["schema"]["openAPIV3Schema"])))
            schema["properties"]["metadata"] = {"type": "object"}
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


def strict(schema: Any) -> Any:  # noqa: ANN401 - a tree of JSON
    if isinstance(schema, dict):
        if schema.get("x-kubernetes-int-or-string"):
            schema.pop("type", None)
        elif isinstance(schema.get("properties"), dict) and not schema.get(
            "x-kubernetes-preserve-unknown-fields"
        ):
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            strict(part)
    elif isinstance(schema, list):
        for part in schema:
            strict(part)
    return schema
