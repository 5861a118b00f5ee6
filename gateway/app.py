"""The gateway's ASGI application: sending events, and documents about it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Final

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from boundary.logs import traceback_of
from boundary.tracing import OFF, Tracing
from events.claims import trace_of
from events.trace_context import TRACEPARENT, TRACESTATE, TraceContext
from gateway.answers import BatchAnswer, Item, Problem, Receipts
from gateway.authentication import Authenticator, Prove
from gateway.body import EARLY, BodyReader
from gateway.documents import DOCUMENTS, SCHEMAS, document_text
from gateway.exposition import GatewayCollector
from gateway.http_binding import HttpHeaders, HttpMode, combined_headers, mode_of, read_delivery
from gateway.idempotency import (
    REPLAYED_HEADER,
    RETRY_SECONDS,
    IdempotencyStore,
    SignedRequest,
    StoredAnswer,
)
from gateway.problems import MEDIA_TYPE, ProblemError, problem_kinds
from gateway.quota import Quotas
from gateway.reception import Reception
from gateway.work_scheduling import WorkScheduler

logger = logging.getLogger(__name__)

EVENTS_PATHS: Final = ("/events", "/events/batch", "/events/binary")
"""All of them accept every mode: a generated client needs an address for each."""
_BROKER_AWAY: Final = "broker_away"
_JSON: Final = "application/json"
_SCHEMA: Final = "application/schema+json"
_RETRY: Final = {"Retry-After": str(RETRY_SECONDS)}


@dataclass(frozen=True, slots=True)
class Gateway:
    """The parts of the application."""

    authenticator: Authenticator
    quotas: Quotas
    reception: Reception
    exposition: GatewayCollector
    waiting_for: Callable[[], str | None]
    """Why no events are accepted, as text; None while they are."""
    body: BodyReader
    scheduler: WorkScheduler
    idempotency: IdempotencyStore
    is_behind_haproxy: bool = False
    """Whether HAProxy sets `X-Forwarded-For`, to the client's address (IPv6: its /64)."""
    tracing: Tracing = OFF


def make_app(gateway: Gateway) -> ASGIApp:
    """Return the gateway as an ASGI application."""
    events = _Events(gateway)
    app = Starlette(
        routes=[
            *(Route(path, events, methods=["POST"]) for path in EVENTS_PATHS),
            Route("/openapi.json", _document, methods=["GET"]),
            Route("/asyncapi.json", _document, methods=["GET"]),
            Route("/schemas/{type}.json", _document, methods=["GET"]),
            Route("/problems/{name}", _problem, methods=["GET"]),
        ],
        exception_handlers={404: _on_http_error, 405: _on_http_error, 500: _on_failure},
    )
    app.router.redirect_slashes = False  # Each resource has one spelling of its path.
    instrumented = _Instrumented(app, gateway)
    return _Traced(instrumented, gateway.tracing) if gateway.tracing.is_on else instrumented


class _Events:
    """POST /events: authenticates, charges the quota, parses, judges and writes.

    In this order, so that a request costs little until it is known to be allowed: no body is read
    for a wrong token, and no body beyond the quota is parsed.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer once the outcome is known. A route does not wrap an ASGI application."""
        try:
            response = await self._response(Request(scope, receive))
        except ClientDisconnect:
            return  # There is no client to answer.
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        gateway = self._gateway
        try:
            headers = combined_headers(request.scope["headers"])
            self._refuse_unless_ready()
            sender = gateway.authenticator.identify(headers)
            if not isinstance(sender, str):
                return await self._signed(request, headers, sender)
        except ProblemError as error:
            error.headers.update(EARLY)
            return self._refused(None, error)
        try:
            with gateway.body.reserve(sender) as reservation:
                body = await reservation.read(request)
                gateway.quotas.take(sender, len(body))
                return await self._accepted(sender, headers, body)
        except ProblemError as error:
            return self._refused(sender, error)

    def _refuse_unless_ready(self) -> None:
        if self._gateway.waiting_for() is not None:
            # The cause is for the operator: /readyz and the log have it.
            raise ProblemError(_BROKER_AWAY, "nothing was accepted: send it again later")

    async def _signed(
        self, request: Request, headers: Mapping[bytes, bytes], prove: Prove
    ) -> Response:
        """Answer a request with a signature. Raises ProblemError while its sender is unknown."""
        gateway = self._gateway
        with gateway.body.reserve_unverified(self._address(request, headers)) as reservation:
            body = await reservation.read(request)
            proof = prove(body)
            signed = gateway.idempotency.begin(proof, mode_of(headers))
            if not signed.is_repeat:
                with signed:
                    try:
                        gateway.body.assign(reservation, proof.producer)
                        if not signed.is_charged:
                            gateway.quotas.take(proof.producer, len(body))
                        response = await self._accepted(proof.producer, headers, body, signed)
                    except ProblemError as error:
                        response = self._refused(proof.producer, error)
                    signed.store(_stored(response))
                    return response
        # The body is released: a request that waits for another's answer holds no memory.
        del body
        gateway.exposition.count_repeated(proof.producer)
        answer = await signed.first_answer()
        if answer is None:
            return self._refused(proof.producer, _repeated())
        return Response(
            answer.body, answer.status, headers={**answer.headers, REPLAYED_HEADER: "true"}
        )

    def _address(self, request: Request, headers: Mapping[bytes, bytes]) -> str:
        """Return the address that a request's body counts for until its sender is known."""
        if self._gateway.is_behind_haproxy:
            return headers.get(b"x-forwarded-for", b"").decode("latin-1")
        return request.client.host if request.client is not None else ""

    async def _accepted(
        self,
        producer: str,
        headers: Mapping[bytes, bytes],
        body: bytes,
        signed: SignedRequest | None = None,
    ) -> Response:
        """Parse a body that was charged by its size, and accept the events in it."""
        is_charged = signed is not None and signed.is_charged
        if signed is not None:
            signed.mark_charged()
        delivery = await self._gateway.scheduler.run(
            producer, len(body), partial(read_delivery, headers, body)
        )
        if not is_charged:
            self._gateway.quotas.charge_events(producer, len(body), len(delivery.items))
        items = await self._gateway.reception.receive(delivery.items, producer)
        return _answer(delivery.mode, items)

    def _refused(self, producer: str | None, error: ProblemError) -> Response:
        self._gateway.exposition.count_refused(producer, error.kind.name)
        return _problem_response(error.problem, error.headers)


