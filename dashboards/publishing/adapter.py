"""Grafana's HTTP API, as far as publishing needs it.

Requests are sent by grafana-api's raw calls, with our HTTP client; retries and typed errors are
added here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

from grafana_api.grafana_api import GrafanaAPI, GrafanaException
from pydantic import SecretStr
from requests.exceptions import JSONDecodeError

from boundary.addresses import UnusableAddressError
from boundary.http_client import HttpAnswer, HttpClient, NoAnswerError
from boundary.retry_policy import RetryPolicy
from boundary.terminal import one_line
from dashboards.publishing.access import Address, address_error
from dashboards.publishing.errors import (
    AnswerError,
    PublishingError,
    RightsLateError,
    UnavailableError,
)
from dashboards.publishing.fingerprint import Model
from dashboards.publishing.plan import LiveBoard

PAGE: Final = 1000
"""Boards in one answer: the API's default, at most 5000."""
TOO_MANY: Final = 429
MOVED: Final = 300
REFUSED: Final = 400
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
FAILED: Final = 500
ANSWER_SECONDS: Final = 10.0
"""Timeout of each step of an answer."""
RIGHTS_SECONDS: Final = 90.0
"""How long 403 is retried once a folder was made: Grafana keeps rights for a minute."""
JSON_HEADERS: Final = {"Accept": "application/json"}


