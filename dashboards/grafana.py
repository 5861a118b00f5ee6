"""Grafana's HTTP API, as far as publishing boards needs it.

Requests are sent by grafana-api, with our HTTP client.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

from grafana_api.grafana_api import GrafanaAPI, GrafanaException
from pydantic import SecretStr
from requests.exceptions import JSONDecodeError

from boundary.addresses import UnusableAddressError, usable_address
from boundary.http_client import HttpAnswer, HttpClient, NoAnswerError
from boundary.private_files import rights_of_others
from boundary.retry_policy import RetryableError, RetryPolicy
from boundary.terminal import one_line
from dashboards.board_mark import Model

TOKEN_VARIABLE: Final = "SMART_REGION_GRAFANA_TOKEN"  # noqa: S105 - the variable's name
PAGE: Final = 1000
"""Boards in one answer: the API's default, at most 5000."""
TOO_MANY: Final = 429
REFUSED: Final = 400
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
CONFLICT: Final = 409
CHANGED: Final = 412
"""Something was changed, or made, since it was read."""
FAILED: Final = 500
ANSWER_SECONDS: Final = 10.0
"""Timeout of each step of an answer."""
RETRIES: Final = RetryPolicy(total=90, longest_pause=8)
"""Grafana keeps an account's rights for a minute: it may not use a folder that it has just made."""
_HEADERS: Final = {"Accept": "application/json"}
_REMEDIES: Final[Mapping[int, str]] = MappingProxyType(
    {
        401: "the token is wrong, expired or of another Grafana; make one for a service account,"
        f" and put it into {TOKEN_VARIABLE} or the file of --token-file",
        403: "the token's service account lacks a right; give it the role Editor, or the rights to"
        " read, create and write folders and dashboards (and to delete them, for --prune)",
        404: "it does not exist; run plan again, and check the address",
        # A model that the classic API cannot return.
        406: "the board was saved by hand as a newer kind; save a copy in Grafana if it is to be"
        " kept, delete it there, and apply again",
        409: "something else has this uid or title in Grafana; rename or remove it there",
        412: "it was changed meanwhile, or another board of the folder has its title; run plan"
        " again",
    }
)
_INVALID: Final = (
    "correct what it says; a board that is provisioned from files is not published too"
)


class PublishingError(RetryableError):
    """Boards cannot be published; `status` is that of Grafana's answer, if there was one."""

    def __init__(
        self, field: str, problem: str, *, remedy: str, status: int = 0, retry_after: float = 0.0
    ) -> None:
        self.status = status
        self.retry_after = retry_after
        super().__init__(f"{field}: {problem}: {remedy}")


class _TemporaryError(PublishingError):
    """A request that is sent again."""


@dataclass(frozen=True, slots=True)
class LiveBoard:
    """A board as it is on a Grafana."""

    model: Model
    folder: str
    """The folder's uid; empty at the root."""
    version: int
    author: str = ""
    """Grafana's name of who changed it last."""


def read_token(file: Path | None) -> SecretStr:
    """Read a service account's token from the file, or without one from the environment.

    Raises PublishingError, also for a file that others on this machine may read.
    """
    source = TOKEN_VARIABLE if file is None else str(file)
    problem = ""
    if file is None:
        text = os.environ.get(TOKEN_VARIABLE, "")
    elif mode := rights_of_others(file):
        problem = f"is open to everybody on this machine, value {mode:04o} (chmod 600)"
    else:
        try:
            text = file.read_text(encoding="utf-8")
        except OSError as error:
            problem = f"cannot be read ({error.strerror})"
        except UnicodeDecodeError:
            problem = "is not a text"
    if not problem:
        secret = text.strip()
        if secret and all(" " < character <= "~" for character in secret):
            return SecretStr(secret)
        problem = (
            "holds more than a token (a space, a line, an accent)" if secret else "holds no token"
        )
    remedy = (
        f"put a service account's token into {TOKEN_VARIABLE}, or into a file named by --token-file"
    )
    raise PublishingError(source, problem, remedy=remedy)


