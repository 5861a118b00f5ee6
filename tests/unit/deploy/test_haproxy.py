"""HAProxy takes its configuration, with the variables that compose and Kubernetes give it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.compose import COMPOSE_FILES, Stack
from tests.support.haproxy import CONFIGURATIONS, HAPROXY
from tests.support.kubernetes import OVERLAYS, built, containers, environment


def in_compose(kind: str, name: str) -> Mapping[str, str | None]:
    service = Stack(kind).services[f"haproxy-{name}"]
    assert service["command"] == ["haproxy", "-f", f"/etc/smart-region/{name}.cfg"]
    assert "./haproxy:/etc/smart-region:ro" in service["volumes"]
    variables: dict[str, str | None] = service["environment"]
    return variables


def on_kubernetes(overlay: str, name: str) -> Mapping[str, str]:
    manifests = built(overlay)
    (container,) = (
        it
        for owner, it in containers(manifests)
        if (owner, it["name"]) == (f"smart-region-{name}", "haproxy")
    )
    assert f"haproxy/{name}.cfg" in container["args"][-1]
    return environment(manifests, container)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gateway", "page"])
@pytest.mark.parametrize(
    ("variables", "where"),
    [
        *(pytest.param(in_compose, kind, id=f"compose-{kind}") for kind in COMPOSE_FILES),
        *(pytest.param(on_kubernetes, overlay, id=overlay) for overlay in OVERLAYS),
    ],
)
def test_haproxy_takes_its_configuration(
    variables: Callable[[str, str], Mapping[str, str | None]], where: str, name: str, tmp_path: Path
) -> None:
    if HAPROXY is None:
        pytest.skip("needs haproxy: deploy/debian-packages.sh")
    # What has no value is as the machine has it: not set.
    given = {it: value for it, value in variables(where, name).items() if value is not None}
    (tmp_path / "tokens.map").touch()
    if "RUN" in given:
        given["RUN"] = str(tmp_path)
    options = given.get("BIND_OPTIONS", "")
    if "crt" in options:
        made = Authority(tmp_path).issue("server")
        certificate = tmp_path / "tls.crt"
        certificate.write_bytes(made.chain.read_bytes())
        Path(f"{certificate}.key").write_bytes(made.key.read_bytes())
        given["BIND_OPTIONS"] = options.replace("/etc/smart-region/tls/tls.crt", str(certificate))

    done = subprocess.run(
        [HAPROXY, "-c", "-f", str(CONFIGURATIONS / f"{name}.cfg")],
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "Configuration file is valid" in done.stdout