def _repeated() -> ProblemError:
    return ProblemError(
        "repeated",
        "webhook-signature: this request came before and its answer is no longer kept: sign it "
        "anew to get an answer, an event that arrives twice counts once",
        field="webhook-signature",
        remedy="sign it anew",
    )


def _stored(response: Response) -> StoredAnswer:
    """Return an answer as it is kept for repeated requests; one that asks to retry is not final."""
    is_final = "retry-after" not in response.headers
    return StoredAnswer(
        response.status_code, dict(response.headers), bytes(response.body), is_final
    )


def _answer(mode: HttpMode, items: list[Item]) -> Response:
    """Answer for all items: 202 if all were accepted, one problem if none was, otherwise 207."""
    receipts = [item["receipt"] for item in items if "receipt" in item]
    if len(receipts) == len(items):
        return _json(Receipts(receipts=receipts), status=202)
    problems = [item["problem"] for item in items if "problem" in item]
    if mode is not HttpMode.BATCH:
        return _problem_response(problems[0])
    is_away = [one["status"] == problem_kinds()[_BROKER_AWAY].status for one in problems]
    if receipts or len(set(is_away)) > 1:
        response = _json(BatchAnswer(items=items), status=207)
        if any(is_away):
            response.headers.update(_RETRY)
        return response
    if all(is_away):
        name = _BROKER_AWAY
        detail = "the broker did not acknowledge any of the events: send them again"
    else:
        name = "batch_refused"
        detail = f"none of the {len(items)} events was accepted: see the problem of each"
    return _problem_response(problem_kinds()[name].problem(detail, items=items))


def _json(body: Mapping[str, object], *, status: int = 200, media_type: str = _JSON) -> Response:
    return Response(to_json(body), status_code=status, media_type=media_type)


def _problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    response = _json(problem, status=problem["status"], media_type=MEDIA_TYPE)
    if problem["status"] == problem_kinds()[_BROKER_AWAY].status:
        response.headers.update(_RETRY)
    response.headers.update(headers or {})
    return response


def _plain_problem(name: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem whose detail is the meaning of its kind."""
    kind = problem_kinds()[name]
    return _problem_response(kind.problem(kind.meaning), headers)


async def _on_http_error(_: Request, error: Exception) -> Response:
    """Answer errors of Starlette's router with a problem."""
    allow = getattr(error, "headers", None) or {}
    return _plain_problem("method_not_allowed" if allow else "not_found", allow)


async def _on_failure(_: Request, __: Exception) -> Response:
    return _plain_problem("internal_error")


async def _document(request: Request) -> Response:
    path = request.scope["path"].removeprefix("/")
    if path not in DOCUMENTS:
        raise HTTPException(404)
    media_type = _SCHEMA if path.startswith(SCHEMAS) else _JSON
    return Response(document_text(path), media_type=media_type)


async def _problem(request: Request) -> Response:
    kind = problem_kinds().get(request.path_params["name"])
    if kind is None:
        raise HTTPException(404)
    return Response(
        f"{kind.title} ({kind.status})\n\n{kind.meaning}\n", media_type="text/plain; charset=utf-8"
    )


class _Instrumented:
    """Counts and times each answer, and logs failures of the application."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        self._app = app
        self._exposition = gateway.exposition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at = monotonic()
        status = 0

        async def counted_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_COMMON_HEADERS]
            await send(message)

        try:
            if b"%" in scope["raw_path"]:  # Each resource has one spelling of its path.
                await _plain_problem("not_found")(scope, receive, counted_send)
            else:
                await self._app(scope, receive, counted_send)
        except Exception as error:  # noqa: BLE001 - whatever it was, the client has been answered
            logger.error("failed error=%s", traceback_of(error))  # noqa: TRY400
        finally:
            if status:
                self._exposition.count_request(status)
            if scope["path"] in EVENTS_PATHS:
                self._exposition.time_request(monotonic() - started_at)


_COMMON_HEADERS: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class _Traced:
    """Makes a span of each request that sends events, in the trace of its client if any."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["path"] not in EVENTS_PATHS
            or scope["method"] != "POST"
        ):
            await self._app(scope, receive, send)
            return

        async def noted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._tracing.answered(message["status"])
            await send(message)

        with self._tracing.request(scope["path"], _client_context(scope["headers"])):
            await self._app(scope, receive, noted_send)


def _client_context(headers: HttpHeaders) -> TraceContext | None:
    # A repeated `tracestate` is one list; a repeated `traceparent` becomes invalid.
    wanted = (TRACEPARENT, TRACESTATE)
    joined = (b",".join(text for name, text in headers if name == one.encode()) for one in wanted)
    return trace_of(list(zip(wanted, joined, strict=True)), None)
