"""Messages of the package's errors."""

import pytest

from broker.errors import BrokerUnreachableError
from events.errors import ContractError, RefusalReason


@pytest.mark.parametrize(
    ("protocol", "named", "unnamed"),
    [
        ("PLAINTEXT", "SMART_REGION_SECURITY_PROTOCOL", "password"),
        ("SASL_PLAINTEXT", "password", "certificates"),
        ("SSL", "certificates", "password"),
        ("SASL_SSL", "password", "mutual"),
    ],
)
def test_an_unreachable_broker_s_remedy_follows_its_security(
    protocol: str, named: str, unnamed: str
) -> None:
    error = BrokerUnreachableError(
        "host:9092", waited_seconds=10, cause="socket disconnected", security_protocol=protocol
    )
    assert named in str(error)
    assert unnamed not in str(error)


def test_what_is_absent_has_no_value_in_its_message() -> None:
    error = ContractError(
        RefusalReason.INVALID_DATA, "data.uai", None, "add it", problem="is missing"
    )
    assert str(error) == "data.uai: is missing: add it"


def test_every_reason_has_its_own_problem() -> None:
    told = {str(ContractError(reason, "field", 1, "remedy")) for reason in RefusalReason}
    assert len(told) == len(RefusalReason)
    assert "field: is not valid JSON, value 1: remedy" in told
