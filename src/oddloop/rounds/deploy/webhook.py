"""One signed POST of JSON.

`X-Oddloop-Signature` is `sha256=` and the hexadecimal HMAC-SHA256, under the shared secret, of `X-Oddloop-Timestamp`
(seconds since the Unix epoch), a dot, and the body as it is sent. `Idempotency-Key` is the same for every repeat of one
promotion.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

_NS_PER_S = 1_000_000_000
_ANSWER_BYTES = 500
"""Bytes of an answer that are kept."""


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """The signature header of a body.

    >>> signature(b"secret", "1700000000", b"{}")[:20]
    'sha256=b8569b78799ff'
    """
    return f"sha256={hmac.new(secret, timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def post(url: str, body: bytes, key: str, secret: bytes, at_ns: int, timeout_s: float) -> tuple[bool, str]:
    """Whether the URL took the body (an answer of 2xx), and what it said."""
    timestamp = str(at_ns // _NS_PER_S)
    headers = {"Content-Type": "application/json", "Idempotency-Key": key, "X-Oddloop-Timestamp": timestamp}
    if secret:
        headers["X-Oddloop-Signature"] = signature(secret, timestamp, body)
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310  the settings allow http(s) only
    place = urllib.parse.urlsplit(url).hostname
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=timeout_s) as answer:
            return True, f"{place}: {answer.status} {_said(answer)}".strip()
    except urllib.error.HTTPError as error:
        with error:
            return False, f"{place}: {error.code} {error.reason} {_said(error)}".strip()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return False, f"{place}: {getattr(error, 'reason', None) or error or type(error).__name__}"


def _said(answer: Any) -> str:
    return str(answer.read(_ANSWER_BYTES).decode(errors="replace")).strip()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET, elsewhere, and signed: it is refused."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """Follow none."""
