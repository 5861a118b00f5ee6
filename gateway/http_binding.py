"""CloudEvents over HTTP: parses a request's headers and body, before anything is judged.

Follows the HTTP protocol binding of CloudEvents 1.0.2: structured, binary and batched mode.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from events.cloudevent import CONTENT_TYPE, PREFIX, STRUCTURED, Header
from events.errors import ContractError, RefusalReason
from events.explanation import REMOVE_MARK
from events.fact import JSON
from events.person_data import find_person_data
from events.strict_json import JsonText, read_array, read_value
from gateway.problems import ProblemError

HttpHeaders = Sequence[tuple[bytes, bytes]]
"""As in ASGI: names in lower case."""

BATCH: Final = b"application/cloudevents-batch+json"
IMPLIED: Final = b"application/json"
"""The content type of an event in binary mode that has none."""
MOST_EVENTS: Final = 500
"""The maximum number of events in one batch."""

STRUCTURED_HEADERS: Final[tuple[Header, ...]] = ((CONTENT_TYPE, STRUCTURED),)
"""The headers of a record whose event came in structured mode, alone or in a batch."""

_CE: Final = b"ce-"
_CLOUDEVENTS: Final = b"application/cloudevents"
_JSON: Final = re.compile(rb"application/(?:[a-z0-9.-]+\+)?json")
#: Headers that proxies and servers interpret differently if they are repeated.
_SINGULAR: Final = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"host",
        b"smartregion-producer",
        b"transfer-encoding",
        b"webhook-id",
        b"webhook-signature",
        b"webhook-timestamp",
    }
)
_HEADER_VALUE: Final = re.compile(rb"[ -~]*")
_BAD_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_QUOTED_PAIR: Final = re.compile(r"\\(.)")
_CONTENT_TYPE: Final = re.compile(
    rb"([a-z]+/[a-z0-9.+-]{1,60})[ \t]*+"
    rb"(?:;[ \t]*+charset[ \t]*+=[ \t]*+(\"?)(?:utf-?8|us-ascii)\2[ \t]*+)?;?",
    re.IGNORECASE,
)

_TAKEN: Final = (
    "send application/cloudevents+json, application/cloudevents-batch+json, or application/json "
    "with ce- headers"
)


class HttpMode(StrEnum):
    """How events are encoded in a request: the content modes of CloudEvents."""

    STRUCTURED = "structured"
    BINARY = "binary"
    BATCH = "batch"


class ReceivedItem(NamedTuple):
    """A possible event: the Kafka record that it would be, and its content to search."""

    value: bytes
    headers: tuple[Header, ...]
    content: Any
    """The whole item as JSON values, or as text if it is not JSON."""
    defect: ContractError | None = None
    """Why it cannot be an event, as far as parsing shows."""
    was_read: bool = True
    """False if `content` may lack part of what was sent: nothing of it may then be kept."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The items of one request."""

    mode: HttpMode
    items: list[ReceivedItem] = field(default_factory=list)


def combined_headers(headers: HttpHeaders) -> Mapping[bytes, bytes]:
    """Return the headers by name; repeated ones are joined as lists.

    Raises ProblemError (ambiguous_request) if a header that must be unique is repeated, or if the
    body has both a length and a transfer encoding.
    """
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name not in found:
            found[name] = value
            continue
        if name in _SINGULAR or name.startswith(_CE):
            shown = _shown_name(name)
            raise ProblemError(
                "ambiguous_request",
                f"{shown}: came twice: send it once",
                field=shown,
                remedy="send the header once",
            )
        found[name] += b", " + value
    if b"transfer-encoding" in found and b"content-length" in found:
        detail = "content-length: came beside transfer-encoding: send one of them"
        raise ProblemError(
            "ambiguous_request", detail, field="content-length", remedy="send one of them"
        )
    return found


def read_delivery(headers: Mapping[bytes, bytes], body: bytes) -> Delivery:
    """Return the items of a request, each with its defect if it has one.

    Raises ProblemError if the request as a whole cannot be read.
    """
    media_type = _media_type(headers)
    attributes = _attributes(headers)
    mode = _mode(media_type, attributes)
    if mode is HttpMode.STRUCTURED:
        return Delivery(mode, [_structured(attributes, body)])
    if mode is HttpMode.BATCH:
        return Delivery(mode, list(_batch(body)))
    return Delivery(mode, [_binary(attributes, media_type or IMPLIED, body)])


def mode_of(headers: Mapping[bytes, bytes]) -> HttpMode:
    """Return the content mode of a request, which follows from its headers alone.

    Raises ProblemError if it is not supported.
    """
    return _mode(_media_type(headers), _attributes(headers))


