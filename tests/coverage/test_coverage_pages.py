"""The pages on taxonomies and coverage: their settings load, their code prints what they say."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from oddloop.config import load_config
from oddloop.config.scales import SCALES

DOCS = Path(__file__).parents[2] / "docs/how-to"
PAGES = ("taxonomy.md", "coverage.md")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_settings_load(page):
    (text,) = blocks(page, "toml")
    config = load_config(text)
    assert config.attributes or config.coverage.volume.least == 30


@pytest.mark.parametrize("page", PAGES)
def test_the_code_prints_what_stands_below_it(page):
    (code,), (text,) = blocks(page, "python"), blocks(page, "text")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, page, "exec"), {})
    assert printed.getvalue() == text


def test_every_scale_is_named():
    page = (DOCS / "taxonomy.md").read_text()
    assert all(f":{name.partition(':')[2]}`" in page for name in SCALES)