class Grafana:
    """A client of one Grafana; every method raises PublishingError with a remedy.

    Answers of 429 and 5xx are retried, and 403 once a folder was created.
    """

    def __init__(
        self,
        url: str,
        token: SecretStr,
        *,
        plain_http: bool = False,
        retries: RetryPolicy = RETRIES,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """Prepare the connection.

        Raises PublishingError for an address that cannot be used, or where the token would be sent
        unencrypted, unless `plain_http` declares the network private.
        """
        self._secret = token.get_secret_value()
        self._retries = retries
        self._seconds = answer_seconds
        self._has_created = False
        try:
            parts = usable_address(url)
            self._client = HttpClient(
                url,
                seconds=answer_seconds,
                secret=True,
                plain_http=plain_http,
                environment_proxy=True,
            )
        except UnusableAddressError as error:
            problem = f"{error.problem}, value {one_line(error.shown)!r}"
            raise PublishingError("grafana", problem, remedy=error.remedy) from None
        name = parts.hostname or ""
        path = parts.path.strip("/")
        self.address = f"{parts.scheme}://{parts.netloc}{f'/{path}' if path else ''}"
        self._api = GrafanaAPI(
            self._secret,
            f"[{name}]" if ":" in name else name,
            parts.port,
            url_path_prefix=f"{path}/" if path else "",
            protocol=parts.scheme,
            # Both are parts of each request, and go before the session's.
            verify=self._client.verify,
            timeout=answer_seconds,
        )
        self._api.s = self._client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def version(self) -> str:
        """Return Grafana's version; empty where it is hidden."""
        return str(self._ask("GET", "/health", dict).get("version", ""))

    def data_source_kinds(self) -> Collection[str] | None:
        """Return the types of its data sources; None where the token may not list them."""
        sources = self._ask("GET", "/datasources", list, absent=(FORBIDDEN,))
        return None if sources is None else {str(source.get("type")) for source in sources}

    def has_folder(self, uid: str) -> bool:
        """Return whether a folder of this uid exists and the token may read it.

        For one that does not exist Grafana answers 404 to an administrator, and 403 to others.
        """
        path = f"/folders/{quote(uid, safe='')}"
        return self._ask("GET", path, dict, absent=(NOT_FOUND, FORBIDDEN)) is not None

    def create_folder(self, uid: str, title: str) -> None:
        """Create a folder at the root, unless it exists: an editor may not see it for a minute."""
        try:
            self._ask("POST", "/folders", dict, {"uid": uid, "title": title})
        except PublishingError as error:
            if error.status not in {CONFLICT, CHANGED}:
                raise
        self._has_created = True

    def tagged(self, tag: str) -> Collection[str]:
        """Return the uids of all boards with a tag."""
        found: dict[str, None] = {}
        page = 1
        while True:
            query = urlencode({"type": "dash-db", "tag": tag, "limit": PAGE, "page": page})
            hits = self._ask("GET", f"/search?{query}", list)
            found |= dict.fromkeys(str(hit["uid"]) for hit in hits)
            if len(hits) < PAGE:
                return tuple(found)
            page += 1

    def board(self, uid: str) -> LiveBoard | None:
        """Return a board; None where it does not exist."""
        path = f"/dashboards/uid/{quote(uid, safe='')}"
        tree = self._ask("GET", path, dict, absent=(NOT_FOUND,))
        if tree is None:
            return None
        model, meta = tree.get("dashboard"), tree.get("meta")
        if not isinstance(model, Mapping) or not isinstance(meta, Mapping):
            raise self._other_server("a board without its model")
        return LiveBoard(
            model=model,
            folder=str(meta.get("folderUid") or ""),
            version=int(model.get("version") or 0),
            author=str(meta.get("updatedBy") or ""),
        )

    def save(self, model: Model, folder: str, message: str, *, version: int | None) -> None:
        """Write a board.

        It must not exist (`version` None) or still be at `version`: otherwise the error has the
        status 412.
        """
        numbers = {"id": None} if version is None else {"id": None, "version": version}
        body = {
            "dashboard": {**model, **numbers},
            "folderUid": folder,
            "message": message,
            "overwrite": False,
        }
        self._ask("POST", "/dashboards/db", dict, body)

    def remove(self, uid: str) -> None:
        """Delete a board; a missing one is no error."""
        path = f"/dashboards/uid/{quote(uid, safe='')}"
        self._ask("DELETE", path, dict, absent=(NOT_FOUND,))

    def _ask(
        self,
        method: str,
        path: str,
        kind: type[Any],
        body: Model | None = None,
        *,
        absent: Collection[int] = (),
    ) -> Any:  # noqa: ANN401 - JSON of that kind
        """Return the JSON of an answer; None for a status in `absent`."""
        request = f"{method} {self.address}/api{path.partition('?')[0]}"
        answer = self._retries.call(
            lambda: self._final(request, self._send(method, path, body), absent),
            retry_on=_TemporaryError,
        )
        tree = answer.json()
        # Other servers answer our paths with 404 too; Grafana's own has a JSON object.
        if answer.status in absent and isinstance(tree, Mapping):
            return None
        if not isinstance(tree, kind):
            raise self._other_server(f"{answer.status} without JSON")
        return tree

    def _send(self, method: str, path: str, body: Model | None) -> HttpAnswer:
        try:
            # grafana-api's exceptions drop the headers, and it fails on JSON that is no object: the
            # client has the whole answer.
            with suppress(GrafanaException, JSONDecodeError, TypeError):
                getattr(self._api, method)(path, json=body, headers=_HEADERS)
        except NoAnswerError as error:
            raise self._unreachable(error) from error
        answer = self._client.answer
        if "Location" in answer.headers and answer.status < REFUSED:
            raise self._other_server(f"a redirect to {answer.headers['Location']}")
        return answer

    def _final(self, request: str, answer: HttpAnswer, absent: Collection[int]) -> HttpAnswer:
        status = answer.status
        if status < REFUSED or status in absent:
            return answer
        tree = answer.json()
        if status == NOT_FOUND and not isinstance(tree, Mapping):
            raise self._other_server("404 without JSON")
        message = str(tree.get("message", "")) if isinstance(tree, Mapping) else ""
        # A server may repeat the token.
        message = one_line(message.replace(self._secret, "…"))
        is_late_right = status == FORBIDDEN and self._has_created
        is_temporary = status >= FAILED or status == TOO_MANY or is_late_right
        if is_late_right:
            remedy = "Grafana grants rights on a new folder within a minute: run the command again"
        elif is_temporary:
            remedy = "run the command again later; Grafana's log may say why"
        else:
            remedy = _REMEDIES.get(status, _INVALID)
        raise (_TemporaryError if is_temporary else PublishingError)(
            request,
            f"answered {status}{f' ({message})' if message else ''}",
            remedy=remedy,
            status=status,
            retry_after=answer.retry_after() or 0.0,
        )

    def _unreachable(self, error: NoAnswerError) -> PublishingError:
        problem = f"cannot be reached, value {self.address!r} ({one_line(error.cause)})"
        remedy = "check the address, and that Grafana is up"
        if error.is_tls:
            # Verification cannot be switched off.
            remedy = (
                "check http or https and the host's name; a private authority's certificates go"
                " into a PEM file named by REQUESTS_CA_BUNDLE"
            )
        elif error.is_timeout:
            problem = f"no answer within {error.seconds or self._seconds:g} s, {self.address!r}"
            remedy = "check the address and Grafana's load, then run the command again"
        return PublishingError("grafana", problem, remedy=remedy)

    def _other_server(self, found: str) -> PublishingError:
        return PublishingError(
            "grafana",
            f"{self.address} does not answer as Grafana does, value {one_line(found)!r}",
            remedy="check the address, its port and its path (without /api, without a page's own"
            " path)",
        )
