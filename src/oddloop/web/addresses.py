"""Addresses within this site."""

from __future__ import annotations


def own_path(path: str) -> str:
    """A path that stays here: an address that begins with two slashes would lead to another site.

    >>> own_path("//elsewhere.example/x"), own_path("/scenes")
    ('/elsewhere.example/x', '/scenes')
    """
    return "/" + path.lstrip("/\\")
