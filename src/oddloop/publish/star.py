"""Make the tables of the star schema as Parquet files, one each, in a folder of their own.

DuckDB reads the workspace's files and writes these; nothing passes through Python but the small dimensions. Rows are
in the order of their keys, so that the same workspace gives the same tables.
"""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.derived_tables import CANDIDATES, CLUSTER_MEMBERS, GAPS, SCENE_SCORES, VERDICTS, VOLUME_GAPS
from oddloop.derived_tables.star import (
    DIM_CLUSTER,
    DIM_MODEL,
    DIM_ROUND,
    DIM_SCENE,
    DIM_SEGMENT,
    FACT_ROUND_LIFT,
    FACT_SCENE_SCORE,
    FACT_SEGMENT_GAP,
    ODD_PREFIX,
)
from oddloop.errors import PublishError
from oddloop.lake.sql import named, quoted
from oddloop.lake.workspace import TableFiles, Workspace
from oddloop.publish.moment import LAKE_TABLES, Moment
from oddloop.publish.scenes import scenes_sql, scores_sql
from oddloop.publish.segments import lifts_sql, segment_gaps_sql, segments_sql
from oddloop.publish.sql import casts, columns_of, open_engine, show
from oddloop.rounds.discovery.lasting import FOLDER, clustered_as
from oddloop.rounds.ledger import Ledger
from oddloop.rounds.state import DISCOVERY
from oddloop.tables import LABELS, TableSpec

_OF_COVERAGE = ("segments", "segment_metrics", "volume_gaps")
_ROW_GROUP = 65_536


def write_star(moment: Moment, ledger: Ledger, out: Path) -> dict[str, int]:
    """Write `<table>.parquet` of every fact and dimension to a new folder; returns their rows."""
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=out) as spill, open_engine(spill) as engine:
        _show_inputs(engine, moment, ledger)
        rows = {spec.name: _write(engine, spec, sql, out) for spec, sql in _queries(engine, moment)}
    for spec in (DIM_ROUND, DIM_MODEL, DIM_CLUSTER):
        table = getattr(moment, spec.name)
        pq.write_table(table, out / f"{spec.name}.parquet", compression="zstd")
        rows[spec.name] = table.num_rows
    return rows


def _queries(engine: duckdb.DuckDBPyConnection, moment: Moment) -> Iterator[tuple[TableSpec, str]]:
    web_url = moment.workspace.config.publish.web_url
    model_id = next((str(m["model_id"]) for m in moment.dim_model.to_pylist() if m["is_newest"]), "")
    gaps = (
        segment_gaps_sql(name, f"c{i}", model_id, is_newest=name == moment.newest)
        for i, name in enumerate(moment.coverages)
    )
    yield FACT_SEGMENT_GAP, " UNION ALL BY NAME ".join(f"({sql})" for sql in gaps)
    yield DIM_SEGMENT, segments_sql([f"c{i}" for i in range(len(moment.coverages))], web_url)
    lifts = [lifts_sql(name, f"lifts_{i}") for i, name in enumerate(_lifts(moment))]
    yield FACT_ROUND_LIFT, " UNION ALL BY NAME ".join(lifts or [lifts_sql("", "no_lifts")])
    types = {str(row[0]): str(row[1]) for row in engine.execute("DESCRIBE SELECT * FROM scene_values").fetchall()}
    values = {name: kind.endswith("[]") for name, kind in types.items() if name not in ("scene_id", "labelled")}
    yield DIM_SCENE, scenes_sql(columns_of(engine, "scenes"), values, web_url)
    scored = columns_of(engine, "scene_scores")
    _refuse_unknown(moment.workspace, scored)
    yield FACT_SCENE_SCORE, scores_sql(model_id, scored, moment.score_names)


def _refuse_unknown(workspace: Workspace, scored: list[str]) -> None:
    there = [name for name in scored if f"{name}_valid" in scored]
    if unknown := [name for name in workspace.config.publish.scores if name not in there]:
        near = ", ".join(difflib.get_close_matches(unknown[0], there, n=3) or there[:10])
        said = f"such as {near}" if near else "since nothing was scored yet"
        raise PublishError(f"[publish] scores: no scene score {', '.join(map(repr, unknown))}; {said}")


