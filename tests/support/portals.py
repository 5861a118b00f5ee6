"""An open-data portal on loopback: it answers like Opendatasoft and a DCAT portal, or wrongly."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support import loopback
from tests.support.loopback import HttpRequest

API = "/api/explore/v2.1/catalog"
RECORDS = b"gare;voyageurs\nNation;12\n"


@dataclass(frozen=True)
class Answer(loopback.Answer):
    """A wrong answer of the portal."""

    seconds: float = 0.0
    """The delay before it begins."""


@dataclass
class PortalRequest:
    """A received request, and when it arrived."""

    path: str
    headers: Mapping[str, str]
    at: float


def dataset(name: str, **metas: Any) -> dict[str, Any]:
    """Return an entry of an Opendatasoft catalogue; `metas` are of its group `default`."""
    default = {
        "title": f"Jeu {name}",
        "theme": ["Transports, Déplacements"],
        "publisher": "Région Île-de-France",
        "license": "Licence Ouverte v2.0 (Etalab)",
        "modified": "2026-05-04T08:00:00+00:00",
        "data_processed": "2026-05-05T02:00:00+00:00",
        "records_count": 1,
        **metas,
    }
    return {
        "dataset_id": name,
        "has_records": True,
        "attachments": [],
        "metas": {
            "default": default,
            "dcat": {
                "issued": "2019-03-11T00:00:00+00:00",
                "accrualperiodicity": "http://publications.europa.eu/resource/authority/frequency/MONTHLY",
            },
        },
    }


@dataclass
class Portal:
    """The portal's content, its wrong answers, and the requests that it received."""

    url: str = ""
    datasets: list[dict[str, Any]] = field(default_factory=list)
    data: dict[str, bytes] = field(default_factory=dict)
    """The export of each dataset whose export is not RECORDS."""
    documents: dict[str, Answer] = field(default_factory=dict)
    """The content at other paths: a DCAT catalogue, robots.txt."""
    lies: list[tuple[Callable[[str], bool], list[Answer]]] = field(default_factory=list)
    """By path: the wrong answers, each given once, but the last one always."""
    requests: list[PortalRequest] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    def lie(self, part: str, *answers: Answer) -> None:
        """Give these answers in turn to requests whose path and query contain a text."""
        self.lies.insert(0, (lambda path: part in path, list(answers)))

    def paths(self) -> list[str]:
        return [one.path for one in self.requests if one.path != "/robots.txt"]

    def answer(self, target: str) -> Answer:
        for is_meant, answers in self.lies:
            if answers and is_meant(target):
                return answers.pop(0) if len(answers) > 1 else answers[0]
        parts = urlsplit(target)
        if parts.path in self.documents:
            return self.documents[parts.path]
        if parts.path == f"{API}/datasets":
            return self._page(parse_qs(parts.query))
        if parts.path.startswith(f"{API}/datasets/") and parts.path.endswith("/exports/csv"):
            name = parts.path.split("/")[-3]
            return Answer(body=self.data.get(name, RECORDS), headers={"Content-Type": "text/csv"})
        return Answer(404, b'{"error_code": "not found"}')

    def _page(self, query: Mapping[str, list[str]]) -> Answer:
        limit, offset = int(query["limit"][0]), int(query["offset"][0])
        if limit > 100 or limit + offset > 10_000:
            return Answer(400, b'{"error_code": "InvalidRESTParameterError"}')
        listed = sorted(self.datasets, key=lambda one: str(one.get("dataset_id")))
        page = {"total_count": len(listed), "results": listed[offset : offset + limit]}
        return Answer(body=json.dumps(page).encode(), headers={"Content-Type": "application/json"})


@contextmanager
def portal(*datasets: dict[str, Any]) -> Iterator[Portal]:
    """Yield a portal that answers until the block ends."""
    served = Portal(datasets=list(datasets))
    lock = Lock()

    def reply(request: HttpRequest) -> loopback.Answer:
        with lock:
            served.requests.append(
                PortalRequest(request.target, dict(request.headers), time.monotonic())
            )
            served.at_once += 1
            served.most_at_once = max(served.most_at_once, served.at_once)
            answer = served.answer(request.target)
        time.sleep(answer.seconds)
        with lock:
            # Before the answer: who has it may ask again before this thread goes on.
            served.at_once -= 1
        if answer.status != 200:
            return answer
        headers = {"ETag": f'"{sha256(answer.body).hexdigest()[:16]}"', **answer.headers}
        if request.headers["If-None-Match"] == headers["ETag"]:
            return loopback.Answer(304, headers=headers)
        return replace(answer, headers={name: one for name, one in headers.items() if one})

    with loopback.loopback(reply) as served.url:
        yield served
