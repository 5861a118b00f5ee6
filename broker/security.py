"""How the broker knows us, and we it: the model that every client's configuration comes from."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
)

from broker.errors import SecuritySettingError
from events.secret_file import refuse_open_file

__all__ = ["ENV_PREFIX", "PLAINTEXT", "BrokerSecurity", "InsecureBroker"]

ENV_PREFIX: Final = "SMART_REGION_"


def _is_said_where_needed(is_said: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's
    """Refuse what gives a password or the broker's place away, unless it is said on purpose."""
    chosen = info.data
    if (
        is_said
        or not {"security_protocol", "sasl_mechanism", "ssl_check_hostname"} <= chosen.keys()
    ):
        return is_said  # The last: one of them is wrong itself, and told.
    protocol = chosen["security_protocol"]
    said = "or set it to true where the network is yours alone"
    if protocol == "SASL_PLAINTEXT" and chosen["sasl_mechanism"] == "PLAIN":
        message = (
            "PLAIN over SASL_PLAINTEXT shows the password to the network: use SASL_SSL or"
            f" SCRAM-SHA-512, {said}"
        )
        raise ValueError(message)
    if protocol.endswith("SSL") and not chosen["ssl_check_hostname"]:
        message = (
            f"without {_variable('ssl_check_hostname')} whoever has any certificate of the"
            f" authority can be the broker: name the broker as its certificate does, {said}"
        )
        raise ValueError(message)
    return is_said


InsecureBroker: TypeAlias = Annotated[
    bool, AfterValidator(_is_said_where_needed), Field(validate_default=True)
]
"""A field behind those about the broker's security; models that have these have it last."""


class BrokerSecurity(BaseModel):
    """How the broker knows us, and we it; the default is a broker open to all (tests, demo)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password_file: str | None = None
    """File with the password alone, which no other user of the machine may read; goes before
    `sasl_password`."""
    sasl_password: SecretStr | None = None
    ssl_cafile: str | None = None
    """PEM file with the authority that signed the broker's certificate."""
    ssl_certfile: str | None = None
    """PEM file with our own certificate, where the broker asks for one."""
    ssl_keyfile: str | None = None
    """PEM file with the key of our own certificate."""
    ssl_check_hostname: bool = True
    insecure_broker: InsecureBroker = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables SMART_REGION_SECURITY_PROTOCOL, …_SASL_USERNAME and so on.

        Raises SecuritySettingError on the first that is wrong or missing.
        """
        given = {
            name: environ[variable]
            for name in cls.model_fields
            if environ.get(variable := _variable(name))
        }
        try:
            security = cls.model_validate(given)
        except ValidationError as error:
            wrong = error.errors(include_url=False)[0]
            name = str(wrong["loc"][0])
            told = wrong["msg"]
            remedy = told.removeprefix("Value error, ")
            if remedy == told:
                remedy = f"it {told.removeprefix('Input ')}"
            raise SecuritySettingError(_variable(name), given.get(name), remedy=remedy) from None
        if security.asks_for_password:
            for name, also in (("sasl_username", None), ("sasl_password", "sasl_password_file")):
                if name not in given and also not in given:
                    told = f", or {_variable(also)}" if also else ""
                    remedy = f"set it{told}, as {security.security_protocol} asks for it"
                    raise SecuritySettingError(_variable(name), None, remedy=remedy)
        return security

    @property
    def knows_us(self) -> bool:
        """False for a broker that lets everybody in, and that anybody could be."""
        return self.security_protocol != "PLAINTEXT"

    @property
    def asks_for_password(self) -> bool:
        """True where a user and a password are shown to the broker."""
        return self.security_protocol.startswith("SASL")

    @property
    def is_encrypted(self) -> bool:
        """True where the broker is spoken to over TLS."""
        return self.security_protocol.endswith("SSL")

    def password(self) -> str | None:
        """Return the password; that of the file as it is now, so that it may be changed.

        Raises SecuritySettingError where the file cannot be read, OpenSecretError where all can.
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
            raise SecuritySettingError(
                _variable("sasl_password_file"), str(file), remedy="write the password into it"
            )
        return password

    def pinned(self) -> Self:
        """Return the same with the password that the file has now: what a client goes on showing.

        Raises as `password` does.
        """
        password = self.password()
        secret = None if password is None else SecretStr(password)
        return self.model_copy(update={"sasl_password_file": None, "sasl_password": secret})

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return what TLS is made with, None where it is not asked for.

        Raises SecuritySettingError naming the file that cannot be used, OpenSecretError where all
        may read our key.
        """
        if not self.is_encrypted:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ssl_cafile)
        except OSError as error:
            raise _unreadable("ssl_cafile", self.ssl_cafile, error) from error
        context.check_hostname = self.ssl_check_hostname
        if self.ssl_certfile is not None:
            refuse_open_file(Path(self.ssl_keyfile or self.ssl_certfile))
            try:
                # A key with a passphrase would ask for it on the terminal.
                context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile, password="")
            except OSError as error:
                raise _unreadable("ssl_certfile", self.ssl_certfile, error) from error
        return context

    def client_config(self) -> dict[str, Any]:
        """Say the same in the words that kafka-python and aiokafka share.

        Raises as `password` and `ssl_context` do.
        """
        config: dict[str, Any] = {"security_protocol": self.security_protocol}
        if self.is_encrypted:
            config["ssl_context"] = self.ssl_context()
        if self.asks_for_password:
            config |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self.password(),
            }
        return config


PLAINTEXT: Final = BrokerSecurity()


def _variable(field: str) -> str:
    return ENV_PREFIX + field.upper()


def _unreadable(field: str, file: object, error: Exception) -> SecuritySettingError:
    if isinstance(error, ssl.SSLError):
        problem = "it holds no PEM that fits"
        if field == "ssl_certfile":
            problem += f" the key of {_variable('ssl_keyfile')}"
    elif isinstance(error, OSError):
        problem = error.strerror or str(error)
    else:
        problem = "it is no text"
    return SecuritySettingError(
        _variable(field), str(file), remedy=f"name a file that can be used ({problem})"
    )
