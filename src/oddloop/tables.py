"""Every table of oddloop, declared once: columns, Arrow types, units and meaning.

Validation (`oddloop check`), the reference page and empty tables are all made from these declarations. Extra columns of
the user are always kept. Keys are strings; times are `timestamp_ns` (int64, Unix epoch).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.column_types import is_compatible as is_compatible
from oddloop.column_types import is_list as is_list
from oddloop.errors import TableError

STRING, INT, FLOAT, FLOAT32, BOOL = pa.string(), pa.int64(), pa.float64(), pa.float32(), pa.bool_()
STRINGS = pa.list_(STRING)
UNKNOWN = "unknown"
"""The value of an attribute that nobody recorded or that the taxonomy does not know."""


@dataclass(frozen=True)
class Column:
    """One column: name, Arrow type, meaning, unit; `required` columns must exist, `nullable` ones may hold null."""

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    required: bool = True
    nullable: bool = False


@dataclass(frozen=True)
class TableSpec:
    """The declaration of a table.

    Attributes:
        name: table name; also its folder below `lake/` or its file below `derived/<stage>/<digest>/`.
        one_row_per: what one row stands for.
        columns: the declared columns; more may be present.
        key: columns that together name a row; empty where rows have no name.
        references: (column, table) pairs: each value of the column must exist in the table's first key column.
        one_of: optional columns of which a table must have one at least, and each row a value in one at least.
        derived: made by oddloop, not by the user.
    """

    name: str
    one_row_per: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    derived: bool = False
    one_of: tuple[str, ...] = ()

    def schema(self) -> pa.Schema:
        """Arrow schema of all declared columns."""
        return pa.schema([pa.field(c.name, c.type, metadata=_metadata(c)) for c in self.columns])

    def empty(self) -> pa.Table:
        """Table of the declared columns without rows."""
        return self.schema().empty_table()

    def required(self) -> tuple[Column, ...]:
        """Columns that must be present."""
        return tuple(c for c in self.columns if c.required)

    def lacks_all_of(self, present: Collection[str]) -> tuple[str, ...]:
        """The columns of which one must be there, where none of them is; else nothing."""
        return () if set(self.one_of) & set(present) else self.one_of

    def column(self, name: str) -> Column | None:
        """Declaration of a column, or None where the column is the user's own."""
        return next((c for c in self.columns if c.name == name), None)


def _metadata(column: Column) -> dict[str, str]:
    return {"meaning": column.meaning, "unit": column.unit}


SCENE_ID = Column("scene_id", STRING, "names the scene")
FRAME_ID = Column("frame_id", STRING, "names the frame")
LOG_ID = Column("log_id", STRING, "the recording drive that the scene was cut from; the unit of independence")
MODEL_ID = Column("model_id", STRING, "one version of one model")
SEGMENT_ID = Column("segment_id", STRING, "`attribute=value` parts joined by ` & `, in the order of the taxonomy")

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
CLASSIFICATION = TableSpec(
    "predictions/classification",
    "frame",
    (
        FRAME_ID,
        SCENE_ID,
        Column(
            "probs",
            pa.list_(pa.list_(FLOAT32)),
            "members x classes; each member's probabilities sum to 1",
            required=False,
            nullable=True,
        ),
        Column(
            "logits",
            pa.list_(pa.list_(FLOAT32)),
            "members x classes, before the softmax; instead of `probs`, or besides them for the `ood_` scores",
            required=False,
            nullable=True,
        ),
    ),
    key=("frame_id",),
    references=(("scene_id", "scenes"),),
    one_of=("probs", "logits"),
)
BOX = pa.struct(
    [
        pa.field("score", FLOAT32, nullable=False),
        pa.field("label", STRING, nullable=False),
        pa.field("probs", pa.list_(FLOAT32)),
        pa.field("x_min_px", FLOAT32),
        pa.field("y_min_px", FLOAT32),
        pa.field("x_max_px", FLOAT32),
        pa.field("y_max_px", FLOAT32),
        pa.field("member", pa.int32()),
        pa.field("logits", pa.list_(FLOAT32)),
    ]
)
DETECTION = TableSpec(
    "predictions/detection",
    "frame",
    (
        FRAME_ID,
        SCENE_ID,
        Column(
            "n_members",
            INT,
            "members that looked at the frame, also those that found nothing; absent or null: the largest `member` of "
            "its boxes, plus 1",
            "members",
            required=False,
            nullable=True,
        ),
        Column(
            "boxes",
            pa.list_(BOX),
            "detected boxes: score in [0, 1] (a probability, not a logit), label, optional class probs that sum to 1 "
            "or class logits, optional image box, optional member (pass, or model of an ensemble; 0, 1, ...; null is "
            "0); an empty list means that the model ran and found nothing",
            nullable=True,
        ),
    ),
    key=("frame_id",),
    references=(("scene_id", "scenes"),),
)
TRAJECTORY = TableSpec(
    "predictions/trajectory",
    "frame and agent; the rows of a frame stand together",
    (
        FRAME_ID,
        SCENE_ID,
        Column("agent_id", STRING, "the agent whose future is predicted"),
        Column("mode_probs", pa.list_(pa.list_(FLOAT32)), "members x modes; each member's probabilities sum to 1"),
        Column(
            "modes",
            pa.list_(pa.list_(pa.list_(pa.list_(FLOAT32, 2)))),
            "members x modes x steps x (x, y), in one frame of reference per row",
            "m",
        ),
    ),
    key=("frame_id", "agent_id"),
    references=(("scene_id", "scenes"),),
)
RISK = TableSpec(
    "predictions/risk",
    "frame, or frame and agent; the rows of a frame stand together",
    (
        FRAME_ID,
        SCENE_ID,
        Column("agent_id", STRING, "the agent that the risk is of; absent or null: of the frame", "", False, True),
        Column("collision_prob", FLOAT, "probability of a collision, in [0, 1]", required=False, nullable=True),
        Column("criticality", FLOAT, "larger = more critical, finite, in any unit", required=False, nullable=True),
    ),
    key=("frame_id", "agent_id"),
    references=(("scene_id", "scenes"),),
    one_of=("collision_prob", "criticality"),
)
PLANNING = TableSpec(
    "predictions/planning",
    "frame",
    (
        FRAME_ID,
        SCENE_ID,
        Column(
            "candidates",
            pa.list_(pa.list_(pa.list_(FLOAT32, 2))),
            "candidate paths of the ego vehicle x steps x (x, y), in one frame of reference per row",
            "m",
        ),
        Column(
            "weights",
            pa.list_(FLOAT32),
            "share of each candidate, which sum to 1; absent or null: all alike",
            required=False,
            nullable=True,
        ),
    ),
    key=("frame_id",),
    references=(("scene_id", "scenes"),),
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

TASKS = {
    "classification": CLASSIFICATION,
    "detection": DETECTION,
    "trajectory": TRAJECTORY,
    "risk": RISK,
    "planning": PLANNING,
}
"""Prediction tables by task."""
BY_ENCODER = {"features": FEATURES, "heads": HEADS}
"""Tables of which there is one per encoder."""
INPUTS = (SCENES, FRAMES, OBJECTS, TRACKS, *TASKS.values(), FUTURES, FEATURES, HEADS, METRICS, LABELS)
"""Tables that the user brings, in the order in which they are checked and documented."""
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
