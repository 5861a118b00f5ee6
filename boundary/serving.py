"""The common parts of all HTTP servers: settings, TLS, and the token of /metrics."""

from __future__ import annotations

import hmac
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from boundary.errors import SmartRegionError
from boundary.private_files import refuse_open_file
from boundary.settings import SETTINGS_CONFIG, variable

_SCHEME: Final = "bearer"


class ServingFileError(SmartRegionError):
    """A file that a server needs is unusable."""

    def __init__(self, setting: str, file: Path, *, problem: str) -> None:
        super().__init__(
            f"{variable(setting)}: cannot be used, value {str(file)!r} ({problem}): "
            "name a file that can be read and holds what it should"
        )


@dataclass(frozen=True, slots=True)
class MetricsGuard:
    """Decides who may read /metrics: clients with the file's token; without a file, everybody."""

    file: Path | None = None

    def admits(self, authorization: str | None) -> bool:
        """Return whether a request's header `Authorization` carries the token.

        The file is read each time, so that a new token needs no restart. If it cannot be read,
        every request is refused.
        """
        if self.file is None:
            return True
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != _SCHEME:
            return False
        try:
            token = read_token(self.file)
        except SmartRegionError:
            return False
        # Compared in constant time, and as bytes: a header may have any bytes.
        sent = given.strip().encode(errors="surrogatepass")
        return hmac.compare_digest(sent, token.encode())


OPEN: Final = MetricsGuard()


class ServingSettings(BaseSettings):
    """The common settings of all programs that serve HTTP."""

    model_config = SETTINGS_CONFIG

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """`debug` also shows the logs of Faust and the Kafka client."""
    log_format: Literal["text", "json"] = "text"
    """Format of the log's lines: text or JSON."""
    metrics_token_file: Path | None = None
    """File with the token that /metrics requires as `Authorization: Bearer`, closed to other users.
    Without it /metrics is open."""
    server_certfile: Path | None = None
    """PEM file with the server's certificate and the intermediate ones; enables TLS."""
    server_keyfile: Path | None = None
    """PEM file with the key of the server's certificate."""

    @field_validator("server_keyfile")
    @classmethod
    def _goes_with_a_certificate(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if (file is None) is not (info.data.get("server_certfile") is None):
            message = f"set both {variable('server_certfile')} and {variable('server_keyfile')}"
            raise ValueError(message)
        return file

    def metrics_guard(self) -> MetricsGuard:
        """Return the guard of /metrics. Raises the errors of `metrics_token`."""
        self.metrics_token()
        return MetricsGuard(self.metrics_token_file)

    def metrics_token(self) -> str | None:
        """Return the token that /metrics requires; None if it is open.

        Raises ServingFileError if the file has no token, SmartRegionError if everybody may read it.
        """
        return None if self.metrics_token_file is None else read_token(self.metrics_token_file)

    def server_context(self) -> ssl.SSLContext | None:
        """Return the server's TLS context; None without a certificate.

        Raises ServingFileError if the certificate or its key is unusable, SmartRegionError if
        everybody may read the key.
        """
        if self.server_certfile is None:
            return None
        if self.server_keyfile is not None:
            refuse_open_file(self.server_keyfile)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            # Without a password, OpenSSL would prompt for a key's passphrase on the terminal.
            context.load_cert_chain(self.server_certfile, self.server_keyfile, password="")
        except OSError as error:
            problem = error.strerror if not isinstance(error, ssl.SSLError) else "no PEM that fits"
            raise ServingFileError(
                "server_certfile", self.server_certfile, problem=problem or str(error)
            ) from error
        return context


def read_token(file: Path, setting: str = "metrics_token_file") -> str:
    """Read the single token in a file named by a setting.

    Raises ServingFileError or SmartRegionError.
    """
    refuse_open_file(file)
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "not text"
        raise ServingFileError(setting, file, problem=problem) from error
    if not token or not token.isprintable() or " " in token:
        raise ServingFileError(setting, file, problem="not one token")
    return token
