"""Knocking at a broker before a client is made: whoever is not let in learns why, and at once.

The clients try again and again, and some keep the reason to themselves: to kafka-python a wrong
password is a connection that was lost.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Final

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from broker.errors import BrokerEntryError
from broker.security import BrokerSecurity

__all__ = ["preflight"]

ANSWER_SECONDS: Final = 3.0
CLOSING_SECONDS: Final = 0.3

#: A connection that ends in the middle of a handshake: the broker may just be stopping.
_HUNG_UP: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError)


async def preflight(
    addresses: Sequence[str], security: BrokerSecurity, *, seconds: float = ANSWER_SECONDS
) -> None:
    """Introduce ourselves to brokers, HOST:PORT each, until one lets us in.

    Raises BrokerEntryError where none does and one says why not, or shows a certificate that is not
    to be trusted; and as `BrokerSecurity.client_config`. A broker that does not answer within
    `seconds` says nothing, since that may pass, and neither does one that knows nobody.
    """
    if not security.is_secured:
        return
    config = security.client_config()
    refusal: BrokerEntryError | None = None
    for address in addresses:
        host, _, port = address.rpartition(":")
        connection = AIOKafkaConnection(host.strip("[]"), int(port), **config)
        try:
            async with asyncio.timeout(seconds):
                await connection.connect()
        except (KafkaError, OSError, TimeoutError) as error:
            refusal = refusal or _refusal(address, security, error)
        else:
            return
        finally:
            # Closed it is a little later, once the broker has been told.
            await asyncio.wait({connection.close()}, timeout=CLOSING_SECONDS)
    if refusal is not None:
        raise refusal


def _refusal(address: str, security: BrokerSecurity, error: Exception) -> BrokerEntryError | None:
    """Say what an attempt came to nothing by; None where it may come to something next time."""
    match error:
        case SaslAuthenticationFailed():
            problem = f"does not take the password of {security.sasl_username!r}"
            remedy = (
                "check SMART_REGION_SASL_USERNAME and SMART_REGION_SASL_PASSWORD (or …_FILE), and "
                f"that the broker has that user for {security.sasl_mechanism}"
            )
        case UnsupportedSaslMechanismError() | IllegalSaslStateError():
            problem = f"does not offer {security.sasl_mechanism}"
            remedy = "set SMART_REGION_SASL_MECHANISM to what its listener offers"
        case ssl.SSLCertVerificationError():
            problem = f"shows a certificate that is not to be trusted ({error.verify_message})"
            remedy = (
                "set SMART_REGION_SSL_CAFILE to the authority that signed it, and name the broker "
                "as the certificate does; if it has expired, have it renewed"
            )
        case ssl.SSLError() if not isinstance(error, _HUNG_UP):
            problem = f"cannot be spoken to over TLS ({error.reason or error})"
            remedy = (
                "check SMART_REGION_SECURITY_PROTOCOL and, where the broker asks for our "
                "certificate, SMART_REGION_SSL_CERTFILE"
            )
        case _:
            return None
    return BrokerEntryError(address, problem=problem, remedy=remedy)
