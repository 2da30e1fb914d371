"""What is written once for many pages is what Jinja and urllib would write each time."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import pytest
from jinja2 import Environment
from jinja2.filters import do_urlencode
from markupsafe import Markup

from oddloop.lake import Workspace
from oddloop.web.fragments import keeper, quote_query, toggled
from oddloop.web.store import Store


@pytest.mark.parametrize(
    "value", ["a b/ü&", "", {"id": "s 1&2", "x": ""}, {"n": 1, "on": True}, {"n": 1.0}, [("a", "1"), ("b", "+")], {}]
)
def test_queries_are_quoted_as_jinja_does(value: object) -> None:
    assert [quote_query(value), quote_query(value)] == [do_urlencode(value)] * 2


def test_a_condition_that_is_asked_twice_is_taken_away_whole() -> None:
    pairs = [("where", "sky=dry"), ("text", "ü &"), ("where", "sky=dry"), ("offset", "50")]
    toggle = toggled("//elsewhere", pairs)
    assert toggle("where", "sky=dry") == "/elsewhere?" + urlencode([("text", "ü &")])
    assert toggle("rest", "sky") == "/elsewhere?" + urlencode([*pairs[:3], ("rest", "sky")])
    assert toggled("/scenes", [("offset", "5")])("where", "a=b") == "/scenes?where=a%3Db"


def test_a_block_is_rendered_once_per_what_it_shows(folder: Path) -> None:
    store = Store(Workspace.open(folder))
    rendered: list[str] = []
    made = Environment(autoescape=True).from_string(
        '{% call once("names", names) %}{% for name in names %}{{ seen(name) }}{% endfor %}{% endcall %}'
    )

    def render(template: str, lang: str, *names: str) -> str:
        return made.render(once=keeper(store, template, lang), names=names, seen=lambda n: rendered.append(n) or n)

    assert [render("a.html", "en", "<x>", "y") for _ in range(2)] == [Markup("&lt;x&gt;y")] * 2
    assert rendered == ["<x>", "y"]
    for template, lang, names in [("a.html", "ja", "z"), ("b.html", "en", "z"), ("a.html", "en", "w")]:
        assert render(template, lang, names) == names
    assert rendered == ["<x>", "y", "z", "z", "w"]
    store.close()
