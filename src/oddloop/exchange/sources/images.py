"""Sets of labelled images, such as BDD100K or COCO: images of videos, 2-D boxes, detections by model.

The reader of a format fills three DuckDB tables; what becomes of them is the same for all:

    images      frame_id, log_id, position (within its log, null: by name), split, is_labelled, the attributes,
                width_px, height_px
    boxes       frame_id, object_id, category, x_min_px, y_min_px, x_max_px, y_max_px, is_crowd, and other columns
    detections  model_id, frame_id, label, score, x_min_px, y_min_px, x_max_px, y_max_px

and `file` in each, for messages. A crowd is not an object: a detection there is neither right nor wrong.

Such sets publish no time of recording: logs are put an hour apart, in the order of their names, from 2015 on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.exchange.attributes import agents as agent_rules
from oddloop.exchange.attributes.agents import categories_present, is_agent, mean_agents, traffic_density
from oddloop.exchange.attributes.derived import mark_derived
from oddloop.exchange.frame_errors import MatchingRule, frame_errors
from oddloop.exchange.ignored import CORNERS
from oddloop.exchange.scene_metrics import scene_metrics
from oddloop.exchange.sources.base import Part, PartError
from oddloop.exchange.sources.json_tables import Connection, refuse_faults
from oddloop.exchange.sources.made_up_times import EPOCH_NS, HOUR_NS
from oddloop.exchange.sources.splits import HELD_OUT
from oddloop.lake.sql import quoted

FRAMES_PER_PART = 2000
SPLIT_OF_FILE = "nullif(regexp_extract(substr(file, {}), '(^|[/_.-])(train|val|test)[^/_.-]*([/_.-]|$)', 2), '')"
"""SQL: the split that the path of a file names; to be filled in: where its path below the folder begins."""
DETECTIONS = """CREATE TABLE detections(model_id VARCHAR, frame_id VARCHAR, label VARCHAR, score DOUBLE,
x_min_px DOUBLE, y_min_px DOUBLE, x_max_px DOUBLE, y_max_px DOUBLE, file VARCHAR)"""
"""SQL: makes that table, empty."""
RULES = {
    "n_agents_per_frame": "mean number of labelled agents per labelled image",
    "traffic_density": agent_rules.density_rule("in the image"),
    "categories": "the categories that are labelled in any image of the scene",
}


@dataclass(frozen=True)
class Kind:
    """What a format says of all its images.

    Attributes:
        rate_hz: images a second.
        agents: categories that are road users.
        attributes: columns of `images` that are attributes of scenes.
        files: all files; each part is read again when one of them changes.
    """

    rate_hz: float
    agents: Collection[str]
    attributes: tuple[str, ...]
    files: tuple[Path, ...]


class ImageSet:
    """Parts of about 2,000 images, whole logs each, from the three tables."""

    def __init__(self, con: Connection, kind: Kind, scene_s: float) -> None:
        self.con, self.kind, self.scene_s = con, kind, scene_s
        refuse_faults(con, _FAULTS)
        self._number()

    def parts(self) -> Iterator[Part]:
        """Runs of logs in the order of their names."""
        sizes = self._sql("SELECT log_id, count(*)::BIGINT AS n FROM placed GROUP BY log_id ORDER BY log_id")
        run = (np.cumsum(sizes["n"].to_numpy()) - 1) // FRAMES_PER_PART
        logs = sizes["log_id"].to_pylist()
        for part in np.unique(run):
            index = np.flatnonzero(run == part)
            first, last = logs[index[0]], logs[index[-1]]
            yield Part(first if first == last else f"{first} to {last}", self.kind.files)

    def read(self, part: Part) -> dict[str, pa.Table]:
        """Tables of a run of logs."""
        first, _, last = part.name.partition(" to ")
        where = f"log_id BETWEEN {quoted(first)} AND {quoted(last or first)}"
        frames = self._sql(f"SELECT * FROM placed WHERE {where} ORDER BY log_id, step")
        boxes = self._sql(
            f"SELECT b.* EXCLUDE (file), f.scene_id FROM boxes b JOIN placed f USING (frame_id) WHERE {where} "
            "ORDER BY f.log_id, f.step, b.object_id"
        )
        tables = {
            "scenes": self._scenes(frames, boxes),
            "frames": frames.select(["frame_id", "scene_id", "timestamp_ns", "width_px", "height_px"]),
            "objects": boxes,
        }
        for model in self.models:
            detected = self._predictions(model, where)
            tables[f"predictions/detection/{model}"] = detected.drop_columns(["is_labelled"])
            if self.classes:
                metrics = self._metrics(model, boxes, detected)
                tables["metrics"] = pa.concat_tables([tables["metrics"], metrics]) if "metrics" in tables else metrics
        return tables

    @cached_property
    def models(self) -> list[str]:
        """Models of which there are detections."""
        found: list[str] = self._sql("SELECT DISTINCT model_id FROM detections ORDER BY 1")["model_id"].to_pylist()
        return found

    @cached_property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """Classes that the labels know; a detection of another is not judged."""
        found = self._sql("SELECT DISTINCT category FROM boxes ORDER BY 1")["category"].to_pylist()
        return dict.fromkeys(found, ())

    def _sql(self, query: str) -> pa.Table:
        return self.con.sql(query).to_arrow_table()

    def _number(self) -> None:
        """`placed`: images with step, scene and time."""
        step_ns, scene = round(1e9 / self.kind.rate_hz), max(1, round(self.scene_s * self.kind.rate_hz))
        columns = "".join(f", {name}" for name in self.kind.attributes)
        self.con.execute(
            f"""CREATE OR REPLACE TABLE placed AS
            WITH logs AS (SELECT log_id, row_number() OVER (ORDER BY log_id) - 1 AS rank, count(*) AS n
                          FROM images GROUP BY log_id),
            steps AS (SELECT i.*, coalesce(position, row_number() OVER (PARTITION BY log_id ORDER BY frame_id) - 1)
                      AS step FROM images i),
            cut AS (SELECT *, least(step // {scene}, greatest(1, round(n / {scene})) - 1)::BIGINT AS number
                    FROM steps JOIN logs USING (log_id))
            SELECT frame_id, log_id, log_id || '/' || lpad(number::VARCHAR, 2, '0') AS scene_id, step::BIGINT AS step,
                   ({EPOCH_NS} + rank * {HOUR_NS} + step * {step_ns})::BIGINT AS timestamp_ns, split,
                   is_labelled, width_px, height_px{columns} FROM cut"""
        )
        twice = self.con.execute(
            "SELECT log_id, step FROM placed GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
        ).fetchone()
        if twice is not None:
            message = f"video {twice[0]} has two images at place {twice[1]}; correct the index of its frames"
            raise PartError.of(self.kind.files[0].parent, "duplicate-place", message)

    def _scenes(self, frames: pa.Table, boxes: pa.Table) -> pa.Table:
        firsts = "".join(f", first({name} ORDER BY step) AS {name}" for name in self.kind.attributes)
        con = duckdb.connect()
        con.register("frames", frames)
        scenes = con.sql(
            f"""SELECT scene_id, first(log_id) AS log_id, min(timestamp_ns) AS start_ns,
                (max(timestamp_ns) - min(timestamp_ns)) / 1e9 + {1 / self.kind.rate_hz} AS duration_s,
                count(*) AS n_frames, first(split) AS dataset_split, first(split) AS split,
                sum(is_labelled::BIGINT)::BIGINT AS n_labelled_frames{firsts}
                FROM frames GROUP BY scene_id ORDER BY min(timestamp_ns)"""
        ).to_arrow_table()
        held_out = pc.fill_null(pc.match_substring_regex(scenes["split"], HELD_OUT), False)
        split = pc.if_else(held_out, "eval", pc.if_else(pc.is_valid(scenes["split"]), "pool", None))
        scenes = scenes.set_column(scenes.column_names.index("split"), "split", split.cast(pa.string()))
        return self._with_surroundings(scenes, boxes)

    def _with_surroundings(self, scenes: pa.Table, boxes: pa.Table) -> pa.Table:
        """What is labelled in each scene; null where nobody labelled."""
        scene = (
            pc.index_in(boxes["scene_id"], value_set=scenes["scene_id"].combine_chunks()).to_numpy().astype(np.int64)
        )
        n = scenes["n_labelled_frames"].to_numpy()
        agents = mean_agents(scene, is_agent(boxes["category"], self.kind.agents), np.maximum(n, 1))
        agents = np.where(n > 0, agents, np.nan)
        present = categories_present(scene, boxes["category"], scenes.num_rows)
        present = pc.if_else(pa.array(n > 0), present, pa.scalar(None, present.type))
        columns = {
            "n_agents_per_frame": pa.array(agents, from_pandas=True),
            "traffic_density": traffic_density(agents),
            "categories": present,
        }
        for name, values in columns.items():
            scenes = scenes.append_column(name, values)
        return mark_derived(scenes, RULES)

    def _predictions(self, model: str, where: str) -> pa.Table:
        """Boxes of the images of every split in which the model found anything; one without has an empty list."""
        box = ", ".join(f"{name} := {name}::FLOAT" for name in ("score", *CORNERS))
        found = self._sql(
            f"""WITH found AS (SELECT frame_id, list(struct_pack(label := label, {box}) ORDER BY score DESC) AS boxes
                FROM detections JOIN placed USING (frame_id) WHERE model_id = {quoted(model)} AND {where}
                GROUP BY frame_id)
                SELECT frame_id, scene_id, coalesce(boxes, []) AS boxes, is_labelled
                FROM placed LEFT JOIN found USING (frame_id)
                WHERE {where} AND coalesce(split, '') IN (SELECT coalesce(split, '') FROM placed
                JOIN detections USING (frame_id) WHERE model_id = {quoted(model)}) ORDER BY log_id, step"""
        )
        return found.set_column(2, "boxes", found["boxes"].cast(_BOXES))

    def _metrics(self, model: str, boxes: pa.Table, detected: pa.Table) -> pa.Table:
        """Of the images that somebody labelled."""
        judged = detected.filter(detected["is_labelled"])
        is_crowd = pc.fill_null(boxes["is_crowd"], False)
        objects, crowds = boxes.filter(pc.invert(is_crowd)), boxes.filter(is_crowd).drop_columns(["category"])
        return scene_metrics(frame_errors(objects, judged, crowds, MatchingRule(self.classes)), model_id=model)


_BOXES = pa.list_(
    pa.struct(
        [
            pa.field("label", pa.string(), nullable=False),
            pa.field("score", pa.float32(), nullable=False),
            *(pa.field(name, pa.float32()) for name in CORNERS),
        ]
    )
)
_BAD_BOX = "NOT (isfinite(x_min_px) AND isfinite(y_min_px) AND isfinite(x_max_px) AND isfinite(y_max_px)) IS TRUE"
_FAULTS = [
    (
        "no-name",
        "an image has no name{}",
        "SELECT file, '' AS what FROM images WHERE frame_id IS NULL OR log_id IS NULL",
    ),
    (
        "duplicate-image",
        "image {} is there twice; keep one",
        "SELECT max(file) AS file, frame_id AS what FROM images GROUP BY frame_id HAVING count(*) > 1",
    ),
    ("no-id", "a box of image {} has no id", "SELECT file, frame_id AS what FROM boxes WHERE object_id IS NULL"),
    (
        "duplicate-object",
        "object {} is there twice; an object has one box per image",
        "SELECT max(file) AS file, object_id || ' of image ' || frame_id AS what FROM boxes "
        "GROUP BY frame_id, object_id HAVING count(*) > 1",
    ),
    (
        "no-category",
        "a box of image {} has no category",
        "SELECT file, frame_id AS what FROM boxes WHERE category IS NULL",
    ),
    (
        "bad-box",
        "a box of image {} has a corner that is missing or no finite number",
        f"SELECT file, frame_id AS what FROM boxes WHERE {_BAD_BOX}",
    ),
    (
        "reversed-box",
        "a box of image {} has its right side left of its left one, or its bottom above its top",
        "SELECT file, frame_id AS what FROM boxes WHERE x_max_px < x_min_px OR y_max_px < y_min_px",
    ),
    (
        "no-label",
        "a detection of image {} has no category",
        "SELECT file, frame_id AS what FROM detections WHERE label IS NULL",
    ),
    (
        "bad-detection",
        "a detection of image {} has a corner or score that is missing or no finite number",
        f"SELECT file, frame_id AS what FROM detections WHERE {_BAD_BOX} OR NOT isfinite(score) IS TRUE",
    ),
    (
        "bad-score",
        "a detection of image {} has a score outside [0, 1]; give probabilities",
        "SELECT file, frame_id AS what FROM detections WHERE score < 0 OR score > 1",
    ),
    (
        "reversed-box",
        "a detection of image {} has its right side left of its left one, or its bottom above its top",
        "SELECT file, frame_id AS what FROM detections WHERE x_max_px < x_min_px OR y_max_px < y_min_px",
    ),
    (
        "no-such-image",
        "a detection names image {}, which is not in the set",
        "SELECT file, coalesce(frame_id, '(null)') AS what FROM detections WHERE frame_id IS NULL "
        "OR frame_id NOT IN (SELECT frame_id FROM images WHERE frame_id IS NOT NULL)",
    ),
]
