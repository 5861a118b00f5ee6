"""The gateway's ASGI application: sending events, and documents about it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
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
from boundary.terminal import counted
from gateway.answers import BatchAnswer, Item, Problem, Receipts
from gateway.authentication import AuthenticationError, Authenticator, UnverifiedSignature
from gateway.body import MAX_BODY, BodyReader, BodyReservation, announced_length
from gateway.client_address import ClientAddresses
from gateway.documents import DOCUMENTS, SCHEMAS, document_text
from gateway.exposition import GatewayCollector
from gateway.http_binding import Delivery, HttpMode, mode_of, only_once, read_delivery
from gateway.idempotency import (
    REPLAYED_HEADER,
    RETRY_SECONDS,
    IdempotencyStore,
    PendingRequest,
    RepeatedRequest,
    StoredAnswer,
)
from gateway.problems import KINDS, MEDIA_TYPE, ProblemError
from gateway.quota import Quotas, cost_of
from gateway.reception import Reception
from gateway.work_scheduling import LARGE, WorkScheduler

logger = logging.getLogger(__name__)

EVENTS_PATHS: Final = ("/events", "/events/batch", "/events/binary")
"""All of them accept every mode: a generated client needs an address for each."""
TRANSIENT: Final = frozenset({408, 429, 500, 503})
"""Statuses of problems that the same request may not meet when it is sent again."""
_BROKER_UNAVAILABLE: Final = KINDS["broker_away"]
CHALLENGE: Final = 'Bearer realm="smart-region"'
_JSON: Final = "application/json"
_SCHEMA: Final = "application/schema+json"


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the application is made of."""

    authenticator: Authenticator
    quotas: Quotas
    reception: Reception
    exposition: GatewayCollector
    waiting_for: Callable[[], str | None]
    """Why no event is accepted, as text; None: events are accepted."""
    body: BodyReader
    scheduler: WorkScheduler
    idempotency: IdempotencyStore
    addresses: ClientAddresses = field(default_factory=ClientAddresses)


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
    return _Instrumented(app, gateway)


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
        try:
            headers = only_once(request.scope["headers"])
            if self._gateway.waiting_for() is not None:
                raise _broker_unavailable()
            sender = self._authenticated(headers)
        except ProblemError as error:
            return self._refused(None, error)
        if isinstance(sender, UnverifiedSignature):
            return await self._with_signature(request, headers, sender)
        return await self._with_token(request, headers, sender)

    def _authenticated(self, headers: Mapping[bytes, bytes]) -> str | UnverifiedSignature:
        try:
            return self._gateway.authenticator.identify(headers)
        except AuthenticationError as error:
            raise _unauthenticated(str(error)) from None

    async def _with_token(
        self, request: Request, headers: Mapping[bytes, bytes], producer: str
    ) -> Response:
        """Answer a request that has the producer's token."""
        gateway = self._gateway
        try:
            length = announced_length(headers)
            # A smaller body was received already; a larger one is refused whatever the quota.
            if length is not None and LARGE < length <= MAX_BODY:
                _refuse_beyond_quota(gateway.quotas.wait(producer, cost_of(length)))
            with gateway.body.reserve(producer, length) as reservation:
                body = await reservation.read(request)
                with gateway.scheduler.admit(producer, len(body)):
                    _refuse_beyond_quota(gateway.quotas.take(producer, cost_of(len(body))))
                    delivery, items = await self._accepted(request, producer, headers, body)
        except ProblemError as error:
            return self._refused(producer, error)
        return _answer(delivery.mode, items)

    async def _with_signature(
        self, request: Request, headers: Mapping[bytes, bytes], signature: UnverifiedSignature
    ) -> Response:
        """Answer a request that has a signature, which is still to be verified."""
        found = await self._first_response(request, headers, signature)
        if isinstance(found, Response):
            return found
        # The body is released: a request that waits for another's answer holds no memory.
        producer, repeated = found
        self._gateway.exposition.count_repeated(producer)
        answer = await repeated.answer()
        if answer is None:
            return self._refused(producer, _repeated())
        return Response(
            answer.body, answer.status, headers={**answer.headers, REPLAYED_HEADER: "true"}
        )

    async def _first_response(
        self, request: Request, headers: Mapping[bytes, bytes], signature: UnverifiedSignature
    ) -> Response | tuple[str, RepeatedRequest]:
        """Return the answer to a signed request, or the producer and what it repeats."""
        gateway = self._gateway
        address = gateway.addresses.of(request.client and request.client.host, headers)
        try:
            with gateway.body.reserve_unauthenticated(
                address, announced_length(headers)
            ) as reservation:
                body = await reservation.read(request)
                try:
                    proof = signature.prove(body)
                except AuthenticationError as error:
                    raise _unauthenticated(str(error)) from None
                # The mode is not signed: with another one, the same bytes are another request.
                mode = mode_of(headers)
                known = gateway.idempotency.begin(proof, mode)
                if isinstance(known, RepeatedRequest):
                    return proof.producer, known
                with known:
                    response, is_final = await self._verified(
                        request, known, reservation, proof.producer, headers, body
                    )
                    known.store(_stored(response, is_final=is_final))
                    return response
        except ProblemError as error:
            return self._refused(None, error)

    async def _verified(
        self,
        request: Request,
        pending: PendingRequest,
        reservation: BodyReservation,
        producer: str,
        headers: Mapping[bytes, bytes],
        body: bytes,
    ) -> tuple[Response, bool]:
        """Return the answer to a request whose signature is right, and whether it is final."""
        gateway = self._gateway
        try:
            gateway.body.assign(reservation, producer)
            with gateway.scheduler.admit(producer, len(body)):
                if not pending.is_charged:
                    _refuse_beyond_quota(gateway.quotas.take(producer, cost_of(len(body))))
                pending.mark_charged()
                delivery, items = await self._accepted(
                    request, producer, headers, body, is_charged=pending.is_charged
                )
        except ProblemError as error:
            return self._refused(producer, error), error.kind.status not in TRANSIENT
        return _answer(delivery.mode, items), not any(map(_is_broker_unavailable, _problems(items)))

    async def _accepted(
        self,
        request: Request,
        producer: str,
        headers: Mapping[bytes, bytes],
        body: bytes,
        *,
        is_charged: bool = False,
    ) -> tuple[Delivery, list[Item]]:
        """Parse a body that was charged by its size, and accept the events in it."""
        delivery = await self._gateway.scheduler.run(
            producer,
            len(body),
            partial(read_delivery, headers, body),
            has_left=request.is_disconnected,
        )
        more = len(delivery.items) - cost_of(len(body))
        if more > 0 and not is_charged:
            self._gateway.quotas.charge_more(producer, more)
        items = await self._gateway.reception.accept(
            delivery.items, producer, has_left=request.is_disconnected
        )
        return delivery, items

    def _refused(self, producer: str | None, error: ProblemError) -> Response:
        self._gateway.exposition.count_refused(producer, error.kind.name)
        return _problem_response(error.problem, error.headers)


