"""The web app: the same tables and ledger, for people who would rather look than read.

A page is a module of `pages` (its routes), one of `queries` (what it says, as frozen dataclasses), a template, and its
texts in `messages`; `pages/__init__.py` lists it.
"""

from oddloop.web.app import create_app, refuse_open_door
from oddloop.web.site import ServeSettings

__all__ = ["ServeSettings", "create_app", "refuse_open_door"]
