"""Tokens: 256 random bits, of which only a hash is kept.

A plain hash will do, since nobody can try 2^256 tokens; a slow one is for passwords that people choose.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Iterable
from typing import cast

from oddloop.config import Role
from oddloop.web.access.people import Person


def make_token() -> str:
    """A new token, 43 characters that may stand in a URL."""
    return secrets.token_urlsafe(32)


def token_line(name: str, role: Role, token: str) -> str:
    """The line of `[web] tokens` that lets a token in.

    >>> token_line("ann", "reviewer", "secret")[:27]
    'ann:reviewer:sha256:2bb80d5'
    """
    return f"{name}:{role}:sha256:{_hashed(token)}"


def find_holder(lines: Iterable[str], token: str) -> Person | None:
    """Whose token it is; None where it is nobody's. Takes as long whoever's it is.

    >>> find_holder([token_line("ann", "reviewer", "secret")], "secret")
    Person(name='ann', role='reviewer', way='bearer')
    """
    wanted, found = _hashed(token), None
    for line in lines:
        name, role, _, kept = line.split(":")
        if hmac.compare_digest(kept, wanted):
            found = Person(name, cast("Role", role), "bearer")
    return found


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


class OneTimeToken:
    """A token that lets in once; then another one takes its place, and `tell` is told of it."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self.token = make_token()

    def spend(self, token: str) -> bool:
        """Whether the token lets in; it never will again."""
        with self._lock:
            if not hmac.compare_digest(_hashed(token), _hashed(self.token)):
                return False
            self.token = make_token()
        self._tell(self.token)
        return True
