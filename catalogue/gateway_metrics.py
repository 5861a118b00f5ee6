"""The gateway's metrics: names, labels, meanings and remedies."""

from __future__ import annotations

from typing import Final

from catalogue.metric import Metric

__all__ = [
    "EVENTS",
    "GATEWAY_METRICS",
    "READY",
    "REFUSED",
    "REPEATS",
    "REQUESTS",
    "REQUEST_SECONDS",
    "SHORTFALLS",
]

EVENTS: Final = Metric(
    "smartregion_gateway_events_total",
    "counter",
    ("producer", "outcome"),
    "Events that came to the gateway, by what became of them: accepted (the broker has them), "
    "refused, failed (the broker did not acknowledge).",
    "failed grows: look at the broker. Producers were told to send again; nothing is lost.",
)
REFUSED: Final = Metric(
    "smartregion_gateway_refused_total",
    "counter",
    ("producer", "reason"),
    "What the gateway did not take: an event by its reason of refusal, a whole request by the name "
    "of its problem, once. Without a proven producer it is `unknown`'s.",
    "unauthenticated grows: a secret has expired or somebody guesses; see the proxy's log. "
    "over_quota grows: agree on another quota. Else tell the producer's contact.",
)
REPEATS: Final = Metric(
    "smartregion_gateway_repeats_total",
    "counter",
    ("producer",),
    "Signed requests that came again, byte for byte, and were given their first answer.",
    "Grows fast: a client does not take its answers, or somebody sends again what they overheard. "
    "It costs the producer nothing; look at the proxy's log, and at the way that requests take.",
)
REQUESTS: Final = Metric(
    "smartregion_gateway_requests_total",
    "counter",
    ("status",),
    "Requests answered, by HTTP status.",
)
REQUEST_SECONDS: Final = Metric(
    "smartregion_gateway_request_seconds",
    "histogram",
    (),
    "Seconds from a request's headers to the end of its answer, of requests to /events.",
    "Slow: the broker's acknowledgement is most of it; look at the broker's disks and replicas.",
)
READY: Final = Metric(
    "smartregion_gateway_ready",
    "gauge",
    (),
    "1 while the gateway takes events, 0 while the broker is away.",
    "0: ask /readyz what it waits for. Producers are answered 503 and send again.",
)
SHORTFALLS: Final = Metric(
    "smartregion_gateway_connections_closed_total",
    "counter",
    ("reason",),
    "Connections closed without an answer of the application's: displaced (it waited longest while "
    "there was no room for another), refused (all were at work), handshake (of TLS: not ended).",
    "refused or displaced grows: somebody holds connections open (the proxy's log says who), or a "
    "bound is too low, behind a proxy that of one address: see docs/gateway.md.",
)

#: What the gateway exposes.
GATEWAY_METRICS: Final[tuple[Metric, ...]] = (
    EVENTS,
    REFUSED,
    REPEATS,
    REQUESTS,
    REQUEST_SECONDS,
    READY,
    SHORTFALLS,
)
