"""Logins that the server need not remember: the cookie says who it is, signed with a key that dies with the server."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
from dataclasses import dataclass, field

from oddloop.web.access.people import ROLES, Person


@dataclass(frozen=True)
class Sessions:
    """Seals and opens cookies; `lifetime_s` is how long a login lasts.

    >>> sessions = Sessions(60.0, b"key")
    >>> cookie = sessions.seal(Person("ann", "viewer", "bearer"), now_s=0.0)
    >>> sessions.open(cookie, now_s=59.0)
    Person(name='ann', role='viewer', way='session')
    >>> sessions.open(cookie, now_s=61.0) is None
    True
    """

    lifetime_s: float
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def seal(self, person: Person, now_s: float) -> str:
        """The cookie of a login."""
        body = json.dumps([person.name, person.role, now_s + self.lifetime_s, secrets.token_hex(8)])
        text = base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")
        return f"{text}.{self._signed('session', text)}"

    def open(self, cookie: str, now_s: float) -> Person | None:
        """Who a cookie says it is; None where it is not ours, or too old."""
        text, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signed("session", text).encode()):
            return None
        try:
            name, role, until_s, _ = json.loads(base64.urlsafe_b64decode(text + "=="))
        except (ValueError, binascii.Error):
            return None
        return Person(name, role, "session") if role in ROLES and now_s < until_s else None

    def page_token(self, person: Person, cookie: str) -> str:
        """What a page's own writes carry, and another site cannot know: it depends on the login."""
        return self._signed("page", json.dumps([person.name, person.way, cookie]))

    def _signed(self, use: str, text: str) -> str:
        return hmac.new(self.key, f"{use}\n{text}".encode("utf-8", "replace"), "sha256").hexdigest()
