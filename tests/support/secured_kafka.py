"""A Kafka with authentication: TLS, users with passwords, and rights that must be granted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kafka.admin import KafkaAdminClient, ScramMechanism, UserScramCredentialUpsertion

from broker.clients import opened
from broker.security import BrokerSecurity
from operations.programs.addresses import free_port
from tests.support.certificates import Authority
from tests.support.kafka import KafkaBroker

MECHANISM = "SCRAM-SHA-512"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"

#: Lines that follow those of `tests.support.kafka`, and so override them.
PROPERTIES = """\
listeners=USERS://127.0.0.1:{{port}},MUTUAL://127.0.0.1:{mutual},EXPIRED://127.0.0.1:{expired},\
ELSEWHERE://127.0.0.1:{elsewhere},CONTROLLER://127.0.0.1:{{controller_port}}
advertised.listeners=USERS://127.0.0.1:{{port}},MUTUAL://127.0.0.1:{mutual},\
EXPIRED://127.0.0.1:{expired},ELSEWHERE://127.0.0.1:{elsewhere}
listener.security.protocol.map=USERS:SASL_SSL,MUTUAL:SSL,EXPIRED:SASL_SSL,ELSEWHERE:SASL_SSL,\
CONTROLLER:SSL
inter.broker.listener.name=MUTUAL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.users.scram-sha-512.sasl.jaas.config={scram}
listener.name.expired.scram-sha-512.sasl.jaas.config={scram}
listener.name.elsewhere.scram-sha-512.sasl.jaas.config={scram}
ssl.keystore.type=PEM
ssl.keystore.location={broker}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
# Who has a certificate is known by the name in it.
ssl.principal.mapping.rules=RULE:^.*CN=([^,]+).*$/$1/
listener.name.mutual.ssl.client.auth=required
listener.name.controller.ssl.client.auth=required
listener.name.expired.ssl.keystore.type=PEM
listener.name.expired.ssl.keystore.location={broker_expired}
listener.name.elsewhere.ssl.keystore.type=PEM
listener.name.elsewhere.ssl.keystore.location={broker_elsewhere}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:broker;User:root
"""


class SecuredKafka(KafkaBroker):
    """One broker with four listeners; changes to users and rights persist into the next test.

    `bootstrap` is the users' listener: TLS, and a name and a password by SCRAM-SHA-512. `mutual`
    requires a client certificate instead; `expired` and `elsewhere` are like the users' listener,
    but the broker's certificate has expired, or is that of another host.
    """

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder / "certificates")
        self._mutual, self._expired, self._elsewhere = (free_port() for _ in range(3))
        self.root = self.authority.issue("root")
        super().__init__(
            folder,
            properties=PROPERTIES.format(
                scram=SCRAM,
                mutual=self._mutual,
                expired=self._expired,
                elsewhere=self._elsewhere,
                authority=self.authority.file,
                broker=self.authority.issue("broker").both,
                broker_expired=self.authority.issue_expired("broker-expired").both,
                broker_elsewhere=self.authority.issue(
                    "broker-elsewhere", hosts=("kafka.example.org",)
                ).both,
            ),
        )

    @property
    def mutual(self) -> str:
        return f"127.0.0.1:{self._mutual}"

    @property
    def expired(self) -> str:
        return f"127.0.0.1:{self._expired}"

    @property
    def elsewhere(self) -> str:
        return f"127.0.0.1:{self._elsewhere}"

    @property
    def as_root(self) -> BrokerSecurity:
        return BrokerSecurity(
            security_protocol="SSL",
            ssl_cafile=str(self.authority.file),
            ssl_certfile=str(self.root.chain),
            ssl_keyfile=str(self.root.key),
        )

    @contextmanager
    def admin(self) -> Iterator[Any]:
        client = opened(KafkaAdminClient, self.mutual, security=self.as_root)
        try:
            yield client
        finally:
            client.close()

    def add_users(self, passwords: Mapping[str, str]) -> None:
        users = [
            UserScramCredentialUpsertion(name, ScramMechanism.SCRAM_SHA_512, password)
            for name, password in passwords.items()
        ]
        with self.admin() as admin:
            problems = admin.alter_user_scram_credentials(users)
        assert not any(problems.values()), problems

    def settings_of(self, name: str, password: str) -> dict[str, str]:
        return {
            "SMART_REGION_BROKER": self.bootstrap,
            "SMART_REGION_SECURITY_PROTOCOL": "SASL_SSL",
            "SMART_REGION_SASL_MECHANISM": MECHANISM,
            "SMART_REGION_SASL_USERNAME": name,
            "SMART_REGION_SASL_PASSWORD": password,
            "SMART_REGION_SSL_CAFILE": str(self.authority.file),
        }
