"""BDD100K: labels and results in JSON, as published and as its evaluation wants them.

    labels/**/*.json                frames with boxes: a list, or an object with `frames` (det_20, box_track_20, …)
    results/<model_id>/**/*.json    the same with a score per box, or a flat list of {name, category, bbox, score}

Every file below these folders is read. A part of the path that is train, val or test names the split.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from itertools import chain
from pathlib import Path

from oddloop.errors import SourceError
from oddloop.exchange.sources.agents import agents_of
from oddloop.exchange.sources.base import Part, PartError, Tables, result_files
from oddloop.exchange.sources.images import DETECTIONS, SPLIT_OF_FILE, ImageSet, Kind
from oddloop.exchange.sources.json_tables import Connection, add_array, add_object, connect, is_array
from oddloop.exchange.sources.left_out import refuse_without_results

RATE_HZ = 5.0
"""Videos are labelled at five frames a second; a single image stands for as long."""
_BOX2D = "STRUCT(x1 DOUBLE, y1 DOUBLE, x2 DOUBLE, y2 DOUBLE)"
_FLAGS = "STRUCT(occluded BOOLEAN, truncated BOOLEAN, crowd BOOLEAN)"
_OTHER_SHAPES = ("poly2d", "rle", "box3d", "graph")
"""What a label may have instead of a box; not read."""
_LABEL = (
    f"STRUCT(id VARCHAR, category VARCHAR, score DOUBLE, attributes {_FLAGS}, box2d {_BOX2D}, "
    f"{', '.join(f'{name} JSON' for name in _OTHER_SHAPES)})"
)
_FRAME = {
    "name": "VARCHAR",
    "videoName": "VARCHAR",
    "video_name": "VARCHAR",
    "frameIndex": "BIGINT",
    "index": "BIGINT",
    "attributes": "STRUCT(weather VARCHAR, scene VARCHAR, timeofday VARCHAR)",
    "labels": f"{_LABEL}[]",
}
_WHOLE = {"frames": "STRUCT(" + ", ".join(f'"{name}" {kind}' for name, kind in _FRAME.items()) + ")[]"}
_FLAT = {"name": "VARCHAR", "category": "VARCHAR", "score": "DOUBLE", "bbox": "DOUBLE[]"}
_LAST = "regexp_extract({0}, '[^/]+$')"
"""The name of an image without its folder: labels and results disagree about that."""


class Bdd100k:
    """Labels and results below a folder; see the module for the layout."""

    def __init__(self, folder: Path, scene_s: float) -> None:
        self.folder, self.scene_s = folder, scene_s
        self.labels = sorted(folder.glob("labels/**/*.json"))
        self.models = result_files(folder / "results", "**/*.json")

    def parts(self) -> Iterable[Part]:
        """Runs of videos."""
        if not self.labels and not self.models:
            raise SourceError(f"{self.folder}: no labels/*.json and no results/<model_id>/*.json in it")
        return self._images.parts()

    def read(self, part: Part) -> Tables:
        """Tables of a run of videos."""
        return self._images.read(part)

    @cached_property
    def _images(self) -> ImageSet:
        con = connect()
        for file in self.labels:
            _add_frames(con, "labelled", file)
        _as_tables(con, self.folder)
        for model, file in ((model, file) for model, files in self.models.items() for file in files):
            _add_results(con, model, file)
        _add_detected_only(con)
        files = (*self.labels, *chain(*self.models.values()))
        kind = Kind(RATE_HZ, agents_of("bdd100k"), ("weather", "scene", "timeofday"), files)
        images = ImageSet(con, kind, self.scene_s)
        refuse_without_results(self.folder / "results", self.models, images.models)
        return images


def _add_frames(con: Connection, table: str, file: Path) -> None:
    if is_array(file):
        add_array(con, table, file, _FRAME)
        return
    con.execute("DROP TABLE IF EXISTS whole")
    add_object(con, "whole", file, _WHOLE)
    if con.execute("SELECT frames IS NULL FROM whole").fetchone() != (False,):
        raise PartError.of(file, "other-format", "it has no `frames`; it is no label file of BDD100K")
    frames = "SELECT *, {} AS file FROM (SELECT unnest(frames, max_depth := 2) FROM whole)"
    con.execute(f"CREATE TABLE IF NOT EXISTS {table} AS {frames.format('NULL::VARCHAR')} LIMIT 0")
    con.execute(f"INSERT INTO {table} {frames.format('?')}", [str(file)])


def _as_tables(con: Connection, folder: Path) -> None:
    columns = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in _FRAME.items())
    con.execute(f"CREATE TABLE IF NOT EXISTS labelled AS SELECT {columns}, '' AS file LIMIT 0")
    split = SPLIT_OF_FILE.format(len(str(folder)) + 1)
    con.execute(
        f"""CREATE TABLE images AS SELECT {_LAST.format("name")} AS frame_id,
        coalesce(videoName, video_name, {_video("name")}) AS log_id, coalesce(frameIndex, index) AS position,
        {split} AS split, true AS is_labelled, attributes.weather AS weather, attributes.scene AS scene,
        attributes.timeofday AS timeofday, NULL::BIGINT AS width_px, NULL::BIGINT AS height_px, file FROM labelled"""
    )
    con.execute(
        f"""CREATE TABLE boxes AS SELECT {_LAST.format("name")} AS frame_id,
        coalesce(l.id, '#' || n) AS object_id, l.category AS category, l.box2d.x1::FLOAT AS x_min_px,
        l.box2d.y1::FLOAT AS y_min_px, l.box2d.x2::FLOAT AS x_max_px, l.box2d.y2::FLOAT AS y_max_px,
        l.attributes.occluded AS is_occluded, l.attributes.truncated AS is_truncated, l.attributes.crowd AS is_crowd,
        file
        FROM (SELECT name, file, unnest(labels) AS l, generate_subscripts(labels, 1) AS n FROM labelled)
        WHERE l.box2d IS NOT NULL OR {" AND ".join(f"l.{name} IS NULL" for name in _OTHER_SHAPES)}"""
    )
    con.execute(DETECTIONS)
    con.execute("CREATE TABLE predicted(name VARCHAR, video VARCHAR, position BIGINT, file VARCHAR)")


def _add_results(con: Connection, model: str, file: Path) -> None:
    con.execute("DROP TABLE IF EXISTS found")
    if is_array(file) and _is_flat(file):
        add_array(con, "found", file, _FLAT)
        short = con.execute("SELECT name FROM found WHERE len(bbox) IS DISTINCT FROM 4 LIMIT 1").fetchone()
        if short is not None:
            raise PartError.of(file, "bad-box", f"a `bbox` of image {short[0]} is not four numbers")
        con.execute(
            f"""INSERT INTO detections SELECT ?, {_LAST.format("name")}, category, score, bbox[1], bbox[2], bbox[3],
            bbox[4], file FROM found""",
            [model],
        )
        con.execute("INSERT INTO predicted SELECT DISTINCT name, NULL, NULL, file FROM found")
        return
    _add_frames(con, "found", file)
    con.execute(
        f"""INSERT INTO detections SELECT ?, {_LAST.format("name")}, l.category, l.score, l.box2d.x1, l.box2d.y1,
        l.box2d.x2, l.box2d.y2, file FROM (SELECT name, file, unnest(labels) AS l FROM found)""",
        [model],
    )
    con.execute(
        "INSERT INTO predicted SELECT name, coalesce(videoName, video_name), coalesce(frameIndex, index), file "
        "FROM found"
    )


def _is_flat(file: Path) -> bool:
    """Whether results are a list of boxes; frames have `labels` with a `box2d` each."""
    with file.open("rb") as stream:
        return b'"bbox"' in stream.read(65536)


def _add_detected_only(con: Connection) -> None:
    """Images that a model has seen and nobody has labelled."""
    con.execute(
        f"""INSERT INTO images SELECT frame_id, any_value(coalesce(video, {_video("name")})), any_value(position), NULL,
        false, NULL, NULL, NULL, NULL, NULL, any_value(file)
        FROM (SELECT {_LAST.format("name")} AS frame_id, * FROM predicted)
        WHERE frame_id NOT IN (SELECT frame_id FROM images WHERE frame_id IS NOT NULL) GROUP BY frame_id"""
    )


def _video(name: str) -> str:
    """`b1c66a42-6f7d68ca-0000001.jpg` is of the video `b1c66a42-6f7d68ca`, and so is `b1c66a42-6f7d68ca.jpg`."""
    return f"regexp_replace({_LAST.format(name)}, '(-[0-9]{{7}})?\\.[A-Za-z]+$', '')"
