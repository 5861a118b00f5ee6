"""What Schemathesis is told of the gateway: which events it may send, and one more check."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import schemathesis
from schemathesis import Case, CheckContext, GenerationMode, HookContext, Response
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.generation.meta import REQUEST_SHAPE_PROBES, CoveragePhaseData

from tests.openapi.contract import is_of_a_rule, keeps_its_contract, sent_events
from tests.openapi.sendable import sendable_binary, sendable_event

_SHARE: Final = int(os.environ["SHARE"])
_CHANCE: Final = Random(os.environ["SEED"])


@schemathesis.hook("before_call")
def make_sendable(_: HookContext, case: Case[Any], __: dict[str, Any]) -> None:
    """Leave an event no fault but the one that was drawn, if any."""
    if case.operation.path == "/events/binary" and case.headers is not None:
        headers, case.body = sendable_binary(case.headers, case.body)
        case.headers.update(headers)
    elif case.operation.path == "/events":
        case.body = sendable_event(case.body)
    elif isinstance(case.body, list):
        case.body = [sendable_event(item) for item in case.body]


@schemathesis.hook("filter_case")
def is_of_the_share(_: HookContext, case: Case[Any]) -> bool:
    """Return False for all but one in SHARE of the systematic requests that send events.

    There are thousands: each fault of each field of each type, alone and in a batch.
    """
    data = None if case.meta is None else case.meta.phase.data
    if not isinstance(data, CoveragePhaseData) or data.scenario in REQUEST_SHAPE_PROBES:
        return True
    return case.method != "POST" or _CHANCE.randrange(_SHARE) == 0


@schemathesis.hook("after_call")
def note_answer(_: HookContext, case: Case[Any], response: Response) -> None:
    """Append what was answered to the file ANSWERS, a line of JSON for each request."""
    mode = None if case.meta is None else case.meta.generation.mode.value
    line = [f"{case.method} {case.operation.path}", mode, response.status_code]
    with Path(os.environ["ANSWERS"]).open("a", encoding="utf-8") as answers:
        answers.write(f"{json.dumps(line)}\n")


@schemathesis.check
def accepted_as_contracted(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """Fail where an event is accepted that breaks its contract, or a valid one is refused.

    Valid is what fits its contract or the document; rules that these have in words may refuse it.
    """
    fits_document = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    for event, problem in _events_and_problems(response):
        keeps = keeps_its_contract(event)
        if problem is None:
            assert keeps, f"accepted, though it breaks its contract: {event}"
        elif fits_document or keeps:
            excused = is_of_a_rule(problem, of_document=not keeps)
            assert excused, f"refused, though it is valid: {problem['detail']}"


@schemathesis.hook("filter_failure")
def is_against_the_contract(
    _: HookContext, failure: Failure, __: Case[Any], response: Response
) -> bool:
    """Return False where the document alone forbids what was accepted.

    Its schemas are simpler than the contracts (`events.contracts.client_schemas`): they lack null
    for what may be left out. An event that keeps its contract is accepted by right.
    """
    if not isinstance(failure, AcceptedNegativeData):
        return True
    found = list(_events_and_problems(response))
    return not found or any(
        problem is None and not keeps_its_contract(event) for event, problem in found
    )


def _events_and_problems(response: Response) -> Iterator[tuple[Any, dict[str, Any] | None]]:
    """Yield each event that was sent, with its problem if it was refused.

    None where the request was refused as a whole, or its content type is another one.
    """
    if response.status_code not in (202, 207, 403, 422):
        return
    answer = response.json()
    items = answer.get("items")
    if items is None:
        items = [{"problem": answer}] if "type" in answer else [{}] * len(answer["receipts"])
    request = response.request
    headers = {
        name: value if isinstance(value, str) else value.decode("latin-1")
        for name, value in request.headers.items()
    }
    body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
    events = sent_events(headers, body)
    if len(events) == len(items):
        yield from ((event, item.get("problem")) for event, item in zip(events, items, strict=True))
