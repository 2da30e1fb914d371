"""What models said: detection results and prediction results, as the nuScenes challenges want them.

detection    {"meta": {…}, "results": {sample_token: [{translation, size, rotation, velocity, detection_name,
             detection_score, …}, …]}}
prediction   [{"instance", "sample", "prediction": modes x steps x (x, y), "probabilities": modes}, …], every 0.5 s
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from oddloop.exchange.sources.base import PartError
from oddloop.exchange.sources.json_tables import Connection, add_array, add_object, is_array, refuse_faults
from oddloop.lake.sql import quoted

_BOX = (
    "STRUCT(translation DOUBLE[], size DOUBLE[], rotation DOUBLE[], velocity DOUBLE[], detection_name VARCHAR, "
    "detection_score DOUBLE)"
)
_DETECTION = {"results": f"MAP(VARCHAR, {_BOX}[])"}
_PREDICTION = {"instance": "VARCHAR", "sample": "VARCHAR", "prediction": "DOUBLE[][][]", "probabilities": "DOUBLE[]"}
TASKS = ("detection", "trajectory")


def load_results(con: Connection, files: Mapping[str, Sequence[Path]]) -> None:
    """Load the files of each model into `detection` and `trajectory`.

    Raises:
        PartError: a file is damaged, of neither form, or names samples or instances that do not exist.
    """
    con.execute(
        f"""CREATE TABLE detection(model_id VARCHAR, sample_token VARCHAR, boxes {_BOX}[], file VARCHAR);
        CREATE TABLE trajectory(model_id VARCHAR, agent_id VARCHAR, sample_token VARCHAR, modes DOUBLE[][][],
        probs DOUBLE[], file VARCHAR)"""
    )
    for model, file in ((model, file) for model, of_model in files.items() for file in of_model):
        con.execute("DROP TABLE IF EXISTS found")
        if is_array(file):
            add_array(con, "found", file, _PREDICTION)
            columns = "instance, sample, prediction, probabilities, file"
            con.execute(f"INSERT INTO trajectory SELECT ?, {columns} FROM found", [model])
        else:
            add_object(con, "found", file, _DETECTION)
            if con.execute("SELECT results IS NULL FROM found").fetchone() != (False,):
                raise PartError.of(file, "other-format", "it has no `results`; it is no detection result of nuScenes")
            con.execute(
                "INSERT INTO detection SELECT ?, e.key, e.value, file FROM "
                "(SELECT unnest(map_entries(results)) AS e, file FROM found)",
                [model],
            )
    refuse_faults(con, _FAULTS)


def detections_of(con: Connection, model: str, samples: pa.Table) -> pa.Table:
    """Boxes of the samples (columns `frame`, `token`), one per row, in the frame of reference of the file: global."""
    con.register("samples", samples)
    return con.sql(
        f"""SELECT s.frame, b.detection_score::FLOAT AS score, b.detection_name AS label, b.translation, b.size,
        b.rotation FROM (SELECT sample_token, unnest(boxes) AS b FROM detection WHERE model_id = {quoted(model)}) d
        JOIN samples s ON d.sample_token = s.token ORDER BY s.frame, score DESC"""
    ).to_arrow_table()


def forecasts_of(con: Connection, model: str, samples: pa.Table) -> pa.Table:
    """`predictions/trajectory` rows of the samples (columns `frame`, `token`, `scene_id`)."""
    con.register("samples", samples)
    found = con.sql(
        f"""SELECT t.sample_token AS frame_id, s.scene_id, t.agent_id, [t.probs] AS mode_probs, [t.modes] AS modes
        FROM trajectory t JOIN samples s ON t.sample_token = s.token WHERE model_id = {quoted(model)}
        ORDER BY s.frame, t.agent_id"""
    ).to_arrow_table()
    kind = pa.list_(pa.list_(pa.list_(pa.list_(pa.float32(), 2))))
    probs = found["mode_probs"].cast(pa.list_(pa.list_(pa.float32())))
    return found.set_column(3, "mode_probs", probs).set_column(4, "modes", found["modes"].cast(kind))


def samples_seen(con: Connection, model: str) -> pa.Array:
    """Samples that a model has detection results for, be they empty: where it has looked."""
    seen = con.execute("SELECT sample_token FROM detection WHERE model_id = ?", [model]).fetchall()
    return pa.array([token for (token,) in seen], pa.string())


def models_of(con: Connection, task: str) -> list[str]:
    """Models of which there are results of a task."""
    return [name for (name,) in con.execute(f"SELECT DISTINCT model_id FROM {task} ORDER BY 1").fetchall()]


def _is_vector(column: str, n: int | str) -> str:
    finite = f"list_bool_and(list_transform({column}, lambda x: coalesce(isfinite(x), false)))"
    return f"coalesce(len({column}) = {n} AND {finite}, false)"


_BOXES = "SELECT file, sample_token AS what, unnest(boxes) AS b FROM detection"
_FAULTS = [
    *(
        (
            "no-such-sample",
            "sample {} of the results is not in sample.json",
            f"SELECT file, sample_token AS what FROM {task} WHERE sample_token IS NULL "
            "OR sample_token NOT IN (SELECT token FROM sample)",
        )
        for task in TASKS
    ),
    (
        "twice",
        "sample {} is in two result files of one model",
        "SELECT max(file) AS file, sample_token AS what FROM detection GROUP BY model_id, sample_token "
        "HAVING count(*) > 1",
    ),
    (
        "bad-box",
        "a box of sample {} lacks its name, or a score in [0, 1], or holds what is no finite number",
        f"SELECT file, what FROM ({_BOXES}) WHERE b.detection_name IS NULL "
        f"OR NOT coalesce(b.detection_score BETWEEN 0 AND 1, false) OR NOT {_is_vector('b.translation', 3)} "
        f"OR NOT {_is_vector('b.rotation', 4)} OR NOT {_is_vector('b.size', 3)}",
    ),
    (
        "no-such-instance",
        "instance {} of the results is not in instance.json",
        "SELECT file, agent_id AS what FROM trajectory WHERE agent_id IS NULL OR agent_id NOT IN "
        "(SELECT token FROM instance)",
    ),
    (
        "twice",
        "instance {} is predicted twice at a sample by one model",
        "SELECT max(file) AS file, agent_id AS what FROM trajectory GROUP BY model_id, sample_token, agent_id "
        "HAVING count(*) > 1",
    ),
    (
        "bad-modes",
        "instance {} has not as many modes as probabilities, or modes of several lengths, or no finite numbers",
        f"""SELECT file, agent_id AS what FROM trajectory WHERE NOT coalesce(len(modes) = len(probs) AND len(modes) > 0
        AND len(list_distinct(list_transform(modes, lambda m: coalesce(len(m), -1)))) = 1
        AND {_is_vector("probs", "len(probs)")}
        AND list_bool_and(list_transform(flatten(modes), lambda p: coalesce(len(p) = 2 AND isfinite(p[1])
        AND isfinite(p[2]), false))), false)""",
    ),
]


def futures_of(forecasts: pa.Table, tracks: pa.Table, n_steps: int) -> pa.Table:
    """What happened: `futures` rows of the forecasts whose agent is annotated in each of the next `n_steps` samples.

    Args:
        forecasts: columns frame_id, scene_id, agent_id.
        tracks: annotations of the scene: `frame` (int64), `frame_id`, `object_id`, global `x`, `y`.
        n_steps: samples ahead.
    """
    number = dict(zip(tracks["frame_id"].to_pylist(), tracks["frame"].to_pylist(), strict=True))
    place = {
        (agent, frame): (x, y)
        for agent, frame, x, y in zip(*(tracks[c].to_pylist() for c in ("object_id", "frame", "x", "y")), strict=True)
    }
    rows = []
    for row in forecasts.select(["frame_id", "scene_id", "agent_id"]).to_pylist():
        first = number.get(row["frame_id"], -1) + 1
        path = [place.get((row["agent_id"], first + k)) for k in range(n_steps)]
        if first and None not in path:
            rows.append({**row, "xy": np.asarray(path, np.float32).tolist()})
    kinds = [(name, pa.string()) for name in ("frame_id", "scene_id", "agent_id")]
    return pa.Table.from_pylist(rows, pa.schema([*kinds, ("xy", pa.list_(pa.list_(pa.float32(), 2)))]))
