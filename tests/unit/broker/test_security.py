"""How clients and broker authenticate each other, and the settings that say so."""

import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from boundary.settings import ENV_PREFIX, SettingsError
from broker.security import PLAINTEXT, BrokerSecurity
from broker.settings import load_broker_settings
from tests.support.certificates import Authority
from tests.support.private_files import private_file

SASL = {
    "SMART_REGION_SECURITY_PROTOCOL": "SASL_SSL",
    "SMART_REGION_SASL_USERNAME": "emitter",
    "SMART_REGION_SASL_PASSWORD": "secret",
    "SMART_REGION_SSL_CAFILE": "/etc/ssl/ca.pem",
}


Read = Callable[[Mapping[str, str]], BrokerSecurity]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    def read(environ: Mapping[str, str]) -> BrokerSecurity:
        for name in list(os.environ):
            if name.startswith(ENV_PREFIX):
                monkeypatch.delenv(name)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return load_broker_settings().security()

    return read


def test_nothing_set_is_plaintext(read: Read) -> None:
    assert read({"HOME": "/root"}) == PLAINTEXT
    assert PLAINTEXT.client_config() == {"security_protocol": "PLAINTEXT"}


def test_variables_become_the_clients_configuration(read: Read, authority: Authority) -> None:
    environ = {**SASL, "SMART_REGION_SSL_CAFILE": str(authority.file)}
    config = read(environ).client_config()
    context = config.pop("ssl_context")
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert config == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "emitter",
        "sasl_plain_password": "secret",
    }


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    return private_file(tmp_path / "password", "from the file\n")


@pytest.mark.parametrize("beside", [{}, {"SMART_REGION_SASL_PASSWORD": "secret"}])
def test_the_file_s_password_goes_first_and_may_change(
    read: Read, password_file: Path, beside: dict[str, str]
) -> None:
    environ = {**SASL, "SMART_REGION_SASL_PASSWORD_FILE": str(password_file)}
    del environ["SMART_REGION_SASL_PASSWORD"]
    security = read(environ | beside)
    assert security.password() == "from the file"
    password_file.write_text("a new one")
    assert security.password() == "a new one"


def test_what_a_client_shows_may_be_pinned(password_file: Path) -> None:
    pinned = BrokerSecurity(sasl_password_file=str(password_file)).pinned()
    password_file.write_text("a new one")
    assert pinned.password() == "from the file"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_file_without_a_password_is_named(password_file: Path, content: bytes) -> None:
    password_file.write_bytes(content)
    with pytest.raises(SmartRegionError, match=r"_SASL_PASSWORD_FILE: .*(password|not text)"):
        BrokerSecurity(sasl_password_file=str(password_file)).password()


def test_a_certificate_without_its_key_is_named(authority: Authority) -> None:
    security = BrokerSecurity(
        security_protocol="SSL",
        ssl_cafile=str(authority.file),
        ssl_certfile=str(authority.issue("worker").chain),
        ssl_keyfile=str(authority.issue("gateway").key),
    )
    with pytest.raises(SmartRegionError, match=r"SSL_CERTFILE.*SMART_REGION_SSL_KEYFILE"):
        security.client_config()


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SASL_MECHANISM": "PLAIN"}, "shows the password"),
        ({"SECURITY_PROTOCOL": "SASL_SSL", "SSL_CHECK_HOSTNAME": "false"}, "passes for the broker"),
        ({"SECURITY_PROTOCOL": "SSL", "SSL_CHECK_HOSTNAME": "false"}, "passes for the broker"),
    ],
)
def test_what_is_insecure_has_to_be_allowed(
    read: Read, chosen: dict[str, str], expected: str
) -> None:
    environ = SASL | {f"SMART_REGION_{name}": value for name, value in chosen.items()}

    with pytest.raises(SettingsError, match=rf"SMART_REGION_INSECURE_BROKER.*{expected}"):
        read(environ)
    assert read(environ | {"SMART_REGION_INSECURE_BROKER": "true"}).insecure_broker


@pytest.mark.parametrize(
    "chosen",
    [
        {"SECURITY_PROTOCOL": "SASL_PLAINTEXT"},
        {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "PLAIN"},
        {"SECURITY_PROTOCOL": "PLAINTEXT", "SSL_CHECK_HOSTNAME": "false"},
    ],
)
def test_what_discloses_nothing_needs_no_permission(read: Read, chosen: dict[str, str]) -> None:
    environ = SASL | {f"SMART_REGION_{name}": value for name, value in chosen.items()}

    assert not read(environ).insecure_broker


def test_a_key_that_all_may_read_is_no_secret(authority: Authority) -> None:
    ours = authority.issue("worker")
    for files in (
        {"ssl_certfile": ours.chain, "ssl_keyfile": ours.key},
        {"ssl_certfile": ours.both},
    ):
        named = {name: str(file) for name, file in files.items()}
        security = BrokerSecurity.model_validate(
            {"security_protocol": "SSL", "ssl_cafile": str(authority.file)} | named
        )
        assert security.ssl_context() is not None
        [*files.values()][-1].chmod(0o644)
        with pytest.raises(SmartRegionError, match="chmod 600"):
            security.ssl_context()
