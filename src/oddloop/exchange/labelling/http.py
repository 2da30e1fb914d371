"""JSON over HTTP with the standard library: a token that stays in memory, bounded answers, errors in one sentence.

The token is sent to the one host that was named, never along a redirect to another, and stands in no message.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from oddloop.errors import LabellingError
from oddloop.exchange.labelling.delivery import MAX_BYTES, mapping_of, read_json

_RETRIED = (429, 502, 503, 504)
_TRIES = 4


@dataclass(frozen=True)
class Api:
    """A tool's HTTP interface.

    Attributes:
        url: the server, such as `https://label.example.org`; no user, password or query in it.
        authorization: value of the Authorization header; "" sends none.
        timeout_s: longest wait for an answer.
        sleep: waits between tries.
    """

    url: str
    authorization: str = field(default="", repr=False)
    timeout_s: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise LabellingError(f"{_bare(self.url)!r} is no http or https URL of a labelling tool")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise LabellingError(
                f"{_bare(self.url)}: leave user, password, query and fragment out of the URL; the token belongs into "
                "the environment variable that [labelling] token_env names"
            )

    def get(self, path: str, **query: str | int) -> Any:
        """Ask for something; tried again where the server is busy or gone for a moment."""
        return self._tried("GET", path, query, None)

    def post(self, path: str, body: Any, **query: str | int) -> Any:
        """Send something that must not be sent twice: tried once."""
        return self.call("POST", path, query, body)

    def put(self, path: str, body: Any, **query: str | int) -> Any:
        """Put something in place; tried again where the server is busy or gone for a moment."""
        return self._tried("PUT", path, query, body)

    def _tried(self, method: str, path: str, query: Mapping[str, str | int], body: Any) -> Any:
        for attempt in range(_TRIES - 1):
            try:
                return self.call(method, path, query, body)
            except _BusyError:
                self.sleep(2.0**attempt)
        return self.call(method, path, query, body)

    def call(self, method: str, path: str, query: Mapping[str, str | int], body: Any = None) -> Any:
        """Parsed JSON of the answer; None where it is empty.

        Raises:
            LabellingError: the server cannot be reached, refuses, or answers with something else.
        """
        place = f"{self.url.rstrip('/')}{path}"
        url = f"{place}?{urllib.parse.urlencode(query)}" if query else place
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        request = urllib.request.Request(url, content, {"Accept": "application/json"}, method=method)  # noqa: S310
        if content is not None:
            request.add_header("Content-Type", "application/json")
        if self.authorization:
            request.add_unredirected_header("Authorization", self.authorization)
        return self._answer(request, f"{method} {place}")

    def _answer(self, request: urllib.request.Request, what: str) -> Any:
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as answer:  # noqa: S310  the scheme is checked
                content = answer.read(MAX_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                told = error.read(1 << 16)
            kind = _BusyError if error.code in _RETRIED else LabellingError
            raise kind(f"{what}: {error.code} {error.reason}{_hint(error.code)}: {_told(told)}") from None
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise _BusyError(f"{what}: no answer: {reason}; is the tool running, and the URL right?") from None
        return read_json(content, what) if content.strip() else None


class _BusyError(LabellingError):
    """The server is busy or gone for a moment."""


def _hint(code: int) -> str:
    return " (is the token in the environment variable that [labelling] token_env names?)" if code in (401, 403) else ""


def _told(content: bytes) -> str:
    """What the server said, in short."""
    try:
        said = mapping_of(json.loads(content))
    except ValueError:
        return content[:200].decode("utf-8", "replace").strip()
    return str(said.get("detail") or said)[:300]


def _bare(url: str) -> str:
    """The URL without what may be secret."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))
