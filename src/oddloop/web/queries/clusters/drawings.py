"""Scenes from above, as small SVG, for the pages that show clusters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from markupsafe import Markup

from oddloop.lake.find import count_rows_read
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.workspace import TableFiles
from oddloop.report.cards_drawings import draw_scenes, read_tracks_of, track_files
from oddloop.web.store import View

MAX_DRAWN_BYTES = 4_000_000
MAX_ROWS = 5_000_000
"""Rows of tracks that are read for one page: about two seconds, once."""


def draw_from_above(view: View, scene_ids: Iterable[str]) -> dict[str, Markup]:
    """SVG by scene id, as far as there are tracks of them, in that order for as long as there is room.

    Where more than `MAX_ROWS` rows would have to be read, only the first scenes are drawn, or none.
    """
    wanted = tuple(dict.fromkeys(scene_ids))
    files = track_files(view.workspace)
    infos = files.storage.fs.get_file_info([files.storage.path(file) for file in files.files]) if files else []
    if not wanted or not infos:
        return {}
    stamp = digest_of([[info.path, info.size, info.mtime_ns] for info in infos])

    drawn = {name: svg for name in wanted if (svg := view.kept(("drawing", stamp, name))) is not None}
    made = _draw(files, [name for name in wanted if name not in drawn])
    drawn |= {name: view.cached(("drawing", stamp, name), partial(str, svg)) for name, svg in made.items()}
    return {name: Markup(drawn[name]) for name in wanted if drawn.get(name)}  # noqa: S704 - escaped where it is made


def _draw(files: TableFiles, wanted: Sequence[str]) -> dict[str, str]:
    """Drawings of the first scenes, as many as there is room and time for; "" where there are no tracks."""
    while wanted and count_rows_read(files, wanted) > MAX_ROWS:
        wanted = wanted[: len(wanted) // 2]
    tracks = read_tracks_of(files, wanted) if wanted else {}
    return {name: "" for name in wanted if name not in tracks} | draw_scenes(tracks, wanted, MAX_DRAWN_BYTES)
