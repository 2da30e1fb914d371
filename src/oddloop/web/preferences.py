"""In which language and which light a reader wants the pages: asked for by `?lang=` and `?theme=`, kept in cookies."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from oddloop.web.addresses import own_path

LANGUAGES = ("en", "ja")
THEMES = ("auto", "light", "dark")
_CHOICES = {"lang": LANGUAGES, "theme": THEMES}
_YEAR_S = 365 * 86400


@dataclass(frozen=True)
class Preferences:
    """Language of the texts; light or dark, where "auto" follows the reader's system."""

    lang: str
    theme: str


def preferences_of(request: Request) -> Preferences:
    """What the reader chose, else what the browser asks for, else English."""
    kept = {name: request.cookies.get(f"oddloop_{name}", "") for name in _CHOICES}
    lang = kept["lang"] if kept["lang"] in LANGUAGES else accepted(request.headers.get("accept-language", ""))
    return Preferences(lang, kept["theme"] if kept["theme"] in THEMES else THEMES[0])


def accepted(header: str) -> str:
    """The language that an `Accept-Language` header wants most of those that there are.

    >>> accepted("de, ja-JP;q=0.8, en;q=0.5"), accepted("fr"), accepted("en;q=0.1, ja;q=x")
    ('ja', 'en', 'en')
    """
    wanted = sorted(((-_quality(part), place, part) for place, part in enumerate(header.split(",")[:20])))
    names = (part.partition(";")[0].strip().partition("-")[0].lower() for quality, _, part in wanted if quality < 0)
    return next((name for name in names if name in LANGUAGES), LANGUAGES[0])


def _quality(part: str) -> float:
    _, _, text = part.partition(";q=")
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


def take_choice(request: Request) -> Response | None:
    """Where the address makes a choice: keep it, and go on to the address without it; None where it makes none."""
    asked = list(request.query_params.multi_items())
    chosen = {name: value for name, value in asked if value in _CHOICES.get(name, ())}
    if request.method != "GET" or not chosen or request.url.path.startswith("/api/"):
        return None
    left = urlencode([(name, value) for name, value in asked if name not in chosen])
    answer = RedirectResponse(own_path(request.url.path) + (f"?{left}" if left else ""), 303)
    for name, value in chosen.items():
        is_https = request.url.scheme == "https"
        answer.set_cookie(f"oddloop_{name}", value, max_age=_YEAR_S, httponly=True, secure=is_https, samesite="lax")
    return answer
