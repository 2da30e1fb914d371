"""Every text is there in every language, and is the one that the reader wants."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest
from fastapi import FastAPI

from oddloop.rounds.state import MOVES, STAYS
from oddloop.web.messages import load_messages
from oddloop.web.pages import PAGES
from oddloop.web.preferences import LANGUAGES
from web.web_server import PAGE, client

TEMPLATES = Path(__file__).parents[2] / "src/oddloop/web/templates"


def placeholders(text: str | dict) -> set[str]:
    texts = [text] if isinstance(text, str) else list(text.values())
    return {name for t in texts for _, name, _, _ in Formatter().parse(t) if name}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_languages_have_the_same_texts(lang: str) -> None:
    english, other = load_messages("en").texts, load_messages(lang).texts
    assert set(english) == set(other)
    for key, text in english.items():
        # `n` may choose the form without being said
        assert placeholders(text) - {"n"} == placeholders(other[key]) - {"n"}, key


def test_japanese_is_japanese() -> None:
    same = {"base.languages.en", "base.languages.ja", "base.api"}
    japanese = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
    for key, text in load_messages("ja").texts.items():
        assert key in same or japanese.search(str(text)), key


def test_every_text_that_a_template_names_is_there() -> None:
    used = {key for file in TEMPLATES.glob("*.html") for key in re.findall(r'\bt\("([\w.]+)"[,)]', file.read_text())}
    assert len(used) > 40
    assert used <= set(load_messages("en").texts)
    composed = {f"navigation.{page.name}" for page in PAGES}
    composed |= {f"overview.stands.{status}" for status in MOVES if status} | {f"statuses.{s}" for s in MOVES if s}
    assert composed - {f"overview.stands.{kind}" for kind in STAYS} <= set(load_messages("en").texts)


def test_the_reader_chooses_the_language(app: FastAPI) -> None:
    viewer = client(app, "viewer")
    assert '<html lang="en">' in viewer.get("/", headers=PAGE).text
    assert '<html lang="ja">' in viewer.get("/", headers=PAGE | {"accept-language": "ja-JP,en;q=0.5"}).text
    chosen = viewer.get("/rounds?limit=2&lang=ja", headers=PAGE)
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/rounds?limit=2")
    page = viewer.get("/rounds?limit=2", headers=PAGE | {"accept-language": "en"}).text
    assert '<html lang="ja">' in page
    assert "ラウンド" in page


def test_the_reader_chooses_the_light(app: FastAPI) -> None:
    viewer = client(app, "viewer")
    assert "data-theme" not in viewer.get("/", headers=PAGE).text
    assert viewer.get("/?theme=dark").status_code == 303
    assert 'data-theme="dark"' in viewer.get("/", headers=PAGE).text
    viewer.get("/?theme=auto")
    assert "data-theme" not in viewer.get("/", headers=PAGE).text


def test_pages_are_whole_in_every_language(app: FastAPI) -> None:
    viewer = client(app, "viewer")
    for lang in LANGUAGES:
        for path in ("/", "/rounds", "/rounds/r000", "/rounds/r001", "/rounds/r002", "/rounds/r999"):
            assert viewer.get(path, headers=PAGE | {"accept-language": lang}).status_code in (200, 404)
