"""The door's addresses: one that takes events, and those that say how and whether it does."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from time import monotonic
from typing import Final, Protocol

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from events.contracts.asyncapi import asyncapi_document
from events.contracts.json_schema import schema_of
from events.fact import JSON
from events.gateway.authentication import AuthenticationError
from events.gateway.body import BodyReader
from events.gateway.exposition import Exposition
from events.gateway.http_binding import (
    LARGEST_HEADERS,
    Delivery,
    HttpHeaders,
    Mode,
    only_once,
    read_delivery,
)
from events.gateway.openapi import openapi_document
from events.gateway.problems import KINDS, MEDIA_TYPE, Problem, ProblemError
from events.gateway.reception import Outcome, Receipt, Reception
from events.gateway.workbench import Workbench
from events.registry import FACTS
from events.serving import OPEN, MetricsGuard

__all__ = ["EVENTS_PATHS", "Door", "make_app"]

logger = logging.getLogger(__name__)

EVENTS_PATHS: Final = ("/events", "/events/batch", "/events/binary")
"""All of them take all modes: a generated client needs an address for each."""
RETRY_SECONDS: Final = "5"
"""How long to leave a broker that is away alone."""
_BROKER_AWAY: Final = KINDS["broker_away"]
CHALLENGE: Final = 'Bearer realm="smart-region"'
_JSON: Final = "application/json"
_SCHEMA: Final = "application/schema+json"


class Authenticator(Protocol):
    """Tells who sends a request: see `events.gateway.authentication`."""

    def authenticate(self, headers: HttpHeaders, body: bytes) -> str:
        """Return the producer's id. Raises AuthenticationError."""


class Quotas(Protocol):
    """Tells how much a producer may send: see `events.gateway.quota`."""

    def take(self, producer: str, events: int) -> float:
        """Return 0 where the events fit, else in how many seconds they would."""


@dataclass(frozen=True, slots=True)
class Door:
    """What stands behind the addresses."""

    authenticator: Authenticator
    quotas: Quotas
    reception: Reception
    exposition: Exposition
    waiting_for: Callable[[], str | None]
    """Why no event is taken, in words; None: events are taken."""
    body: BodyReader
    workbench: Workbench
    metrics_guard: MetricsGuard = OPEN


def make_app(door: Door) -> ASGIApp:
    """Return the door as an ASGI application."""
    events = _Events(door)
    app = Starlette(
        routes=[
            *(Route(path, events.answer, methods=["POST"]) for path in EVENTS_PATHS),
            Route("/healthz", _healthz, methods=["GET"]),
            Route("/readyz", _readyz(door), methods=["GET"]),
            Route("/metrics", _metrics(door), methods=["GET"]),
            Route("/openapi.json", _openapi, methods=["GET"]),
            Route("/asyncapi.json", _asyncapi, methods=["GET"]),
            Route("/schemas/{type}.json", _schema, methods=["GET"]),
            Route("/problems/{name}", _problem, methods=["GET"]),
        ],
        exception_handlers={404: _on_http_error, 405: _on_http_error, 500: _on_failure},
    )
    app.router.redirect_slashes = False  # An address has one spelling.
    return _Outermost(app, door)


class _Events:
    """POST /events: who sends it, what is in it, whether it fits the quota, what became of it."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def answer(self, request: Request) -> Response:
        """Answer once all is known."""
        door = self._door
        producer: str | None = None
        try:
            headers = only_once(request.scope["headers"])
            if (cause := door.waiting_for()) is not None:
                raise _broker_away(cause)
            _ask_for_credentials(headers)
            with door.body.room_for(headers) as room:
                body = await room.read(request)
                producer = self._authenticated(request, body)
                with door.workbench.room_for(producer, len(body)):
                    delivery = await self._read(producer, headers, body)
                    self._charge(producer, len(delivery.items))
                    outcomes = await door.reception.take(delivery.items, producer)
        except ProblemError as error:
            door.exposition.count_refused(producer, error.problem.kind.name)
            return _problem_response(error.problem, error.headers)
        return _answer(delivery.mode, outcomes)

    def _authenticated(self, request: Request, body: bytes) -> str:
        try:
            return self._door.authenticator.authenticate(request.scope["headers"], body)
        except AuthenticationError as error:
            raise _unauthenticated(str(error)) from None

    async def _read(self, producer: str, headers: Mapping[bytes, bytes], body: bytes) -> Delivery:
        try:
            return await self._door.workbench.run(
                producer, len(body), partial(read_delivery, headers, body)
            )
        except ProblemError:
            self._charge(producer, 1)
            raise

    def _charge(self, producer: str, events: int) -> None:
        seconds = self._door.quotas.take(producer, events)
        if seconds > 0:
            told = str(max(1, round(seconds + 0.5)))
            raise ProblemError(
                "over_quota",
                f"the quota has no room for {_counted(events, 'more event')}:"
                f" wait {_counted(int(told), 'second')}",
                headers={"Retry-After": told},
            )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _ask_for_credentials(headers: Mapping[bytes, bytes]) -> None:
    """Refuse before the body is read what cannot be authenticated after."""
    if b"authorization" not in headers and b"webhook-signature" not in headers:
        raise _unauthenticated("sign the request, or send a bearer token")


def _unauthenticated(detail: str) -> ProblemError:
    return ProblemError(
        "unauthenticated",
        detail,
        headers={"WWW-Authenticate": CHALLENGE},
    )


def _broker_away(cause: str) -> ProblemError:
    # The cause is for the operator, who finds it at /readyz and in the log.
    del cause
    return ProblemError(
        "broker_away",
        "nothing was taken: send it again later",
        headers={"Retry-After": RETRY_SECONDS},
    )


def _answer(mode: Mode, outcomes: Sequence[Outcome]) -> Response:
    """Answer for all items: 202 where all were taken; one problem where none was; else 207."""
    receipts = [one for one in outcomes if isinstance(one, Receipt)]
    if len(receipts) == len(outcomes):
        return _json({"receipts": [one.as_json() for one in receipts]}, status=202)
    problems = [one for one in outcomes if isinstance(one, Problem)]
    if mode is not Mode.BATCH:
        return _problem_response(problems[0])
    items: list[JSON] = [_item(index, one) for index, one in enumerate(outcomes)]
    if receipts or len({problem.kind is _BROKER_AWAY for problem in problems}) > 1:
        return _json({"items": items}, status=207)
    if problems[0].kind is _BROKER_AWAY:
        detail = "the broker did not acknowledge any of the events: send them again"
        return _problem_response(Problem(_BROKER_AWAY, detail, {"items": items}))
    detail = f"none of the {len(items)} events was taken: see the problem of each"
    return _problem_response(Problem(KINDS["batch_refused"], detail, {"items": items}))


def _item(index: int, outcome: Outcome) -> dict[str, JSON]:
    if isinstance(outcome, Receipt):
        return {"index": index, "status": 202, "receipt": outcome.as_json()}
    return {"index": index, "status": outcome.kind.status, "problem": outcome.as_json()}


def _json(body: Mapping[str, JSON], *, status: int = 200, media_type: str = _JSON) -> Response:
    return Response(to_json(body), status_code=status, media_type=media_type)


def _problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    response = _json(problem.as_json(), status=problem.kind.status, media_type=MEDIA_TYPE)
    response.headers.update(headers or {})
    if problem.kind is _BROKER_AWAY:
        response.headers.setdefault("Retry-After", RETRY_SECONDS)
    return response


def _plain_problem(name: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem of which there is nothing more to say than its kind does."""
    kind = KINDS[name]
    return _problem_response(Problem(kind, kind.meaning), headers)


