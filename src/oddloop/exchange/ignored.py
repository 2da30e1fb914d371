"""Image regions where nobody labelled on purpose: a detection there is neither right nor wrong.

They are kept beside the lake's tables, in `lake/ignore_regions`, since they are not objects and cost nothing to label.
"""

from __future__ import annotations

import pyarrow as pa

from oddloop.lake.scan import read_table
from oddloop.lake.workspace import Workspace, table_files
from oddloop.tables import FLOAT32, FRAME_ID, SCENE_ID, Column, TableSpec

CORNERS = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")
"""Columns of an image box, in pixels from the image's upper left corner."""
IGNORE_REGIONS = TableSpec(
    "ignore_regions",
    "ignored region of a frame",
    (FRAME_ID, SCENE_ID, *(Column(name, FLOAT32, "corner of the region", "px") for name in CORNERS)),
    references=(("scene_id", "scenes"), ("frame_id", "frames")),
)


def read_ignore_regions(workspace: Workspace) -> pa.Table:
    """Ignored regions of a workspace; the empty table where it has none."""
    return read_table(table_files(workspace.storage.sub("lake/ignore_regions"), "ignore_regions"), IGNORE_REGIONS)
