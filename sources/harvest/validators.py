"""What a server gave to ask by whether an answer has changed (RFC 9110, 8.8)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from boundary.http_client import HttpAnswer


class Validators(BaseModel):
    """The marks of an answer; empty where there were none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    etag: str = ""
    last_modified: str = ""

    @classmethod
    def of(cls, answer: HttpAnswer) -> Validators:
        """Return those of an answer."""
        headers = answer.headers
        return cls(etag=headers.get("ETag", ""), last_modified=headers.get("Last-Modified", ""))

    def headers(self) -> dict[str, str]:
        """Return the headers of a request for what is newer."""
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in given.items() if value}
