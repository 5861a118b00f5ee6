"""How clients and broker authenticate each other: the security settings of every client."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from boundary.diagnostic import shown
from boundary.errors import SmartRegionError
from boundary.private_files import refuse_open_file
from boundary.settings import variable


class BrokerSecurity(BaseModel):
    """How the broker and our user are authenticated; the default is a broker open to all.

    A SASL protocol needs a user, and a password or its file. Unless `insecure_broker` is set, a
    cleartext password and a broker of any name are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """The broker's protocol: TLS or not, with a password (SASL) or not."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """The SASL mechanism, if the protocol is a SASL one."""
    sasl_username: str | None = None
    """The user, if the protocol is a SASL one."""
    sasl_password_file: str | None = None
    """File with only the password, closed to other users; overrides `SASL_PASSWORD`."""
    sasl_password: SecretStr | None = None
    """The user's password; never shown."""
    ssl_cafile: str | None = None
    """PEM file with the authority that signed the broker's certificate."""
    ssl_certfile: str | None = None
    """PEM file with our own certificate, if the broker requires one."""
    ssl_keyfile: str | None = None
    """PEM file with the key of our certificate."""
    ssl_check_hostname: bool = True
    """Whether the broker's certificate must name its host."""
    insecure_broker: Annotated[bool, Field(validate_default=True)] = False
    """Set to true only on a private network: allows `PLAIN` over `SASL_PLAINTEXT`, which shows the
    password, and a certificate that does not name its host."""

    @field_validator("sasl_username", "sasl_password")
    @classmethod
    def _has_credentials(cls, value: object, info: ValidationInfo) -> object:
        protocol = info.data.get("security_protocol", "")
        if value or not protocol.startswith("SASL"):
            return value
        is_password = info.field_name == "sasl_password"
        if is_password and info.data.get("sasl_password_file"):
            return value
        or_file = f", or {variable('sasl_password_file')}" if is_password else ""
        message = f"set it{or_file}: {protocol} requires it"
        raise ValueError(message)

    @field_validator("insecure_broker")
    @classmethod
    def _allows_insecure(cls, is_allowed: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's
        given = info.data
        needed = {"security_protocol", "sasl_mechanism", "ssl_check_hostname"}
        if is_allowed or not needed <= given.keys():  # A missing one is invalid, and reported.
            return is_allowed
        protocol = given["security_protocol"]
        otherwise = "or set it to true where the network is yours alone"
        if protocol == "SASL_PLAINTEXT" and given["sasl_mechanism"] == "PLAIN":
            message = (
                "PLAIN over SASL_PLAINTEXT shows the password to the network: use SASL_SSL or"
                f" SCRAM-SHA-512, {otherwise}"
            )
            raise ValueError(message)
        if protocol.endswith("SSL") and not given["ssl_check_hostname"]:
            message = (
                f"without {variable('ssl_check_hostname')} any certificate of the authority passes"
                f" for the broker's: name the broker as its certificate does, {otherwise}"
            )
            raise ValueError(message)
        return is_allowed

    @property
    def is_secured(self) -> bool:
        """False for a broker that admits everybody and whose identity is not checked."""
        return self.security_protocol != "PLAINTEXT"

    @property
    def uses_sasl(self) -> bool:
        """True if a user and a password are sent to the broker."""
        return self.security_protocol.startswith("SASL")

    @property
    def uses_tls(self) -> bool:
        """True if the connection is encrypted."""
        return self.security_protocol.endswith("SSL")

    def password(self) -> str | None:
        """Return the password; each call reads the file, so that it may change.

        Raises SmartRegionError if the file cannot be read, or if other users can read it.
        """
        if self.sasl_password_file is None:
            return self.sasl_password.get_secret_value() if self.sasl_password else None
        file = Path(self.sasl_password_file)
        refuse_open_file(file)
        try:
            password = file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable("sasl_password_file", file, error) from error
        if not password:
            raise _unusable("sasl_password_file", file, "write the password into it")
        return password

    def pinned(self) -> Self:
        """Return a copy with the file's current password, which a client keeps sending.

        Raises the errors of `password`.
        """
        password = self.password()
        secret = None if password is None else SecretStr(password)
        return self.model_copy(update={"sasl_password_file": None, "sasl_password": secret})

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS context of a client; None without TLS.

        Raises SmartRegionError if a file cannot be used, or if other users can read our key.
        """
        if not self.uses_tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ssl_cafile)
        except OSError as error:
            raise _unreadable("ssl_cafile", self.ssl_cafile, error) from error
        context.check_hostname = self.ssl_check_hostname
        if self.ssl_certfile is not None:
            refuse_open_file(Path(self.ssl_keyfile or self.ssl_certfile))
            try:
                # Without a password, OpenSSL would prompt for a key's passphrase on the terminal.
                context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile, password="")
            except OSError as error:
                raise _unreadable("ssl_certfile", self.ssl_certfile, error) from error
        return context

    def client_config(self) -> dict[str, Any]:
        """Return the options that kafka-python and aiokafka share.

        Raises the errors of `password` and `ssl_context`.
        """
        config: dict[str, Any] = {"security_protocol": self.security_protocol}
        if self.uses_tls:
            config["ssl_context"] = self.ssl_context()
        if self.uses_sasl:
            config |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self.password(),
            }
        return config


PLAINTEXT: Final = BrokerSecurity()


def _unreadable(field: str, file: object, error: Exception) -> SmartRegionError:
    if isinstance(error, ssl.SSLError):
        problem = "it holds no PEM that fits"
        if field == "ssl_certfile":
            problem += f" the key of {variable('ssl_keyfile')}"
    elif isinstance(error, OSError):
        problem = error.strerror or str(error)
    else:
        problem = "it is not text"
    return _unusable(field, file, f"name a file that can be used ({problem})")


def _unusable(field: str, file: object, remedy: str) -> SmartRegionError:
    name = variable(field)
    return SmartRegionError(f"{name}: cannot be used, value {shown(str(file))}: {remedy}")
