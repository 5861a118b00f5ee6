"""Authorities and certificates for tests: valid ones, an expired one, one of another host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

#: The names and addresses of a test's broker or server.
LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files: the certificate, its key, and both in one as Kafka and uvicorn may read them."""

    chain: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates, and has its own in a file."""

    def __init__(self, folder: Path, *, name: str = "authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = name
        self._authority = trustme.CA(organization_name=name)
        self.file = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(self.file)

    def issue(self, name: str, *, hosts: tuple[str, ...] = LOOPBACK) -> Certificate:
        """Sign a certificate that is valid today; `name` identifies its owner."""
        return self._written(name, self._authority.issue_cert(*hosts, common_name=name))

    def issue_expired(self, name: str) -> Certificate:
        now = datetime.now(UTC)
        leaf = self._authority.issue_cert(
            *LOOPBACK,
            common_name=name,
            not_before=now - timedelta(days=30),
            not_after=now - timedelta(days=1),
        )
        return self._written(name, leaf)

    def _written(self, name: str, leaf: trustme.LeafCert) -> Certificate:
        stem = self._folder / f"{self._name}-{name}"
        certificate = Certificate(
            stem.with_suffix(".crt"), stem.with_suffix(".key"), stem.with_suffix(".pem")
        )
        # Java reads only PKCS#8 keys.
        key = load_pem_private_key(leaf.private_key_pem.bytes(), password=None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        chain = b"".join(part.bytes() for part in leaf.cert_chain_pems)
        certificate.key.write_bytes(key)
        certificate.key.chmod(0o600)
        certificate.chain.write_bytes(chain)
        certificate.both.write_bytes(key + chain)
        certificate.both.chmod(0o600)
        return certificate
