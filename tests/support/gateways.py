"""A gateway in its own process, and a producer's credentials."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from events.producers.secrets import Scheme, issue
from operations.programs.addresses import address_of, free_port
from operations.programs.program import COMMAND, listens
from tests.support.children import Child, probed
from tests.support.haproxy import Haproxy


@dataclass(frozen=True, repr=False)
class Credentials:
    """A producer's credentials, and the gateway's secrets file."""

    token: str
    signing_secret: str
    file: Path


def issue_credentials(producer: str, folder: Path) -> Credentials:
    """Issue a token and a signing secret to a producer, in the folder's secrets file."""
    token, secret = issue(producer, Scheme.BEARER), issue(producer, Scheme.SIGNATURE)
    file = folder / "secrets.yaml"
    file.touch(mode=0o600)
    _, _, second_key = secret.lines.partition("\n")
    with file.open("a", encoding="utf-8") as secrets:
        secrets.write(f"{token.lines}\n{second_key}\n")
    return Credentials(token.secret.get_secret_value(), secret.secret.get_secret_value(), file)


class Gateway(Child):
    """A `smart-region gateway` in front of a broker, running until the `with` block ends."""

    def __init__(
        self,
        bootstrap: str,
        folder: Path,
        *,
        secrets: Path,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.probe_port = free_port()
        scheme = "https" if "SMART_REGION_SERVER_CERTFILE" in (settings or {}) else "http"
        env = {
            "SMART_REGION_BROKER": bootstrap,
            "SMART_REGION_GATEWAY_PORT": str(self.port),
            "SMART_REGION_GATEWAY_PROBE_PORT": str(self.probe_port),
            "SMART_REGION_GATEWAY_SECRETS": str(secrets),
            **(settings or {}),
        }
        self._probe_url = f"{scheme}://127.0.0.1:{self.probe_port}"
        super().__init__(
            (*COMMAND, "gateway"),
            env,
            log_file=folder / f"gateway-{self.port}.log",
            url=f"{scheme}://127.0.0.1:{self.port}",
            is_ready=lambda _: self.ready,
        )

    @property
    def listens(self) -> bool:
        return listens(address_of(self.port))(self)

    @property
    def ready(self) -> bool:
        try:
            return probed(f"{self._probe_url}/readyz")[0] == 200
        except OSError:
            return False

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self._probe_url}/metrics", timeout=10) as answer:  # noqa: S310 - our own
            return str(answer.read().decode())

    @contextmanager
    def behind_haproxy(self, folder: Path, **variables: str) -> Iterator[Haproxy]:
        """Let clients reach it only through HAProxy; RUN is the folder that both use."""
        variables = {"RUN": str(folder), "GATEWAY": f"127.0.0.1:{self.port}", **variables}
        with Haproxy("gateway", folder, variables) as haproxy:
            self.port = haproxy.port
            self.url = (
                f"{'https' if 'BIND_OPTIONS' in variables else 'http'}://127.0.0.1:{self.port}"
            )
            yield haproxy