def _write(engine: duckdb.DuckDBPyConnection, spec: TableSpec, sql: str, out: Path) -> int:
    more = f", COLUMNS('^{ODD_PREFIX}')" if f' AS "{ODD_PREFIX}' in sql else ""
    order = ", ".join(map(named, spec.key))
    target = quoted(str(out / f"{spec.name}.parquet"))
    engine.execute(
        f"COPY (SELECT {casts(spec)}{more} FROM ({sql}) ORDER BY {order}) TO {target} "
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})"
    )
    return int(pq.ParquetFile(out / f"{spec.name}.parquet").metadata.num_rows)


def _show_inputs(engine: duckdb.DuckDBPyConnection, moment: Moment, ledger: Ledger) -> None:
    workspace = moment.workspace
    for name in LAKE_TABLES:
        table = workspace.table(name)
        show(engine, name, table) if table else engine.register(name, LABELS.empty())
    for i, digest in enumerate(moment.coverages.values()):
        for name in _OF_COVERAGE:
            _show_stage(engine, moment, f"c{i}_{name}", ("coverage", digest, f"{name}.parquet"), VOLUME_GAPS)
    newest = moment.coverages[moment.newest]
    _show_stage(engine, moment, "scene_values", ("coverage", newest, "scene_values.parquet"), LABELS)
    for name, spec in (("gaps", GAPS), ("verdicts", VERDICTS)):
        _show_stage(engine, moment, name, ("diagnosis", moment.diagnosis, f"{name}.parquet"), spec)
    _show_stage(engine, moment, "candidates", ("select", "", "candidates.parquet"), CANDIDATES)
    _show_stage(engine, moment, "scene_scores", ("score", "", "scene_scores.parquet"), SCENE_SCORES)
    for i, round_id in enumerate(_lifts(moment)):
        _show_stage(engine, moment, f"lifts_{i}", ("evidence", moment.lifts[round_id], "lifts.parquet"), SCENE_SCORES)
    engine.register("no_lifts", FACT_ROUND_LIFT.empty().rename_columns({"lift_low": "ci_low", "lift_high": "ci_high"}))
    _show_clusters(engine, moment, ledger)
    _register_small(engine, moment)


def _lifts(moment: Moment) -> list[str]:
    """Rounds whose lifts are still there, and the segments that they are of."""
    kept = (name for name in moment.lifts if name in moment.coverages)
    return [name for name in kept if moment.folder("evidence", moment.lifts[name]) is not None]


def _show_stage(
    engine: duckdb.DuckDBPyConnection, moment: Moment, view: str, place: tuple[str, str, str], spec: TableSpec
) -> None:
    """A file of a stage's folder as a view; the empty table where it is not there."""
    stage, digest, file = place
    folder = moment.folder(stage, digest)
    if folder is not None and folder.exists(file):
        show(engine, view, TableFiles(file, folder, (file,)))
    else:
        engine.register(view, spec.empty())


def _show_clusters(engine: duckdb.DuckDBPyConnection, moment: Moment, ledger: Ledger) -> None:
    """`clustered`: the innermost cluster of each scene that is in one, by the id that lasts."""
    folder = moment.folder("discover")
    event = clustered_as(ledger.events(DISCOVERY), moment.stages["discover"]) if folder else None
    if folder is None or event is None or not moment.dim_cluster.num_rows:
        engine.register("clustered", CLUSTER_MEMBERS.empty())
        return
    lasting = moment.workspace.storage.sub(f"{FOLDER}/{event.payload['digest']}")
    show(engine, "own_clusters", TableFiles("scene_map", folder, ("scene_map.parquet",)))
    engine.register("lasting_ids", lasting.read_table("ids.parquet"))
    engine.execute(
        "CREATE VIEW clustered AS SELECT m.scene_id, i.cluster_id FROM own_clusters m "
        "JOIN lasting_ids i ON m.cluster_id = i.own"
    )


def _register_small(engine: duckdb.DuckDBPyConnection, moment: Moment) -> None:
    metrics = moment.workspace.config.metrics
    texts, numbers = pa.string(), pa.float64()
    targets = {
        "metric": pa.array(list(metrics), texts),
        "better": pa.array([m.better for m in metrics.values()], texts),
        "target": pa.array([m.target for m in metrics.values()], numbers),
    }
    engine.register("targets", pa.table(targets))
    last = {scene: (round_id, rank) for scene, round_id, rank in moment.picks}
    picked = {
        "scene_id": pa.array(list(last), texts),
        "round_id": pa.array([round_id for round_id, _ in last.values()], texts),
        "rank": pa.array([rank for _, rank in last.values()], pa.int64()),
    }
    engine.register("picked", pa.table(picked))
