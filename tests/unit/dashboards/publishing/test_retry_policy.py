"""How long is waited."""

from itertools import islice

import pytest

from dashboards.publishing.retry_policy import RetryPolicy, asked_wait


def test_waits_double_up_to_the_longest() -> None:
    """A busy server is asked less and less often."""
    assert list(islice(RetryPolicy(first=1, longest=5).waits(), 5)) == [1, 2, 4, 5, 5]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        (
            {
                "Date": "Wed, 21 Oct 2015 07:27:30 GMT",
                "Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT",
            },
            30,
        ),
        (
            {
                "Date": "Wed, 21 Oct 2015 07:29:30 GMT",
                "Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT",
            },
            0,
        ),
    ],
)
def test_reads_what_a_server_asks(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, or a date by the server's own clock; anything else says nothing."""
    assert asked_wait(headers) == seconds
