"""COCO: instances with boxes, and detection results.

    annotations/**/*.json           objects with `images`, `annotations` and `categories`
    results/<model_id>/**/*.json    lists of {image_id, category_id, bbox [x, y, width, height], score}

An image belongs to the log that its `video_id` names, else to the folder in its `file_name`, else it is a log of its
own. Ids of images and categories must mean the same in all files.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from itertools import chain
from pathlib import Path

from oddloop.errors import SourceError
from oddloop.exchange.sources.base import Part, PartError, Tables, result_files
from oddloop.exchange.sources.images import DETECTIONS, SPLIT_OF_FILE, ImageSet, Kind
from oddloop.exchange.sources.json_tables import Connection, add_array, add_object, connect
from oddloop.exchange.sources.left_out import refuse_without_results

RATE_HZ = 10.0
"""Made up: the format has no time between images."""
_IMAGE = "STRUCT(id VARCHAR, file_name VARCHAR, width BIGINT, height BIGINT, video_id VARCHAR, frame_id BIGINT)"
_ANNOTATION = (
    "STRUCT(id VARCHAR, image_id VARCHAR, category_id VARCHAR, bbox DOUBLE[], iscrowd BIGINT, track_id VARCHAR, "
    "instance_id VARCHAR)"
)
_WHOLE = {
    "images": f"{_IMAGE}[]",
    "annotations": f"{_ANNOTATION}[]",
    "categories": "STRUCT(id VARCHAR, name VARCHAR)[]",
}
_RESULT = {"image_id": "VARCHAR", "category_id": "VARCHAR", "bbox": "DOUBLE[]", "score": "DOUBLE"}
_PEOPLE_AND_VEHICLES = ("person", "bicycle", "car", "motorcycle", "bus", "train", "truck", "pedestrian", "rider", "van")
"""Categories that count as road users, in any case of letters."""


class Coco:
    """Instances and results below a folder; see the module for the layout."""

    def __init__(self, folder: Path, scene_s: float) -> None:
        self.folder, self.scene_s = folder, scene_s
        self.instances = sorted(folder.glob("annotations/**/*.json"))
        self.models = result_files(folder / "results", "**/*.json")

    def parts(self) -> Iterable[Part]:
        """Runs of logs."""
        if not self.instances:
            raise SourceError(
                f"{self.folder}: no annotations/*.json in it; results alone do not say which images exist"
            )
        return self._images.parts()

    def read(self, part: Part) -> Tables:
        """Tables of a run of logs."""
        return self._images.read(part)

    @cached_property
    def _images(self) -> ImageSet:
        con = connect()
        for file in self.instances:
            add_object(con, "whole", file, _WHOLE)
        for name in _WHOLE:
            lacking = con.execute(f"SELECT file FROM whole WHERE {name} IS NULL").fetchone()
            if lacking is not None:
                raise PartError.of(lacking[0], "other-format", f"it has no `{name}`; it is no COCO file of instances")
        _as_tables(con, self.folder)
        for model, file in ((model, file) for model, files in self.models.items() for file in files):
            _add_results(con, model, file)
        categories = con.sql("SELECT DISTINCT name FROM categories").fetchall()
        agents = {name for (name,) in categories if str(name).lower() in _PEOPLE_AND_VEHICLES}
        images = ImageSet(
            con, Kind(RATE_HZ, agents, (), (*self.instances, *chain(*self.models.values()))), self.scene_s
        )
        refuse_without_results(self.folder / "results", self.models, images.models)
        return images


def _as_tables(con: Connection, folder: Path) -> None:
    con.execute(
        """CREATE TABLE categories AS SELECT id, any_value(name) AS name, count(DISTINCT name) AS n,
        any_value(file) AS file FROM (SELECT unnest(categories, max_depth := 2), file FROM whole) GROUP BY id"""
    )
    strange = con.execute("SELECT file, id FROM categories WHERE id IS NULL OR n <> 1").fetchone()
    if strange is not None:
        message = f"category {strange[1]} has no name, or another one in another file; number them alike"
        raise PartError.of(strange[0], "category-names", message)
    con.execute(
        f"""CREATE TABLE images AS SELECT id AS frame_id,
        coalesce(video_id, nullif(regexp_extract(file_name, '^(.*)/', 1), ''),
        regexp_replace(file_name, '\\.[A-Za-z]+$', '')) AS log_id, frame_id AS position,
        {SPLIT_OF_FILE.format(len(str(folder)) + 1)} AS split, true AS is_labelled, width AS width_px,
        height AS height_px, file FROM (SELECT unnest(images, max_depth := 2), file FROM whole)"""
    )
    con.execute("CREATE TABLE labelled AS SELECT unnest(annotations, max_depth := 2), file FROM whole")
    for what, column in (("image", "image_id"), ("category", "category_id")):
        known = "SELECT frame_id FROM images" if what == "image" else "SELECT id FROM categories"
        bad = con.execute(
            f"SELECT file, {column}, count(*) OVER () FROM labelled WHERE {column} IS NULL "
            f"OR {column} NOT IN ({known} WHERE 1 = 1) LIMIT 1"
        ).fetchone()
        if bad is not None:
            raise PartError.of(
                bad[0], f"no-such-{what}", f"an annotation names {what} {bad[1]}, which is not there", bad[2]
            )
    con.execute(
        f"""CREATE TABLE boxes AS SELECT image_id AS frame_id, coalesce(track_id, instance_id, a.id) AS object_id,
        c.name AS category, {_corners("FLOAT")}, iscrowd = 1 AS is_crowd, a.file FROM labelled a
        JOIN categories c ON a.category_id = c.id"""
    )
    con.execute(DETECTIONS)


def _add_results(con: Connection, model: str, file: Path) -> None:
    con.execute("DROP TABLE IF EXISTS found")
    add_array(con, "found", file, _RESULT)
    con.execute(
        f"""INSERT INTO detections SELECT ?, image_id, c.name, score, {_corners("DOUBLE")}, f.file FROM found f
        LEFT JOIN categories c ON f.category_id = c.id""",
        [model],
    )


def _corners(kind: str) -> str:
    """From [x, y, width, height]; a box of fewer numbers has null corners, which is refused later."""
    corners = {
        "x_min_px": "bbox[1]",
        "y_min_px": "bbox[2]",
        "x_max_px": "bbox[1] + bbox[3]",
        "y_max_px": "bbox[2] + bbox[4]",
    }
    return ", ".join(f"({value})::{kind} AS {name}" for name, value in corners.items())