class Grafana:
    """A client of one Grafana; every method raises PublishingError with a remedy."""

    def __init__(
        self,
        address: Address,
        token: SecretStr,
        *,
        plain_http: bool = False,
        retry_policy: RetryPolicy | None = None,
        answer_seconds: float = ANSWER_SECONDS,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Prepare the connection; `notify` is called with a line when something takes long.

        The policy is for requests that are answered by 429 or 5xx. Raises PublishingError where the
        token would be sent unencrypted, unless `plain_http` declares the network private.
        """
        self._address = address
        self._secret = token.get_secret_value()
        self._retry_policy = retry_policy or RetryPolicy(total=60, longest_pause=8)
        self._answer_seconds = answer_seconds
        self._notify = notify
        self._rights_from: float | None = None
        self._rights_announced = False
        try:
            self._client = HttpClient(
                str(address),
                seconds=self._answer_seconds,
                secret=True,
                plain_http=plain_http,
                environment_proxy=True,
            )
        except UnusableAddressError as error:
            raise address_error(error, remedy=error.remedy) from None
        self._api = GrafanaAPI(
            self._secret,
            address.host,
            address.port,
            url_path_prefix=f"{address.path}/" if address.path else "",
            protocol=address.scheme,
            # Both are parts of each request, and go before the session's.
            verify=self._client.verify,
            timeout=self._answer_seconds,
        )
        self._api.s = self._client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def version(self) -> str:
        """Return Grafana's version; empty where it is hidden."""
        try:
            health = self._object(*self._answer("GET", "/health"), "database")
        except AnswerError as error:
            if error.status != NOT_FOUND:
                raise
            raise _not_grafana(error.request, found=error.message or "404") from error
        return str(health.get("version", ""))

    def data_source_kinds(self) -> Collection[str] | None:
        """Return the types of its data sources; None where the token may not list them."""
        try:
            sources = self._list(*self._answer("GET", "/datasources"), "type")
        except AnswerError as error:
            if error.status != FORBIDDEN:
                raise
            return None
        return {source["type"] for source in sources}

    def has_folder(self, uid: str) -> bool:
        """Return whether a folder of this uid exists and the token may read it.

        For one that does not exist Grafana answers 404 to an administrator, and 403 to others.
        """
        try:
            self._object(*self._answer("GET", f"/folders/{quote(uid, safe='')}"), "uid")
        except AnswerError as error:
            if error.status not in {NOT_FOUND, FORBIDDEN}:
                raise
            return False
        return True

    def create_folder(self, uid: str, title: str) -> None:
        """Create a folder at the root."""
        self._object(*self._answer("POST", "/folders", {"uid": uid, "title": title}), "uid")
        self.expect_rights()

    def expect_rights(self) -> None:
        """Retry requests that are answered by 403 from now on: rights on a new folder are late.

        A request that is still answered so after RIGHTS_SECONDS raises RightsLateError.
        """
        self._rights_from = self._retry_policy.clock()

    def tagged(self, tag: str) -> Collection[str]:
        """Return the uids of all boards with a tag."""
        found: dict[str, None] = {}
        page = 1
        while True:
            query = urlencode({"type": "dash-db", "tag": tag, "limit": PAGE, "page": page})
            hits = self._list(*self._answer("GET", f"/search?{query}"), "uid")
            found |= dict.fromkeys(hit["uid"] for hit in hits)
            if len(hits) < PAGE:
                return tuple(found)
            page += 1

    def board(self, uid: str) -> LiveBoard | None:
        """Return a board; None where it does not exist."""
        try:
            request, answer = self._answer("GET", f"/dashboards/uid/{quote(uid, safe='')}")
        except AnswerError as error:
            if error.status != NOT_FOUND:
                raise
            return None
        tree = self._object(request, answer, "dashboard", "meta")
        model, meta = tree["dashboard"], tree["meta"]
        if not isinstance(model, Mapping) or not isinstance(meta, Mapping):
            raise _not_grafana(request, found="a board without its model")
        return LiveBoard(
            model=model,
            folder=str(meta.get("folderUid") or ""),
            version=int(model.get("version") or 0),
            author=str(meta.get("updatedBy") or ""),
        )

    def save(self, model: Model, folder: str, message: str, *, version: int | None) -> None:
        """Write a board.

        It must not exist (`version` None) or still be at `version`: otherwise AnswerError with 412.
        """
        numbers = {"id": None} if version is None else {"id": None, "version": version}
        body = {
            "dashboard": {**model, **numbers},
            "folderUid": folder,
            "message": message,
            "overwrite": False,
        }
        request, answer = self._answer("POST", "/dashboards/db", body)
        saved = self._object(request, answer, "status")
        if saved["status"] != "success":
            raise AnswerError(request, status=answer.status, message=str(saved["status"]))

    def remove(self, uid: str) -> None:
        """Delete a board; a missing one is no error."""
        try:
            self._answer("DELETE", f"/dashboards/uid/{quote(uid, safe='')}")
        except AnswerError as error:
            if error.status != NOT_FOUND:
                raise

    def _answer(self, method: str, path: str, body: Model | None = None) -> tuple[str, HttpAnswer]:
        """Send a request until its answer is final, and return it. Raises PublishingError."""
        request = f"{method} {self._address}/api{path.partition('?')[0]}"
        clock = self._retry_policy.clock
        begun = clock()
        rights_from = begun if self._rights_from is None else self._rights_from

        def send() -> HttpAnswer:
            answer = self._send(request, method, path, body)
            if answer.status < REFUSED:
                return answer
            message = self._message(answer)
            if answer.status == FORBIDDEN and self._rights_from is not None:
                waited = round(clock() - rights_from, 1)
                raise RightsLateError(request, message=message, waited_seconds=waited)
            if answer.status >= FAILED or answer.status == TOO_MANY:
                raise UnavailableError(
                    request,
                    status=answer.status,
                    message=message,
                    tried_seconds=round(clock() - begun, 1),
                    asked=answer.retry_after(),
                )
            return answer

        rights = replace(self._retry_policy, total=RIGHTS_SECONDS - (begun - rights_from))
        answer = rights.call(
            lambda: self._retry_policy.call(send, retry_on=UnavailableError),
            retry_on=RightsLateError,
            before_pause=self._announce_rights,
        )
        return request, self._checked(request, answer)

    def _announce_rights(self) -> None:
        if not self._rights_announced:
            self._notify(
                "waiting for Grafana to let this account into its folder, "
                f"{RIGHTS_SECONDS:g} s at most"
            )
            self._rights_announced = True

    def _checked(self, request: str, answer: HttpAnswer) -> HttpAnswer:
        tree = answer.json()
        # Other servers answer our paths with 404 too; Grafana's own 404 has a JSON object.
        if answer.status >= REFUSED and (answer.status != NOT_FOUND or isinstance(tree, Mapping)):
            raise AnswerError(request, status=answer.status, message=self._message(answer))
        if tree is None:
            raise _not_grafana(request, found=f"{answer.status} without JSON")
        return answer

    def _send(self, request: str, method: str, path: str, body: Model | None) -> HttpAnswer:
        """Send one request and return its answer, whatever the status."""
        try:
            # grafana-api's exceptions drop the headers, and it fails on JSON that is no object: the
            # client has the whole answer.
            with suppress(GrafanaException, JSONDecodeError, TypeError):
                getattr(self._api, method)(path, json=body, headers=JSON_HEADERS)
        except NoAnswerError as error:
            raise self._failure(request, error) from error
        answer = self._client.answer
        if "Location" in answer.headers and MOVED <= answer.status < REFUSED:
            raise _not_grafana(request, found=f"a redirect to {answer.headers['Location']}")
        return answer

    def _failure(self, request: str, error: NoAnswerError) -> PublishingError:
        cause = f"value {str(self._address)!r} ({one_line(error.cause)})"
        if error.is_tls:
            # Verification cannot be switched off.
            remedy = (
                "check http or https and the host's name; a private authority's certificates go"
                " into a PEM file named by REQUESTS_CA_BUNDLE"
            )
            return PublishingError("grafana", f"no trusted TLS connection, {cause}", remedy=remedy)
        if error.is_timeout:
            seconds = error.seconds or self._answer_seconds
            remedy = "check the address and Grafana's load, then run the command again"
            return PublishingError(request, f"no answer within {seconds:g} s", remedy=remedy)
        remedy = "check the address, and that Grafana is up"
        return PublishingError("grafana", f"cannot be reached, {cause}", remedy=remedy)

    def _message(self, answer: HttpAnswer) -> str:
        """Return Grafana's own message in one line; a token that it repeats is masked."""
        tree = answer.json()
        message = str(tree.get("message", "")) if isinstance(tree, Mapping) else ""
        return one_line(message.replace(self._secret, "…"))

    def _object(self, request: str, answer: HttpAnswer, *fields: str) -> Mapping[str, Any]:
        tree = answer.json()
        if not isinstance(tree, Mapping) or not tree.keys() >= set(fields):
            raise _not_grafana(request, found=f"an answer without {' and '.join(fields)}")
        return tree

    def _list(self, request: str, answer: HttpAnswer, field: str) -> list[Mapping[str, Any]]:
        tree = answer.json()
        if not isinstance(tree, list):
            raise _not_grafana(request, found="an answer that is not a list")
        if not all(isinstance(one, Mapping) and isinstance(one.get(field), str) for one in tree):
            raise _not_grafana(request, found=f"a list of items without {field}")
        return tree


def _not_grafana(request: str, *, found: str) -> PublishingError:
    return PublishingError(
        request,
        f"does not answer as Grafana does, value {one_line(found)!r}",
        remedy="check the address, its port and its path (without /api, without a page's own path)",
    )
