"""A first connection to a broker that reports failed authentication at once, with its cause.

The clients retry, and report other causes: for a wrong password kafka-python reports a lost
connection.
`FailedAttempts` keeps aiokafka's lines about them out of the log.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import Sequence
from typing import Final, Self

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from boundary.terminal import one_line
from broker.errors import BrokerEntryError
from broker.security import BrokerSecurity

ANSWER_SECONDS: Final = 3.0
CLOSING_SECONDS: Final = 0.3

_LOGGER: Final = "aiokafka"
_ATTEMPT: Final = re.compile(
    r'Unable (?:connect to|to request metadata from) (?:"(.*)"|node with id (\S+)): (.*)', re.DOTALL
)
_OTHER: Final = "Unable to update metadata"
_ERRNO: Final = re.compile(r"\[Errno -?\d+\] ")
#: The connection ended during the handshake: the broker may just be stopping.
_CLOSED: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError)


async def preflight(addresses: Sequence[str], security: BrokerSecurity) -> None:
    """Connect to the brokers in turn, HOST:PORT each, until authentication succeeds.

    Raises BrokerEntryError if it succeeds at none and fails at one, on either side; and the errors
    of `BrokerSecurity.client_config`. A broker that does not answer in time is not a failure:
    that may be temporary. Without security, nothing is tried.
    """
    if not security.is_secured:
        return
    config = security.client_config()
    refusal: BrokerEntryError | None = None
    for address in addresses:
        host, _, port = address.rpartition(":")
        connection = AIOKafkaConnection(host.strip("[]"), int(port), **config)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await connection.connect()
        except (KafkaError, OSError, TimeoutError) as error:
            refusal = refusal or _refusal(address, security, error)
        else:
            return
        finally:
            # The close completes once the broker has received it.
            await asyncio.wait({connection.close()}, timeout=CLOSING_SECONDS)
    if refusal is not None:
        raise refusal


def _refusal(address: str, security: BrokerSecurity, error: Exception) -> BrokerEntryError | None:
    """Return why an attempt failed; None if the next one may succeed."""
    match error:
        case SaslAuthenticationFailed():
            problem = f"refuses the password of {security.sasl_username!r}"
            remedy = (
                "check SMART_REGION_SASL_USERNAME and SMART_REGION_SASL_PASSWORD (or …_FILE), and "
                f"that the broker has that user for {security.sasl_mechanism}"
            )
        case UnsupportedSaslMechanismError() | IllegalSaslStateError():
            problem = f"does not offer {security.sasl_mechanism}"
            remedy = "set SMART_REGION_SASL_MECHANISM to what its listener offers"
        case ssl.SSLCertVerificationError():
            problem = f"has a certificate that is not trusted ({error.verify_message})"
            remedy = (
                "set SMART_REGION_SSL_CAFILE to the authority that signed it, and name the broker "
                "as the certificate does; if it has expired, have it renewed"
            )
        case ssl.SSLError() if not isinstance(error, _CLOSED):
            problem = f"fails the TLS handshake ({error.reason or error})"
            remedy = (
                "check SMART_REGION_SECURITY_PROTOCOL and, where the broker requires our "
                "certificate, SMART_REGION_SSL_CERTFILE"
            )
        case _:
            return None
    return BrokerEntryError(address, problem=problem, remedy=remedy)


class FailedAttempts(logging.Filter):
    """Keeps the client's lines about connections out of the log, and the cause of the last one.

    A client that checks each second for a broker logs an error each time. The open context filters
    these lines out, unless the client logs its steps too (`debug`). uvloop leaves the failure of a
    name's resolution to nobody if the attempt was given up meanwhile; that line is left out too.
    """

    def __init__(self) -> None:
        super().__init__()
        self._loggers = [logging.getLogger(name) for name in (_LOGGER, "asyncio")]
        self.cause: str | None = None
        """The cause of the last failed attempt, with the broker's address or number."""

    def __enter__(self) -> Self:
        for logger in self._loggers:
            logger.addFilter(self)
        return self

    def __exit__(self, *_: object) -> None:
        for logger in self._loggers:
            logger.removeFilter(self)

    def forget(self) -> None:
        """Forget the cause before another attempt."""
        self.cause = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is logged."""
        text = record.getMessage()
        if found := _ATTEMPT.fullmatch(text):
            address, node, cause = found.groups()
            where = address or f"broker {node}"
            self.cause = one_line(f"{where}: {_ERRNO.sub('', cause) or 'no answer'}")
        elif record.exc_info and isinstance(record.exc_info[1], socket.gaierror):
            return False
        elif not text.startswith(_OTHER):
            return True
        return self._loggers[0].isEnabledFor(logging.INFO)
