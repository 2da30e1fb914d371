"""The page on taxonomies: its settings load, its code prints what it says."""

import contextlib
import io
import re
from pathlib import Path

from oddloop.config import load_config
from oddloop.config.scales import SCALES

PAGE = (Path(__file__).parents[2] / "docs/how-to/taxonomy.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_settings_load():
    (text,) = blocks("toml")
    assert set(load_config(text).attributes) == {"road", "rain", "agents", "weather", "light"}


def test_the_code_prints_what_stands_below_it():
    (code,), (text,) = blocks("python"), blocks("text")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "taxonomy.md", "exec"), {})
    assert printed.getvalue() == text


def test_every_scale_is_named():
    assert all(f":{name.partition(':')[2]}`" in PAGE for name in SCALES)
