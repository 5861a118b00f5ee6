"""A Grafana that holds folders and boards, and refuses whatever its HTTP API does not document.

The requests' schemas follow Grafana's HTTP API reference (folders, dashboards, search, data
sources, health). A request that breaks one is answered by 400, and fails the test when the stub is
closed: a client that survives the answer is wrong all the same.

Rights are as on a real Grafana 12: except for administrators, requests for a folder that does not
exist are answered 403, as are, for a minute, requests for a new folder and its content.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Event
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from jsonschema import Draft202012Validator

from tests.support.loopback import Answer, HttpRequest, LoopbackServer

TOKEN = "glsa_stub-0123456789"  # noqa: S105 - a stub's own
ADMIN: Final = "Admin"
EDITOR: Final = "Editor"
RIGHTS_SECONDS: Final = 60.0
"""How long Grafana caches an account's rights."""
#: Bodies of answers without a status: the connection is closed, at once or when it is released.
DROP: Final = "drop"
HANG: Final = "hang"

UID = {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,40}$"}

FOLDER_BODY = {
    "type": "object",
    "required": ["title"],
    "properties": {"uid": UID, "title": {"type": "string", "minLength": 1}},
    "additionalProperties": False,
}
DASHBOARD_BODY = {
    "type": "object",
    "required": ["dashboard"],
    "properties": {
        "dashboard": {
            "type": "object",
            "required": ["title"],
            "properties": {
                "id": {"type": ["integer", "null"]},
                "uid": {"anyOf": [UID, {"type": "null"}]},
                "title": {"type": "string", "minLength": 1, "maxLength": 5000},
                "version": {"type": "integer", "minimum": 0},
                "tags": {"type": "array", "items": {"type": "string"}},
                "schemaVersion": {"type": "integer"},
                "panels": {"type": "array", "items": {"type": "object"}},
                "refresh": {"type": ["string", "boolean"]},
                "timezone": {"type": "string"},
            },
            # Fields that occur only in Grafana's answers, or would turn the board into a folder.
            "not": {"anyOf": [{"required": ["meta"]}, {"required": ["isFolder"]}]},
        },
        "folderUid": UID,
        "message": {"type": "string", "maxLength": 500},
        "overwrite": {"type": "boolean"},
    },
    # Folders by uid: `folderId` is documented too, as deprecated.
    "additionalProperties": False,
}
SEARCH_QUERY = {
    "type": "object",
    "properties": {
        "tag": {"type": "string", "minLength": 1},
        "type": {"enum": ["dash-db", "dash-folder"]},
        "limit": {"type": "string", "pattern": "^([1-9][0-9]{0,2}|[1-4][0-9]{3}|5000)$"},
        "page": {"type": "string", "pattern": "^[1-9][0-9]*$"},
    },
    "additionalProperties": False,
}
NO_QUERY = {"type": "object", "maxProperties": 0}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as received."""

    method: str
    path: str
    """The path after `/api`, without the query."""
    query: Mapping[str, str]
    body: Any = None


@dataclass(slots=True)
class Stored:
    """A board that the stub holds."""

    model: dict[str, Any]
    folder: str = ""
    author: str = "sa-smart-region"


class GrafanaStub:
    """The server; a context in which it listens on a free port of the loopback."""

    def __init__(self, *, prefix: str = "", clock: Callable[[], float] = monotonic) -> None:
        self.prefix = prefix
        self.role = EDITOR
        """The role of the service account with the token."""
        self.rights_seconds = RIGHTS_SECONDS
        self.clock = clock
        self._made: dict[str, float] = {}
        self.boards: dict[str, Stored] = {}
        self.folders: dict[str, str] = {}
        self.sources: list[dict[str, Any]] = [{"uid": "p", "name": "Prom", "type": "prometheus"}]
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self.interrupt: Callable[[Request], Answer | None] = lambda _: None
        """Called with each valid request; its result, unless None, is the answer."""
        self.lost: deque[Answer] = deque()
        """Answers that replace those of writing requests, which are executed nevertheless, as if a
        proxy lost the answers."""
        self.released = Event()
        """A hung answer ends when it is set."""
        self._server = LoopbackServer(self._answer)
        self.url = self._server.url + prefix

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.requests if request.method != "GET"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.released.set()
        self._server.stop()
        if error is None:
            assert self.violations == []

    def make_folder(self, uid: str, title: str) -> None:
        self.folders[uid] = title
        self._made[uid] = self.clock()

    def may(self, folder: str) -> bool:
        """Return whether the account already has its rights on an existing folder."""
        made = self._made.get(folder)
        if self.role == ADMIN or made is None:
            return True
        return self.clock() - made >= self.rights_seconds

    def _answer(self, sent: HttpRequest) -> Answer | None:
        parts = urlsplit(sent.target)
        path = parts.path.removeprefix(f"{self.prefix}/api")
        request = Request(sent.method, path, dict(parse_qsl(parts.query, keep_blank_values=True)))
        if path == parts.path:
            answer = Answer(404, "<html><title>Not found</title>a message</html>")
        elif problem := _broken(sent):
            answer = self.violated(request, problem)
        elif path != "/health" and sent.headers["Authorization"] != f"Bearer {TOKEN}":
            answer = Answer(401, {"message": "Invalid API key"})
        else:
            body = json.loads(sent.body) if sent.body else None
            answer = self.respond(replace(request, body=body))
        if answer.body == HANG:
            self.released.wait(30)
        if answer.status == 0:
            return None
        kind = "text/html" if isinstance(answer.body, str) else "application/json"
        return replace(answer, headers={"Content-Type": kind, **answer.headers})

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        if (answer := self.interrupt(request)) is not None:
            return answer
        answer = self._route(request)
        return self.lost.popleft() if self.lost and request.method != "GET" else answer

    def _route(self, request: Request) -> Answer:
        for method, path, query, body, answer in ROUTES:
            found = re.fullmatch(path, request.path)
            if method == request.method and found is not None:
                problem = _problem(query, dict(request.query)) or (
                    None if body is None else _problem(body, request.body)
                )
                if problem is not None:
                    return self.violated(request, problem)
                return answer(self, request, *found.groups())
        return self.violated(request, "no such method and path")

    def violated(self, request: Request, problem: str) -> Answer:
        self.violations.append(f"{request.method} {request.path}: {problem}")
        return Answer(400, {"message": f"bad request data: {problem}"})


def _broken(sent: HttpRequest) -> str | None:
    """Return what a request breaks of what all requests have in common."""
    authorizations = sent.headers.get_all("Authorization", [])
    if len(authorizations) != 1 or not authorizations[0].startswith("Bearer "):
        return "Authorization must be one bearer token"
    if "application/json" not in sent.headers.get("Accept", ""):
        return "Accept must be application/json"
    if sent.method in {"GET", "DELETE"}:
        return "a body where none is documented" if sent.body else None
    if sent.headers.get("Content-Type") != "application/json":
        return "Content-Type must be application/json"
    try:
        json.loads(sent.body)
    except ValueError as error:
        return str(error)
    return None


def _problem(schema: Mapping[str, Any], value: object) -> str | None:
    error = next(iter(Draft202012Validator(schema).iter_errors(value)), None)
    return None if error is None else f"{error.json_path}: {error.message[:200]}"


def _health(_: GrafanaStub, __: Request) -> Answer:
    return Answer(200, {"commit": "0", "database": "ok", "version": "12.2.0"})


def _data_sources(stub: GrafanaStub, _: Request) -> Answer:
    return Answer(200, stub.sources)


def _search(stub: GrafanaStub, request: Request) -> Answer:
    limit, page = int(request.query.get("limit", 1000)), int(request.query.get("page", 1))
    hits = [
        {"uid": uid, "title": one.model["title"], "type": "dash-db", "tags": tags}
        for uid, one in stub.boards.items()
        if request.query.get("tag") in (tags := one.model.get("tags", []))
    ]
    return Answer(200, hits[(page - 1) * limit : page * limit])


def _denied(needed: str) -> Answer:
    message = "You'll need additional permissions to perform this action. Permissions needed: "
    return Answer(
        403, {"accessErrorId": "ACE0", "message": message + needed, "title": "Access denied"}
    )


def _folder(stub: GrafanaStub, _: Request, uid: str) -> Answer:
    if not stub.may(uid) or (uid not in stub.folders and stub.role != ADMIN):
        return _denied("folders:read")
    if uid not in stub.folders:
        return Answer(404, {"message": "folder not found", "status": "not-found"})
    return Answer(200, {"id": 1, "uid": uid, "title": stub.folders[uid]})


def _make_folder(stub: GrafanaStub, request: Request) -> Answer:
    uid, title = request.body["uid"], request.body["title"]
    if uid in stub.folders:
        return Answer(409, {"message": "a folder/dashboard with the same uid already exists"})
    stub.make_folder(uid, title)
    return Answer(200, {"id": 1, "uid": uid, "title": title})


def _board(stub: GrafanaStub, _: Request, uid: str) -> Answer:
    stored = stub.boards.get(uid)
    if stored is None:
        return Answer(404, {"message": "Dashboard not found", "status": "not-found"})
    if not stub.may(stored.folder):
        return _denied("dashboards:read")
    meta = {
        "folderUid": stored.folder,
        "updatedBy": stored.author,
        "version": stored.model["version"],
        "provisioned": False,
    }
    return Answer(200, {"dashboard": stored.model, "meta": meta})


def _save(stub: GrafanaStub, request: Request) -> Answer:
    model, folder = request.body["dashboard"], request.body.get("folderUid", "")
    if folder and folder not in stub.folders:
        return Answer(400, {"message": "folder not found"})
    if not stub.may(folder):
        return _denied("dashboards:create")
    uid, before = model["uid"], stub.boards.get(model["uid"])
    version = 0 if before is None else before.model["version"]
    if model.get("version", 0) != version and not request.body.get("overwrite", False):
        message = "The dashboard has been changed by someone else"
        return Answer(412, {"message": message, "status": "version-mismatch"})
    numbers = {"id": len(stub.boards) + 1, "version": version + 1}
    stub.boards[uid] = Stored({**model, **numbers}, folder)
    return Answer(200, {"uid": uid, "status": "success", "folderUid": folder, **numbers})


def _remove(stub: GrafanaStub, _: Request, uid: str) -> Answer:
    if uid not in stub.boards:
        return Answer(404, {"message": "Dashboard not found"})
    title = stub.boards.pop(uid).model["title"]
    return Answer(200, {"title": title, "message": f"Dashboard {title} deleted"})


Schema: TypeAlias = Mapping[str, Any]

#: Method, path, schemas of the query and of the body, and the handler.
ROUTES: tuple[tuple[str, str, Schema, Schema | None, Callable[..., Answer]], ...] = (
    ("GET", "/health", NO_QUERY, None, _health),
    ("GET", "/datasources", NO_QUERY, None, _data_sources),
    ("GET", "/search", SEARCH_QUERY, None, _search),
    ("GET", "/folders/([^/]+)", NO_QUERY, None, _folder),
    ("POST", "/folders", NO_QUERY, FOLDER_BODY, _make_folder),
    ("GET", "/dashboards/uid/([^/]+)", NO_QUERY, None, _board),
    ("POST", "/dashboards/db", NO_QUERY, DASHBOARD_BODY, _save),
    ("DELETE", "/dashboards/uid/([^/]+)", NO_QUERY, None, _remove),
)
