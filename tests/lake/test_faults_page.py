"""`docs/faults.md` lists every fault with an example line and its cure, word for word what `oddloop check` prints.

Made anew by `ODDLOOP_UPDATE_DOCS=1 pytest tests/lake/test_faults_page.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

from lake.cases import CASES
from oddloop.lake.checks.cures import CURES, TOLERATED
from oddloop.lake.checks.probs import SUM_TOLERANCE
from oddloop.lake.checks.times import TOLERANCE_S

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
SECTIONS = {
    "missing-table": "Folders and files",
    "missing-column": "Columns",
    "duplicate-key": "Keys and references",
    "not-finite": "Single numbers and names",
    "missing-attribute": "Attributes",
    "no-probs": "Probabilities",
    "score-not-finite": "Boxes",
    "tensor-kind": "Segmentations",
    "modes-shape": "Trajectories",
    "vector-empty": "Vectors",
    "time-order": "Times and splits",
}
"""Heading by the first fault code below it."""
INTRO = f"""\
# Faults

`oddloop check` reads every table in the lake and reports all faults of all tables in one run; it changes nothing. A
fault is one line: file and row (counted from 0), what is wrong, how to mend it, how many rows are concerned, and a
code. Faults of one kind, file and column are one line, at the first row. `--json` gives the same as data.

Sums of probabilities may be off by {SUM_TOLERANCE}, times by {TOLERANCE_S} s. Orphans are looked for only where every
file of the table that is referred to could be read.

A dagger (†) marks faults in spite of which every stage works: what they concern is left out,
read as `unknown`, or counted twice.

<!-- Made by tests/lake/test_faults_page.py from the list of cures and the tested examples; do not edit by hand. -->
"""


def test_the_page_is_up_to_date() -> None:
    if os.environ.get("ODDLOOP_UPDATE_DOCS"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page()


def page() -> str:
    """The whole page."""
    return "\n".join([INTRO, *(part for code in CURES for part in entry(code))])


def entry(code: str) -> list[str]:
    """A fault's heading, example and cure, and the section's heading where it is the first of one."""
    example = next(case.line for case in CASES if case.code == code).replace("{folder}", "/data/fleet")
    section = [f"## {SECTIONS[code]}\n"] if code in SECTIONS else []
    mark = " †" if code in TOLERATED else ""
    return [*section, f"### `{code}`{mark}\n", f"    {example}\n", f"Mend it: {CURES[code]}.\n"]
