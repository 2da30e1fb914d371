"""What the team brings besides predictions: scenes, frames, objects, tracks, features, metrics, labels."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError
from oddloop.tables.spec import (
    BOOL,
    FLOAT,
    FLOAT32,
    FRAME_ID,
    INT,
    LOG_ID,
    MODEL_ID,
    SCENE_ID,
    STRING,
    Column,
    TableSpec,
)

SCENES = TableSpec(
    "scenes",
    "scene",
    (
        SCENE_ID,
        LOG_ID,
        Column("start_ns", INT, "first instant of the scene", "ns since the Unix epoch"),
        Column("duration_s", FLOAT, "length of the scene; above 0", "s"),
        Column("distance_m", FLOAT, "distance driven by the ego vehicle", "m", required=False, nullable=True),
        Column("n_frames", INT, "frames that would be labelled", "frames", required=False, nullable=True),
        Column(
            "split",
            STRING,
            "`pool` (may be picked) or `eval` (held out: measures models, is never picked or trained on); "
            "absent or null means `pool`",
            required=False,
            nullable=True,
        ),
        Column(
            "vehicle_id",
            STRING,
            "the ego vehicle, where a log holds several; scenes of one vehicle do not share time",
            required=False,
            nullable=True,
        ),
        Column("latitude_deg", FLOAT, "where the scene begins, WGS 84", "degrees", required=False, nullable=True),
        Column("longitude_deg", FLOAT, "where the scene begins, WGS 84", "degrees", required=False, nullable=True),
        Column("media_uri", STRING, "where to look at it", required=False, nullable=True),
    ),
    key=("scene_id",),
)
FRAMES = TableSpec(
    "frames",
    "frame",
    (
        FRAME_ID,
        SCENE_ID,
        Column("timestamp_ns", INT, "instant of the frame; rises within a scene", "ns since the Unix epoch"),
        Column("media_uri", STRING, "where to look at it", required=False, nullable=True),
        Column("width_px", INT, "width of its image", "px", required=False, nullable=True),
        Column("height_px", INT, "height of its image", "px", required=False, nullable=True),
    ),
    key=("frame_id",),
    references=(("scene_id", "scenes"),),
)
OBJECTS = TableSpec(
    "objects",
    "annotated object in a frame",
    (
        FRAME_ID,
        SCENE_ID,
        Column("object_id", STRING, "names the object within its frame; the same over time where it is tracked"),
        Column("category", STRING, "class given by the annotator"),
    ),
    key=("frame_id", "object_id"),
    references=(("scene_id", "scenes"), ("frame_id", "frames")),
)
TRACKS = TableSpec(
    "tracks",
    "frame and vehicle; the rows of a scene stand together, and in it those of a frame",
    (
        SCENE_ID,
        FRAME_ID,
        Column("agent_id", STRING, "names the vehicle; the same over time"),
        Column("timestamp_ns", INT, "instant of the frame", "ns since the Unix epoch"),
        Column("x_m", FLOAT, "position of the centre, in one frame of reference per scene", "m"),
        Column("y_m", FLOAT, "position of the centre", "m"),
        Column("heading_rad", FLOAT, "direction of the length, anticlockwise from the x axis", "rad"),
        Column("speed_mps", FLOAT, "speed along the heading; below 0 in reverse", "m/s"),
        Column("length_m", FLOAT, "length of the vehicle", "m"),
        Column("width_m", FLOAT, "width of the vehicle", "m"),
        Column("is_ego", BOOL, "whether it is the ego vehicle; absent: none is", required=False, nullable=True),
    ),
    key=("scene_id", "frame_id", "agent_id"),
    references=(("scene_id", "scenes"),),
)
FUTURES = TableSpec(
    "futures",
    "frame and agent: what happened after it",
    (
        FRAME_ID,
        SCENE_ID,
        Column("agent_id", STRING, "the agent, as in `predictions/trajectory`"),
        Column(
            "xy",
            pa.list_(pa.list_(FLOAT32, 2)),
            "steps x (x, y), at the steps and in the frame of reference of the row's `modes`; null where not known",
            "m",
        ),
    ),
    key=("frame_id", "agent_id"),
    references=(("scene_id", "scenes"),),
)
FEATURES = TableSpec(
    "features",
    "scene, or frame where frame_id is present",
    (
        SCENE_ID,
        Column("frame_id", STRING, "names the frame; absent where vectors are per scene", required=False),
        Column("vector", pa.list_(FLOAT32), "learned features, finite, all of one length"),
    ),
    references=(("scene_id", "scenes"),),
)
HEADS = TableSpec(
    "heads",
    "class of the model's last layer: logits = weight · vector + bias",
    (
        Column("label", STRING, "the class"),
        Column("weight", pa.list_(FLOAT32), "weights, one per number of the encoder's vectors, finite"),
        Column("bias", FLOAT, "bias, finite"),
    ),
    key=("label",),
)
METRICS = TableSpec(
    "metrics",
    "scene, model and metric",
    (
        SCENE_ID,
        MODEL_ID,
        Column("stack", STRING, "`perception`, `prediction` or `planning`"),
        Column("metric", STRING, "name with its unit, such as `min_fde_m` or `precision_car`"),
        Column("value", FLOAT, "measured value: a mean over its support"),
        Column("support", INT, "how many things the value is a mean of; 0 or more", "things"),
    ),
    key=("scene_id", "model_id", "metric"),
    references=(("scene_id", "scenes"),),
)
LABELS = TableSpec(
    "labels",
    "scene that has labels",
    (
        SCENE_ID,
        Column("labelled_at_ns", INT, "when the labels arrived", "ns since the Unix epoch"),
        Column("round_id", STRING, "the round that asked for them; null where labelled before oddloop", nullable=True),
        Column("cost", FLOAT, "what labelling took, in the workspace's cost unit", "cost unit", nullable=True),
    ),
    key=("scene_id",),
    references=(("scene_id", "scenes"),),
)

BY_ENCODER = {"features": FEATURES, "heads": HEADS}
"""Tables of which there is one per encoder."""
SPLITS = ("pool", "eval")
"""Values of `scenes.split`."""
STACKS = ("perception", "prediction", "planning")


def is_held_out(scenes: pa.Table) -> pa.ChunkedArray | pa.Array:
    """Which scenes are held out for evaluation: boolean, one per row; none where there is no `split`.

    >>> is_held_out(pa.table({"scene_id": ["a", "b"], "split": ["eval", None]})).to_pylist()
    [True, False]
    """
    if "split" not in scenes.column_names:
        return pa.repeat(False, scenes.num_rows)
    return pc.fill_null(pc.equal(scenes["split"], "eval"), False)


def refuse_unknown_splits(scenes: pa.Table) -> None:
    """Refuse scenes whose split is neither `pool` nor `eval` nor null: they must not slip into a training.

    Raises:
        TableError: names the values.
    """
    if "split" not in scenes.column_names:
        return
    strange = sorted(set(scenes["split"].unique().to_pylist()) - {None, *SPLITS})
    if strange:
        raise TableError(f"scenes: split {strange[0]!r} is not known; use `pool`, `eval`, or null for `pool`")