def _refuse_beyond_quota(seconds: float) -> None:
    """Raise ProblemError (over_quota) where the quota requires a wait of so many seconds."""
    if seconds > 0:
        wait = max(1, round(seconds + 0.5))
        raise ProblemError(
            "over_quota",
            f"the request exceeds the quota: wait {counted(wait, 'second')}",
            headers={"Retry-After": str(wait)},
        )


def _unauthenticated(detail: str) -> ProblemError:
    return ProblemError("unauthenticated", detail, headers={"WWW-Authenticate": CHALLENGE})


def _broker_unavailable() -> ProblemError:
    # The cause is for the operator: /readyz and the log have it.
    return ProblemError(
        "broker_away",
        "nothing was accepted: send it again later",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


def _repeated() -> ProblemError:
    return ProblemError(
        "repeated",
        "webhook-signature: this request came before and its answer is no longer kept: sign it "
        "anew to get an answer, an event that arrives twice counts once",
        field="webhook-signature",
        remedy="sign it anew",
    )


def _stored(response: Response, *, is_final: bool) -> StoredAnswer:
    """Return an answer as it is kept for repeated requests."""
    return StoredAnswer(
        response.status_code, dict(response.headers), bytes(response.body), is_final
    )


def _is_broker_unavailable(problem: Problem) -> bool:
    return problem["type"] == _BROKER_UNAVAILABLE.type


def _answer(mode: HttpMode, items: list[Item]) -> Response:
    """Answer for all items: 202 where all were accepted, one problem where none was, else 207."""
    receipts = [item["receipt"] for item in items if "receipt" in item]
    if len(receipts) == len(items):
        return _json(Receipts(receipts=receipts), status=202)
    problems = _problems(items)
    if mode is not HttpMode.BATCH:
        return _problem_response(problems[0])
    if receipts or len(set(map(_is_broker_unavailable, problems))) > 1:
        return _json(BatchAnswer(items=items), status=207)
    if _is_broker_unavailable(problems[0]):
        detail = "the broker did not acknowledge any of the events: send them again"
        return _problem_response(_BROKER_UNAVAILABLE.problem(detail, items=items))
    detail = f"none of the {len(items)} events was accepted: see the problem of each"
    return _problem_response(KINDS["batch_refused"].problem(detail, items=items))


def _problems(items: Iterable[Item]) -> list[Problem]:
    return [item["problem"] for item in items if "problem" in item]


def _json(body: Mapping[str, object], *, status: int = 200, media_type: str = _JSON) -> Response:
    return Response(to_json(body), status_code=status, media_type=media_type)


def _problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    response = _json(problem, status=problem["status"], media_type=MEDIA_TYPE)
    response.headers.update(headers or {})
    if _is_broker_unavailable(problem):
        response.headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return response


def _plain_problem(name: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem whose detail is the meaning of its kind."""
    kind = KINDS[name]
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
    kind = KINDS.get(request.path_params["name"])
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
