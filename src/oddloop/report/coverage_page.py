"""What `oddloop coverage` counted, as one HTML page that opens from disk: there need be no model and no round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from oddloop import __version__
from oddloop.errors import LedgerError
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.workspace import Workspace
from oddloop.report.html import environment, own_file
from oddloop.report.model import Segment
from oddloop.report.segments import join_segments
from oddloop.report.written import WrittenPage, write_once
from oddloop.rounds.snapshots import newest_snapshot

COVERAGE_FILE = "coverage.html"
_UNITS = {"n_scenes": "scenes", "n_logs": "logs", "duration_s": "seconds", "distance_m": "metres"}


@dataclass(frozen=True)
class CoveragePage:
    """What the page shows.

    Attributes:
        workspace: its name.
        version: of oddloop.
        gaps: rows of `derived_tables.VOLUME_GAPS` that lack something, largest first.
        n_wanted: segments that should have some volume.
        unit: what their volume is counted in.
        segments: all scenes, and those of each value.
        unmapped: spellings that no attribute knows, with their number of scenes.
    """

    workspace: str
    version: str
    gaps: Sequence[Mapping[str, Any]]
    n_wanted: int
    unit: str
    segments: Sequence[Segment]
    unmapped: Sequence[Mapping[str, Any]]


def write_coverage(workspace: Workspace) -> WrittenPage:
    """Write `coverage.html` of what was counted last; a page that already says the same is left alone.

    Call it while nobody else writes to the workspace (`lake.lock.locked`).

    Raises:
        LedgerError: nothing has been counted.
    """
    digest = newest_snapshot(workspace)
    if not digest or not workspace.storage.exists(f"derived/coverage/{digest}/manifest.json"):
        raise LedgerError(
            "there is no round to report: `oddloop run` proposes one; without one, count by `oddloop coverage`"
        )
    name = workspace.config.workspace.name
    shown = digest_of([__version__, name, digest])
    return write_once(
        workspace.storage, COVERAGE_FILE, shown, lambda: render_coverage(collect_coverage(workspace, digest))
    )


def collect_coverage(workspace: Workspace, digest: str) -> CoveragePage:
    """Everything that the page of a coverage is made of."""
    folder = workspace.storage.sub(f"derived/coverage/{digest}")
    segments, metrics, wanted, unmapped = (
        folder.read_table(f"{name}.parquet") for name in ("segments", "segment_metrics", "volume_gaps", "unmapped")
    )
    single = segments.filter(pc.less_equal(segments["n_way"], 1))
    return CoveragePage(
        workspace=workspace.config.workspace.name,
        version=__version__,
        gaps=wanted.filter(pc.greater(wanted["shortfall"], 0.0)).to_pylist(),
        n_wanted=wanted.num_rows,
        unit=_UNITS[workspace.config.coverage.volume.exposure],
        segments=join_segments(single, metrics, "", None),
        unmapped=unmapped.to_pylist(),
    )


def render_coverage(page: CoveragePage) -> str:
    """The page; write it as UTF-8. The same coverage gives the same bytes."""
    return environment().get_template("coverage.html").render(page=page, css=own_file("round.css"))
