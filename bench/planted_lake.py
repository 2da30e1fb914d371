"""A planted fleet as a whole workspace, written log by log: any number of frames in the memory of a few logs.

Scenes of 20 frames are of kinds, whose sizes fall as Zipf's law: a kind has its place in 256 dimensions, its ODD values
and how well the model sees it, so that vectors, segments, scores and metrics hang together as in a real fleet. Every
block of logs draws from a seed of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

FRAMES, SCENES_PER_LOG, D = 20, 100, 256
BEGIN_NS, STEP_NS = 1_700_000_000_000_000_000, 500_000_000
LOGS_PER_BLOCK = 50
MODEL, ENCODER = "detector-1", "encoder-1"
LABELLED, PICKED = 0.05, 0.01
LOGS_PER_HELD_OUT = 10
"""One log in so many is held out for evaluation."""
KINDS = 200
LABELS = ("car", "truck", "bus", "motorcycle", "bicycle", "pedestrian", "cone", "animal")
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "road_type": ("motorway", "primary", "distributor", "minor", "slip_road", "parking"),
    "junction": ("none", "t", "crossroad", "roundabout"),
    "surface": ("dry", "wet", "snow", "gravel"),
    "season": ("summer", "autumn", "winter", "spring"),
    "region": ("north", "south", "east", "west", "alpine"),
    "lane_marking": ("clear", "worn", "none"),
    "works": ("no", "yes"),
    "signalized": ("no", "yes"),
    "traffic_density": ("low", "medium", "high"),
}
"""Categorical attributes, from frequent to rare; with two binned and a multi-label one there are twelve."""
AGENTS = ("car", "truck", "bicycle", "pedestrian")
BINNED = {
    "rain": ("rain_mm_h", "mm/h", (0.0, 2.5, 7.6), ("no_rain", "light", "moderate", "heavy")),
    "illuminance": ("illuminance_lux", "lux", (1.0, 2000.0), ("night", "low_ambient", "day")),
}
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class World(NamedTuple):
    """The kinds of scenes: share of each, place, how hard it is, and the value of each attribute that is its own."""

    share: Floats
    centres: npt.NDArray[np.float32]
    hardness: Floats
    usual: Ints


class Block(NamedTuple):
    """Some scenes: first one, kind of each, and the source of chance of what is drawn of them."""

    first: int
    kinds: Ints
    rng: np.random.Generator

    @property
    def ids(self) -> pa.Array:
        """Ids of the scenes."""
        return pa.array([f"scene-{i:08d}" for i in range(self.first, self.first + len(self.kinds))])


def make_world(seed: int) -> World:
    """Draw the kinds."""
    rng = np.random.default_rng([seed, 1])
    share = 1 / np.arange(1, KINDS + 1) ** 1.1
    centres = (rng.normal(size=(KINDS, 24)) @ rng.normal(size=(24, D)) / 5).astype(np.float32)
    usual = np.column_stack([rng.integers(len(values), size=KINDS) for values in ATTRIBUTES.values()])
    return World(share / share.sum(), centres, rng.beta(1.2, 4.0, KINDS), usual)


def write_lake(folder: Path, n_scenes: int, seed: int = 0, *, per_block: int = 0) -> None:
    """Write the workspace: `oddloop.toml` and all tables, a file per block of so many scenes; of 50 logs by default."""
    world, per_block = make_world(seed), per_block or LOGS_PER_BLOCK * SCENES_PER_LOG
    (folder / "lake").mkdir(parents=True, exist_ok=True)
    (folder / "oddloop.toml").write_text(settings(n_scenes))
    for number, first in enumerate(range(0, n_scenes, per_block)):
        rng = np.random.default_rng([seed, 2, number])
        kinds = rng.choice(KINDS, min(per_block, n_scenes - first), p=world.share)
        block = Block(first, kinds, rng)
        scenes = make_scenes(block, world)
        frames = make_frames(block)
        tables = {
            "scenes": scenes,
            "frames": frames,
            f"predictions/detection/{MODEL}": make_boxes(block, world, frames),
            f"features/{ENCODER}": make_features(block, world),
            "labels": make_labels(block, scenes),
            "metrics": make_metrics(block, world, scenes),
        }
        for name, table in tables.items():
            (folder / "lake" / name).mkdir(parents=True, exist_ok=True)
            path = folder / "lake" / name / f"logs-{number:05d}.parquet"
            pq.write_table(table, path, compression="zstd", row_group_size=65_536)


def settings(n_scenes: int) -> str:
    """`oddloop.toml` with twelve attributes, vectors of 256 numbers, and a budget of one scene in a hundred."""
    lines = ['[workspace]\nname = "planted fleet"']
    for name, values in ATTRIBUTES.items():
        kind = "ordered" if name == "traffic_density" else "categorical"
        lines.append(f'[attributes.{name}]\nkind = "{kind}"\nvalues = {_toml(values)}')
    for name, (column, unit, edges, values) in BINNED.items():
        lines.append(
            f'[attributes.{name}]\nkind = "binned"\ncolumn = "{column}"\nunit = "{unit}"\n'
            f"edges = {list(edges)}\nvalues = {_toml(values)}"
        )
    lines.append(f'[attributes.agents_present]\nkind = "multilabel"\nvalues = {_toml(AGENTS)}')
    lines.append('[metrics.recall]\nbetter = "higher"\ntarget = 0.9')
    lines.append(f"[discover.vectors]\nn_components = {D}")
    lines.append(f"[cost]\nper_scene = 1.0\nper_frame = 0.0\nper_object = 0.0\n[select]\nbudget = {PICKED * n_scenes}")
    return "\n\n".join(lines) + "\n"


def _toml(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


def make_scenes(block: Block, world: World) -> pa.Table:
    """SCENES of a block."""
    n, rng = len(block.kinds), block.rng
    number = np.arange(block.first, block.first + n)
    log = number // SCENES_PER_LOG
    held_out = log % LOGS_PER_HELD_OUT == 0
    columns: dict[str, object] = {
        "scene_id": block.ids,
        "log_id": pa.array([f"log-{i:06d}" for i in range(log[0], log[-1] + 1)]).take(pa.array(log - log[0])),
        "start_ns": BEGIN_NS + number * FRAMES * STEP_NS,
        "duration_s": np.full(n, FRAMES * STEP_NS / 1e9),
        "n_frames": np.full(n, FRAMES),
        "split": pa.array(["eval", None]).take(pa.array((~held_out).astype(np.int64))),
        "speed_mean_mps": rng.gamma(4.0, 3.5, n),
        "brake_max_mps2": rng.gamma(1.5, 1.0, n),
    }
    columns["distance_m"] = np.asarray(columns["speed_mean_mps"]) * np.asarray(columns["duration_s"])
    for i, (name, values) in enumerate(ATTRIBUTES.items()):
        usual = rng.random(n) < 0.6
        drawn = (len(values) * rng.random(n) ** 2).astype(np.int64)  # the first values are the most frequent
        columns[name] = pa.array(values).take(pa.array(np.where(usual, world.usual[block.kinds, i], drawn)))
    columns["rain_mm_h"] = np.maximum(rng.normal(-2.0, 3.0, n), 0.0)
    columns["illuminance_lux"] = 10 ** rng.uniform(-1.0, 5.0, n)
    present = rng.random((n, len(AGENTS))) < [0.95, 0.5, 0.2, 0.3]
    flat = pa.array(AGENTS).take(pa.array(np.nonzero(present)[1]))
    offsets = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
    columns["agents_present"] = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)
    return pa.table(columns)


def make_frames(block: Block) -> pa.Table:
    """FRAMES of a block."""
    n = len(block.kinds) * FRAMES
    scene = np.repeat(np.arange(len(block.kinds)), FRAMES)
    at = np.tile(np.arange(FRAMES), len(block.kinds))
    first = block.first * FRAMES
    return pa.table(
        {
            "frame_id": [f"frame-{i:09d}" for i in range(first, first + n)],
            "scene_id": block.ids.take(pa.array(scene)),
            "timestamp_ns": BEGIN_NS + ((block.first + scene) * FRAMES + at) * STEP_NS,
        }
    )


def make_boxes(block: Block, world: World, frames: pa.Table) -> pa.Table:
    """DETECTION of a block: 5 to 15 boxes a frame with class, score and place; harder kinds have lower scores."""
    rng = block.rng
    n_boxes = rng.integers(5, 16, frames.num_rows)
    hardness = np.repeat(np.repeat(world.hardness[block.kinds], FRAMES), n_boxes)
    n = len(hardness)
    score = 1 - rng.random(n, dtype=np.float32) ** 2 * (0.2 + 0.8 * hardness)
    corner, size = rng.integers(0, 1600, (2, n)), rng.integers(8, 320, (2, n))
    label = pa.DictionaryArray.from_arrays(
        pa.array((len(LABELS) * rng.random(n) ** 3).astype(np.int8)), pa.array(LABELS)
    )
    fields = {
        "score": pa.array(score.astype(np.float32)),
        "label": label.cast(pa.string()),
        "x_min_px": pa.array(corner[0].astype(np.float32)),
        "y_min_px": pa.array(corner[1].astype(np.float32)),
        "x_max_px": pa.array((corner + size)[0].astype(np.float32)),
        "y_max_px": pa.array((corner + size)[1].astype(np.float32)),
    }
    boxes = pa.StructArray.from_arrays(list(fields.values()), list(fields))
    offsets = pa.array(np.concatenate([[0], np.cumsum(n_boxes)]), pa.int32())
    return frames.select(["frame_id", "scene_id"]).append_column("boxes", pa.ListArray.from_arrays(offsets, boxes))


def make_features(block: Block, world: World) -> pa.Table:
    """FEATURES of a block, one vector per scene: the place of its kind, and noise."""
    n = len(block.kinds)
    vectors = world.centres[block.kinds] + 0.3 * block.rng.normal(size=(n, D)).astype(np.float32)
    offsets = pa.array(np.arange(n + 1) * D, pa.int32())
    return pa.table({"scene_id": block.ids, "vector": pa.ListArray.from_arrays(offsets, pa.array(vectors.ravel()))})


def make_labels(block: Block, scenes: pa.Table) -> pa.Table:
    """LABELS: one scene of the pool in twenty, and all that are held out."""
    held_out = scenes["split"].is_valid().to_numpy()
    rows = pa.array(np.flatnonzero(held_out | (block.rng.random(len(held_out)) < LABELLED)))
    schema = pa.schema(
        [("scene_id", pa.string()), ("labelled_at_ns", pa.int64()), ("round_id", pa.string()), ("cost", pa.float64())]
    )
    n = len(rows)
    return pa.table(
        [scenes["scene_id"].take(rows), np.zeros(n, np.int64), pa.nulls(n, pa.string()), np.ones(n)], schema
    )


def make_metrics(block: Block, world: World, scenes: pa.Table) -> pa.Table:
    """METRICS: recall of the held-out scenes, worse in harder kinds."""
    rows = np.flatnonzero(scenes["split"].is_valid().to_numpy())
    support = block.rng.integers(100, 300, len(rows))
    found = block.rng.binomial(support, 0.97 - 0.4 * world.hardness[block.kinds[rows]])
    n = len(rows)
    return pa.table(
        {
            "scene_id": scenes["scene_id"].take(pa.array(rows)),
            "model_id": pa.array([MODEL] * n, pa.string()),
            "stack": pa.array(["perception"] * n, pa.string()),
            "metric": pa.array(["recall"] * n, pa.string()),
            "value": found / support,
            "support": support,
        }
    )
