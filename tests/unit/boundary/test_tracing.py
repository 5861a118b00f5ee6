"""When traces are on, and what is said where they cannot be."""

import os
import sys

import pytest

from boundary.errors import SmartRegionError
from boundary.spans import Spans
from boundary.tracing import OFF, start_tracing
from tests.support.traces import receiving_traces
from tests.support.waiting import wait_until

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
#: Nothing listens there.
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_SERVICE_NAME": "gateway"},
        {ENDPOINT: ""},
        {ENDPOINT: NOBODY, "OTEL_SDK_DISABLED": "true"},
        {ENDPOINT: NOBODY, "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "TRUE"},
    ],
)
def test_traces_are_off_unless_they_are_requested(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    set_all(monkeypatch, variables)
    assert start_tracing("gateway") is OFF


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_TRACES_EXPORTER": "otlp"},
        {ENDPOINT: NOBODY},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{NOBODY}/v1/traces"},
        {ENDPOINT: NOBODY, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
    ],
)
def test_an_exporter_or_an_endpoint_requests_them(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    set_all(monkeypatch, variables)
    tracing = start_tracing("gateway")
    assert isinstance(tracing, Spans)
    tracing.end()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"OTEL_TRACES_EXPORTER": "zipkin"},
            "OTEL_TRACES_EXPORTER='zipkin': write otlp or none",
        ),
        (
            {ENDPOINT: "user:word@collector:4317"},
            f"{ENDPOINT}='user:…@collector:4317': write an address as http://collector:4318",
        ),
        (
            {ENDPOINT: NOBODY, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL='grpc': write http/protobuf, or leave it out",
        ),
        (
            {ENDPOINT: NOBODY, "OTEL_BSP_MAX_QUEUE_SIZE": "-3"},
            (
                "OTEL_ variables: one cannot be used (max_queue_size must be a positive integer.):"
                " correct it, or set OTEL_TRACES_EXPORTER=none"
            ),
        ),
    ],
)
def test_a_wrong_variable_is_one_message(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str
) -> None:
    set_all(monkeypatch, variables)
    with pytest.raises(SmartRegionError) as raised:
        start_tracing("gateway")
    assert str(raised.value) == message


def test_a_missing_extra_is_named_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, NOBODY)
    monkeypatch.setitem(sys.modules, "boundary.spans", None)

    with pytest.raises(SmartRegionError, match=r"^OTEL_\w+_ENDPOINT: needs the extra `otel`"):
        start_tracing("gateway")


def test_nothing_of_opentelemetry_is_needed_while_they_are_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "boundary.spans", None)
    assert start_tracing("worker") is OFF


def test_spans_reach_a_receiver_under_the_name_of_their_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiving_traces() as receiver:
        monkeypatch.setenv(ENDPOINT, receiver.url)
        for name in ("", "ingress"):
            monkeypatch.setenv("OTEL_SERVICE_NAME", name)
            tracing = start_tracing("gateway")
            with tracing.request("/events", None):
                tracing.answered(202)
            tracing.end()

        assert wait_until(lambda: len(receiver.spans) == 2, seconds=10)
        assert [service for service, _ in receiver.spans] == ["smart-region-gateway", "ingress"]