async def _on_http_error(_: Request, error: Exception) -> Response:
    """Answer what Starlette's router says, in our form."""
    allow = getattr(error, "headers", None) or {}
    return _plain_problem("method_not_allowed" if allow else "not_found", allow)


async def _on_failure(_: Request, __: Exception) -> Response:
    return _plain_problem("internal_error")


async def _healthz(_: Request) -> Response:
    return _json({"alive": True})


def _readyz(door: Door) -> Callable[[Request], Awaitable[Response]]:
    async def readyz(_: Request) -> Response:
        cause = door.waiting_for()
        body: dict[str, JSON] = {"ready": cause is None, "waiting_for": cause}
        return _json(body, status=200 if cause is None else 503)

    return readyz


def _metrics(door: Door) -> Callable[[Request], Awaitable[Response]]:
    async def metrics(request: Request) -> Response:
        if not door.metrics_guard.admits(request.headers.get("Authorization")):
            return _plain_problem("unauthenticated", {"WWW-Authenticate": CHALLENGE})
        text, content_type = door.exposition.text(request.headers.get("Accept", ""))
        return Response(text, headers={"Content-Type": content_type})

    return metrics


async def _openapi(_: Request) -> Response:
    return Response(_openapi_text(), media_type=_JSON)


async def _asyncapi(_: Request) -> Response:
    return Response(_asyncapi_text(), media_type=_JSON)


async def _schema(request: Request) -> Response:
    fact = FACTS.get(request.path_params["type"])
    if fact is None:
        raise HTTPException(404)
    return Response(_schema_text(fact.TYPE), media_type=_SCHEMA)


async def _problem(request: Request) -> Response:
    kind = KINDS.get(request.path_params["name"])
    if kind is None:
        raise HTTPException(404)
    return Response(
        f"{kind.title} ({kind.status})\n\n{kind.meaning}\n", media_type="text/plain; charset=utf-8"
    )


# The documents follow from the contracts: they do not change while the process lives.
@cache
def _openapi_text() -> bytes:
    return to_json(openapi_document(), indent=2)


@cache
def _asyncapi_text() -> bytes:
    return to_json(asyncapi_document(), indent=2)


@cache
def _schema_text(event_type: str) -> bytes:
    return to_json(schema_of(FACTS[event_type]), indent=2)


class _Outermost:
    """Counts and times each answer, and logs where the application failed."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._exposition = door.exposition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = monotonic()
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_ON_EVERY_ANSWER]
            await send(message)

        try:
            # h11 minds how much it keeps of headers that are not complete, and no others.
            if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
                await _plain_problem("headers_too_large")(scope, receive, watched)
            elif b"%" in scope["raw_path"]:  # An address has one spelling.
                await _plain_problem("not_found")(scope, receive, watched)
            else:
                await self._app(scope, receive, watched)
        except ClientDisconnect:
            return  # Nobody is there to be answered.
        except Exception as error:  # noqa: BLE001 - whatever it was, the client has been answered
            # Neither the error's message nor its arguments: they may repeat what was sent.
            logger.error(  # noqa: TRY400
                "failed error=%s\n%s",
                type(error).__name__,
                "".join(traceback.format_tb(error.__traceback__)),
            )
        finally:
            if status:
                self._exposition.count_request(status)
            if scope["path"] in EVENTS_PATHS:
                self._exposition.time_request(monotonic() - began)


_ON_EVERY_ANSWER: Final = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
