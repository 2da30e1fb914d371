"""What all requests share: the store, who may come in, and how pages are rendered."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request

from oddloop import __version__
from oddloop.config import WebConfig
from oddloop.report import formats
from oddloop.report.html import safe_json
from oddloop.web.access.people import Person
from oddloop.web.access.sessions import Sessions
from oddloop.web.access.tokens import OneTimeToken
from oddloop.web.addresses import own_path
from oddloop.web.assets import asset
from oddloop.web.fragments import facet_bar, keeper, quote_query, value_spans
from oddloop.web.intake import Intake
from oddloop.web.messages import load_messages
from oddloop.web.preferences import LANGUAGES, preferences_of
from oddloop.web.said import said
from oddloop.web.store import Store
from oddloop.web.times import moment, when

_PLAIN_FORMATS = ("number", "count", "volume", "cost", "spent", "percent", "duration")
_FORMATS = (*_PLAIN_FORMATS, "ends", "with_interval", "with_reach", "breakable", "shorten")


@dataclass(frozen=True)
class ServeSettings:
    """How the server is reached, and by whom.

    Attributes:
        host: address that it listens at.
        port: its port; part of the cookie's name, since browsers send cookies to all ports of a host.
        user: name under which who opens the printed address writes; "" where no address is printed.
        web: `[web]` of the workspace.
        announce: told of the token that the next browser may come in with.
        settled: called once all is there that lives as long as the server.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    user: str = ""
    web: WebConfig = field(default_factory=WebConfig)
    announce: Callable[[str], None] = lambda _token: None
    settled: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Site:
    """What all requests share. `navigation` holds (name, path) of the pages that there are, in order."""

    store: Store
    intake: Intake
    settings: ServeSettings
    sessions: Sessions
    one_time: OneTimeToken
    navigation: tuple[tuple[str, str], ...]

    @property
    def cookie(self) -> str:
        """Name of the login's cookie."""
        return f"oddloop_{self.settings.port}"

    def page_token(self, request: Request, person: Person) -> str:
        """What this person's writes carry."""
        return self.sessions.page_token(person, request.cookies.get(self.cookie, ""))

    def render(self, request: Request, template: str, **values: Any) -> str:
        """A page in the reader's language."""
        reader = preferences_of(request)
        person = person_of(request)
        shared = {
            "t": load_messages(reader.lang),
            "lang": reader.lang,
            "languages": LANGUAGES,
            "theme": reader.theme,
            "person": person,
            "page_token": self.page_token(request, person) if person else "",
            "navigation": self.navigation if person else (),
            "workspace": self.store.view().config.workspace.name if person else "",
            "path": request.url.path,
            "here": address,
            "request": request,
            "version": __version__,
            "asset": asset,
            "once": keeper(self.store, template, reader.lang),
        }
        return templates().get_template(template).render(**shared, **values)


def site_of(request: Request) -> Site:
    """The site that a request is to."""
    return cast("Site", request.app.state.site)


def person_of(request: Request) -> Person | None:
    """Who asks; None where the gate has let nobody in."""
    return cast("Person | None", request.scope.get("state", {}).get("person"))


def writer_of(request: Request) -> str:
    """The name of who writes, for the ledger; only where the gate lets nobody else in."""
    person = person_of(request)
    assert person is not None  # noqa: S101 - the gate lets in nobody else
    return person.name


def address(request: Request, **changes: Any) -> str:
    """Path and query of a request with some parameters changed; None takes one away."""
    kept = [(name, value) for name, value in _asked(request.url.query) if name not in changes]
    query = urlencode([*kept, *((name, str(value)) for name, value in changes.items() if value is not None)])
    return own_path(request.url.path) + (f"?{query}" if query else "")


@functools.lru_cache(64)
def _asked(query: str) -> tuple[tuple[str, str], ...]:
    return tuple(parse_qsl(query, keep_blank_values=True))


def _as_json(value: Any) -> Markup:
    return Markup(safe_json(value))  # noqa: S704 - nothing in it ends the element


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


@functools.cache
def templates() -> Environment:
    """The pages' templates: all that is put in is escaped, and what is not defined is an error."""
    made = Environment(
        loader=PackageLoader("oddloop.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {name: getattr(formats, name) for name in _FORMATS}
    made.globals |= {"said": said, "facet_bar": facet_bar}
    made.filters |= {"urlencode": quote_query, "value_spans": value_spans}
    made.filters |= {"moment": moment, "when": when, "as_json": _as_json, "signed": _signed}
    return made
