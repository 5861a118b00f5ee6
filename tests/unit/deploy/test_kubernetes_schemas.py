"""Everything that a cluster is given is what Kubernetes and the operators take."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.support.kubernetes import OVERLAYS, Manifest, built

CORPUS = Path(__file__).parents[2] / "corpus/kubernetes/custom-resources.yaml"


def custom_schemas() -> dict[str, dict[str, Any]]:
    document = yaml.safe_load(CORPUS.read_text(encoding="utf-8"))
    shared = document.pop("$defs")
    return {kind: {**schema, "$defs": shared} for kind, schema in document.items()}


CUSTOM = custom_schemas()


def name_of(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


@pytest.mark.slow
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_takes_every_resource_of_its_own(overlay: str) -> None:
    version = kubernetes_validate.latest_version()
    for manifest in built(overlay):
        if manifest["kind"] not in CUSTOM:
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                pytest.fail(f"{name_of(manifest)}: {error.message}")


@pytest.mark.slow
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
