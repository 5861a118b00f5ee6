"""Messages of the package's errors."""

import pytest

from boundary.errors import SmartRegionError
from broker.errors import (
    BrokerRefusedError,
    BrokerUnreachableError,
    SecuritySettingError,
    TopicMismatchError,
    TopicMissingError,
)
from events.errors import ContractError, RefusalReason
from sources.client.protocol import DeliveryError

EVERY_KIND = [
    ContractError(RefusalReason.INVALID_DATA, "data.uai", "x", "send a UAI"),
    BrokerUnreachableError(
        "host:9092", waited_seconds=10, cause="refused", security_protocol="SASL_SSL"
    ),
    BrokerRefusedError("create a topic", "smartregion.schools", cause="no right"),
    DeliveryError(undelivered=3, cause="timeout", line=17),
    DeliveryError(undelivered=3, cause="timeout"),
    SecuritySettingError("SMART_REGION_SASL_USERNAME", None, remedy="set it"),
    TopicMismatchError("smartregion.schools", "partitions", expected=8, actual=4),
    TopicMissingError("smartregion.schools", waited_seconds=10),
]


@pytest.mark.parametrize("error", EVERY_KIND, ids=lambda error: type(error).__name__)
def test_every_message_has_field_value_and_remedy(error: SmartRegionError) -> None:
    field, problem, remedy = str(error).split(": ", 2)
    assert field
    assert "value " in problem or "value " in remedy
    assert "\n" not in str(error)


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


@pytest.mark.parametrize("reason", RefusalReason)
def test_every_reason_has_its_problem(reason: RefusalReason) -> None:
    error = ContractError(reason, "field", 1, "remedy")
    assert str(error) == f"field: {error.problem}, value 1: remedy"


def test_the_message_of_a_lost_line_says_where_to_begin_again() -> None:
    assert "emit from line 17 on again" in str(EVERY_KIND[3])
