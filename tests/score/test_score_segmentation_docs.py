"""The page on segmentations: its code prints what it says, and it names every reduction."""

import contextlib
import io
import re
from pathlib import Path
from typing import get_args

from oddloop.config.segmentation import MapReduction

PAGE = (Path(__file__).parents[2] / "docs/how-to/score-segmentation.md").read_text()


def test_the_code_prints_what_stands_below_it():
    code, text = (re.search(rf"^```{kind}\n(.*?)^```", PAGE, re.M | re.S)[1] for kind in ("python", "text"))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "score-segmentation.md", "exec"), {})
    assert printed.getvalue() == text


def test_every_reduction_is_named():
    assert all(f"`{name}`" in PAGE for name in get_args(MapReduction))