def _attributes(headers: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    return {name.removeprefix(_CE): value for name, value in headers.items() if name[:3] == _CE}


def _mode(media_type: bytes, attributes: Mapping[bytes, bytes]) -> HttpMode:
    if media_type == STRUCTURED:
        return HttpMode.STRUCTURED
    if media_type == BATCH:
        if attributes:
            raise _contradiction(next(iter(attributes)), "send no ce- headers with a batch")
        return HttpMode.BATCH
    if not media_type and attributes:
        # CloudEvents' own SDKs leave it out unless it was set: JSON is then implied (2.2.2 of
        # the specification's event format), as in a record on Kafka.
        return HttpMode.BINARY
    if media_type.startswith(_CLOUDEVENTS) or not (attributes and _JSON.fullmatch(media_type)):
        raise _unsupported(CONTENT_TYPE, _TAKEN, value=media_type)
    return HttpMode.BINARY


def _media_type(headers: Mapping[bytes, bytes]) -> bytes:
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding != b"identity":
        raise _unsupported("content-encoding", "send the body as it is, not compressed")
    content_type = headers.get(b"content-type", b"").strip()
    found = _CONTENT_TYPE.fullmatch(content_type)
    if content_type and found is None:
        # Another charset, or parameters that may hold a person's data.
        raise _unsupported(CONTENT_TYPE, "send the media type alone, and JSON in UTF-8")
    return found[1].lower() if found else b""


def _unquoted(text: str) -> str:
    """Remove the quotes around a text, and the backslashes within them."""
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        return _QUOTED_PAIR.sub(r"\1", text[1:-1])
    return text


def _structured(attributes: Mapping[bytes, bytes], body: bytes) -> ReceivedItem:
    try:
        read = read_value(_text(body))
    except ContractError as error:
        content = body.decode(errors="replace")
        return ReceivedItem(
            body, STRUCTURED_HEADERS, content, error.without_traceback(), was_read=False
        )
    # The headers may repeat the body's attributes, and a router may rely on them.
    known = read.data if isinstance(read.data, dict) else {}
    for name, value in attributes.items():
        if not _says(name, value, known.get(name.decode("latin-1"))):
            raise _contradiction(name, "leave out the ce- headers, or let them say the same")
    return _item(read, body)


def _says(name: bytes, value: bytes, attribute: JSON) -> bool:
    """Return whether a header has an attribute's value, in the form of the binary mode."""
    if isinstance(attribute, bool):
        attribute = "true" if attribute else "false"
    try:
        return isinstance(attribute, str | int) and _attribute(name, value) == str(attribute)
    except ContractError:
        return False


def _batch(body: bytes) -> Iterator[ReceivedItem]:
    try:
        for number, read in enumerate(read_array(_text(body))):
            if number == MOST_EVENTS:
                detail = f"body: has more than {MOST_EVENTS} events: send them in parts"
                raise ProblemError("batch_too_large", detail, limit=MOST_EVENTS)
            yield _item(read, read.text.encode())
    except ContractError as error:
        raise ProblemError(
            error.reason.value, f"body: {error.problem}: {error.remedy}", remedy=error.remedy
        ) from None


def _binary(attributes: Mapping[bytes, bytes], media_type: bytes, body: bytes) -> ReceivedItem:
    content: dict[str, Any] = {}
    defects: list[ContractError] = []
    for name, value in attributes.items():
        try:
            content[name.decode("latin-1")] = _attribute(name, value)
        except ContractError as error:
            defects.append(error.without_traceback())
            content[name.decode("latin-1")] = value.decode("latin-1")
    was_read = not defects
    headers = (
        *((PREFIX + name, text.encode()) for name, text in content.items()),
        (CONTENT_TYPE, media_type),
    )
    if "data" in content:
        # In the content to search, `data` is the body.
        defects.append(_refused_attribute(b"data", "is not an attribute", "put it into the body"))
        content["ce-data"] = content.pop("data")
    try:
        read = read_value(_text(body))
    except ContractError as error:
        content["data"] = body.decode(errors="replace")
        return ReceivedItem(body, headers, content, error.without_traceback(), was_read=False)
    if read.defect is not None:
        defects.append(read.defect)
    content["data"] = read.text if read.data is None else read.data
    defect = next(iter(defects), None)
    return ReceivedItem(body, headers, content, defect, was_read=was_read and read.is_read)


def _item(read: JsonText, value: bytes) -> ReceivedItem:
    content = read.text if read.data is None else read.data
    return ReceivedItem(value, STRUCTURED_HEADERS, content, read.defect, was_read=read.is_read)


def _text(body: bytes) -> str:
    if body.startswith(BOM_UTF8):
        raise _not_json("begins with a byte order mark", REMOVE_MARK)
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 (at byte {error.start})"
        raise _not_json(problem, "send JSON in UTF-8") from None


def _not_json(problem: str, remedy: str) -> ContractError:
    return ContractError(RefusalReason.INVALID_JSON, "value", None, remedy, problem=problem)


def _attribute(name: bytes, value: bytes) -> str:
    """Decode a header's value: printable ASCII, everything else percent-encoded UTF-8."""
    value = _unquoted(value.decode("latin-1")).encode("latin-1")
    if _HEADER_VALUE.fullmatch(value) and not _BAD_PERCENT.search(value):
        try:
            return unquote_to_bytes(value).decode()
        except UnicodeDecodeError:
            pass
    remedy = "percent-encode all but printable ASCII, and % itself, as UTF-8"
    raise _refused_attribute(name, "is not a header's text", remedy)


def _refused_attribute(name: bytes, problem: str, remedy: str) -> ContractError:
    reason = RefusalReason.INVALID_ENVELOPE
    return ContractError(reason, _shown_name(_CE + name), None, remedy, problem=problem)


def _shown_name(name: bytes) -> str:
    """Return a header's name for an answer; it may itself be personal data, and is then hidden."""
    shown = name.decode("latin-1")
    return shown if find_person_data(shown) is None else f"{_CE.decode()}…"


def _contradiction(name: bytes, remedy: str) -> ProblemError:
    shown = _shown_name(_CE + name)
    return ProblemError(
        "ambiguous_request", f"{shown}: contradicts the body: {remedy}", field=shown, remedy=remedy
    )


def _unsupported(name: str, remedy: str, *, value: bytes | None = None) -> ProblemError:
    shown = value.decode() if value else None
    problem = "is missing" if value == b"" else "is not read here"
    return ProblemError(
        "unsupported_media_type",
        f"{name}: {problem}: {remedy}",
        headers={"Accept": f"{STRUCTURED.decode()}, {BATCH.decode()}, application/json"},
        field=name,
        value=shown,
        remedy=remedy,
    )
