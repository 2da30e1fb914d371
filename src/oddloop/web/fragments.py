"""Parts of pages that come again on page after page, written once: templates spend their time on long lists."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from jinja2.filters import do_urlencode
from markupsafe import Markup, escape

from oddloop.report.formats import count
from oddloop.web.addresses import own_path
from oddloop.web.queries.scenes.facets import Bar
from oddloop.web.queries.scenes.search import Values
from oddloop.web.store import Store

_KEPT = 1 << 14
Pair = tuple[str, str]


def keeper(store: Store, template: str, lang: str) -> Callable[..., Markup]:
    """What `{% call once("name", what, it, shows) %}` calls: the block is rendered only where it is not kept.

    The block may show nothing but what is in the call, and texts of the language.
    """

    def once(*shown: Any, caller: Callable[[], Markup]) -> Markup:
        return store.view().cached(("fragment", template, lang, *shown), caller)

    return once


def value_spans(values: Iterable[Values]) -> Markup:
    """Attributes of a scene with their values.

    >>> value_spans([Values("sky", ("<clear>",))])
    Markup('<span>sky <b>&lt;clear&gt;</b></span> ')
    """
    return Markup("".join(_span(one.attribute, one.values) for one in values))  # noqa: S704 - escaped below


@functools.lru_cache(_KEPT)
def _span(attribute: str, values: tuple[str, ...]) -> Markup:
    return Markup("<span>{} <b>{}</b></span> ").format(attribute, ", ".join(values) or "–")


def facet_bar(bar: Bar, address: str, text: str) -> Markup:
    """A value that one may filter by: a page has hundreds, and macros take ten times as long.

    >>> facet_bar(Bar("<clear>", 1200, 0.5, is_on=True), "/scenes?a&b", "<clear>").partition("<svg")[0]
    Markup('<li><a class="bar on" href="/scenes?a&amp;b" rel="nofollow" aria-current="true">')
    """
    look = f"bar{' on' if bar.is_on else ''}{'' if bar.n else ' none'}"
    current = ' aria-current="true"' if bar.is_on else ""
    return Markup(  # noqa: S704 - texts are escaped
        f'<li><a class="{look}" href="{escape(address)}" rel="nofollow"{current}><svg aria-hidden="true">'
        f'<rect width="{round(bar.share * 100, 2)}%" height="100%"/></svg><span class="value">{escape(text)}</span>'
        f'<span class="count">{count(bar.n)}</span></a></li>\n'
    )


def quote_query(value: Any) -> str:
    """Jinja's own `urlencode`, kept for texts and for mappings of texts."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
        return _quoted(tuple(value.items()))
    return do_urlencode(value)


@functools.lru_cache(_KEPT)
def _quoted(value: str | tuple[Pair, ...]) -> str:
    return do_urlencode(value)


def toggled(path: str, pairs: Sequence[Pair]) -> Callable[[str, str], str]:
    """Gives the address of the first part of a list with one value of a repeated parameter taken away, or added.

    >>> toggle = toggled("/scenes", [("where", "sky=dry"), ("offset", "50")])
    >>> toggle("where", "sky=dry"), toggle("where", "sky=wet")
    ('/scenes', '/scenes?where=sky%3Ddry&where=sky%3Dwet')
    """
    asked = [pair for pair in pairs if pair[0] != "offset"]
    start = own_path(path)

    def toggle(name: str, value: str) -> str:
        kept = [_encoded(*pair) for pair in asked if pair != (name, value)]
        query = "&".join(kept if len(kept) < len(asked) else [*kept, _encoded(name, value)])
        return f"{start}?{query}" if query else start

    return toggle


@functools.lru_cache(_KEPT)
def _encoded(name: str, value: str) -> str:
    return urlencode([(name, value)])
