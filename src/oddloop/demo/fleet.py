"""The simulated fleet: plan, simulate and observe every log, and keep the result as one folder.

    fleet.json           format, seed, settings, which map each log is on; written last: it means "complete"
    truth.json           what was planted (see `truth.py`)
    lake/scenes|frames|labels/part-0.parquet    the tables that oddloop reads
    tracks/observed.parquet, truth.parquet      the demo's own: what the sensor reported, and the revealed futures
    maps/<map>.npy       drivable area per network

Time grows with the number of logs (about 0.2 s each on one core), memory with the rows of all tracks.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.demo.folder import remove_leftovers, written_aside
from oddloop.demo.labels import first_labels
from oddloop.demo.logs import LogTables, make_log
from oddloop.demo.networks import Network, build_network
from oddloop.demo.plan import LogPlan, plan_logs
from oddloop.demo.roadmap import draw_map
from oddloop.demo.settings import FORMAT, FleetSettings
from oddloop.demo.sumo import find_program
from oddloop.demo.truth import planted_truth
from oddloop.demo.worlds import build_world
from oddloop.errors import OddloopError

Progress = Callable[[str, int, int], None]
_MARKER = "fleet.json"
_OWN = {"fleet.json", "truth.json", "lake", "tracks", "maps", "cache"}


@dataclass(frozen=True)
class Fleet:
    """A complete fleet folder.

    Attributes:
        folder: where it is.
        seed: seed that it was simulated with.
        settings: size and sampling.
        n_logs: logs in it.
        n_scenes: scenes in it.
        n_frames: frames in it.
        n_labelled: scenes labelled before oddloop, the held-out ones included.
        map_of_log: name of the map that each log is on.
        origin_of_map: position of each map's first cell, in metres.
    """

    folder: Path
    seed: int
    settings: FleetSettings
    n_logs: int
    n_scenes: int
    n_frames: int
    n_labelled: int
    map_of_log: dict[str, str]
    origin_of_map: dict[str, tuple[float, float]]


def simulate_fleet(folder: Path, *, seed: int = 0, settings: FleetSettings | None = None, n_workers: int = 2,
                   progress: Progress | None = None) -> Fleet:  # fmt: skip
    """Simulate a fleet into `folder`, or return at once when the same fleet is already there.

    Args:
        folder: created where needed; an incomplete or different fleet in it is replaced.
        seed: the same seed and settings give the same tables, byte for byte.
        settings: size and sampling; None means the full demo of about 1,800 scenes.
        n_workers: simulations that run at the same time; does not change the result.
        progress: called as (what, done, total) after each log.

    Raises:
        MissingExtraError: SUMO is not installed.
        OddloopError: SUMO failed, or `folder` holds something else than a fleet.
    """
    folder, settings = Path(folder), settings or FleetSettings()
    if is_complete(folder, seed, settings):
        return load_fleet(folder)
    _refuse_foreign(folder)
    find_program("sumo")
    remove_leftovers(folder)
    with written_aside(folder) as aside, tempfile.TemporaryDirectory() as scratch:
        _write_fleet(aside, Path(scratch), seed, settings, n_workers, progress or _silent)
    return load_fleet(folder)


def _silent(_what: str, _done: int, _total: int) -> None:
    """Report nothing."""


def is_complete(folder: Path, seed: int, settings: FleetSettings) -> bool:
    """Whether `folder` holds a complete fleet of this format, seed and settings."""
    try:
        manifest = json.loads((folder / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    wanted = {"format": FORMAT, "seed": seed, "settings": asdict(settings)}
    return isinstance(manifest, dict) and all(manifest.get(key) == value for key, value in wanted.items())


def load_fleet(folder: Path) -> Fleet:
    """Open a complete fleet folder.

    Raises:
        OddloopError: there is none, or it has another format.
    """
    path = Path(folder) / _MARKER
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OddloopError(f"{folder} holds no complete fleet ({_MARKER} is missing or unreadable); "
                           "simulate it again with: oddloop demo") from error  # fmt: skip
    if manifest.get("format") != FORMAT:
        raise OddloopError(f"{path} has format {manifest.get('format')}, this oddloop reads format {FORMAT}; "
                           "delete the folder and simulate it again with: oddloop demo")  # fmt: skip
    return Fleet(
        folder=Path(folder),
        seed=manifest["seed"],
        settings=FleetSettings(**manifest["settings"]),
        **manifest["counts"],
        map_of_log=manifest["map_of_log"],
        origin_of_map={name: (at[0], at[1]) for name, at in manifest["origin_of_map"].items()},
    )


def _refuse_foreign(folder: Path) -> None:
    """Never replace a folder that is not ours: a fleet, whole or broken, has tracks or a truth file and no more."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if names and (names - _OWN or not names & {"fleet.json", "truth.json", "tracks"}):
        raise OddloopError(
            f"{folder} is not empty and holds no simulated fleet; choose another folder, or empty this one"
        )


def _write_fleet(aside: Path, scratch: Path, seed: int, settings: FleetSettings, n_workers: int,
                 progress: Progress) -> None:  # fmt: skip
    for_plan, for_labels, for_logs = np.random.SeedSequence(seed).spawn(3)
    plans = plan_logs(settings, np.random.default_rng(for_plan))
    networks = _build_networks(plans, scratch)
    logs = _make_logs(plans, networks, settings, scratch, for_logs, n_workers, progress)
    scenes = pa.concat_tables([log.scenes for log in logs])
    labels = first_labels(scenes, plans, settings, np.random.default_rng(for_labels))
    frames = pa.concat_tables([log.frames for log in logs])
    _write_lake(aside, {"scenes": scenes, "frames": frames, "labels": labels})
    (aside / "tracks").mkdir()
    _write(aside / "tracks" / "observed.parquet", pa.concat_tables([log.observed for log in logs]))
    _write(aside / "tracks" / "truth.parquet", pa.concat_tables([log.truth for log in logs]))
    origins = _write_maps(aside / "maps", networks)
    behaviour = [scene_id for log in logs for scene_id in log.behaviour]
    truth = planted_truth(scenes, set(labels["scene_id"].to_pylist()), behaviour)
    _write_json(aside / "truth.json", truth)
    counts = {"n_logs": len(plans), "n_scenes": len(scenes), "n_frames": len(frames), "n_labelled": len(labels)}
    maps = {plan.log_id: _map_name(plan) for plan in plans}
    identity = {"format": FORMAT, "seed": seed, "settings": asdict(settings), "counts": counts}
    _write_json(aside / _MARKER, identity | {"map_of_log": maps, "origin_of_map": origins})


def _map_name(plan: LogPlan) -> str:
    return f"{plan.world}{plan.variant}"


def _build_networks(plans: tuple[LogPlan, ...], scratch: Path) -> dict[str, Network]:
    wanted = {_map_name(plan): (plan.world, plan.variant) for plan in plans}
    return {name: build_network(build_world(*which), scratch, name) for name, which in sorted(wanted.items())}


def _make_logs(plans: tuple[LogPlan, ...], networks: dict[str, Network], settings: FleetSettings, scratch: Path,
               seeds: np.random.SeedSequence, n_workers: int, progress: Progress) -> list[LogTables]:  # fmt: skip
    """Make every log; threads, because most of the time is spent waiting for SUMO's own process."""
    with ThreadPoolExecutor(max_workers=max(n_workers, 1)) as pool:
        tasks = [
            pool.submit(make_log, plan, networks[_map_name(plan)], settings, scratch, own)
            for plan, own in zip(plans, seeds.spawn(len(plans)), strict=True)
        ]
        try:
            for done, task in enumerate(as_completed(tasks), start=1):
                task.result()
                progress("simulate", done, len(tasks))
        finally:
            pool.shutdown(cancel_futures=True)
    return [task.result() for task in tasks]


def _write_lake(aside: Path, tables: dict[str, pa.Table]) -> None:
    for name, table in tables.items():
        (aside / "lake" / name).mkdir(parents=True)
        _write(aside / "lake" / name / "part-0.parquet", table)


def _write(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="zstd", row_group_size=131_072)


def _write_maps(folder: Path, networks: dict[str, Network]) -> dict[str, tuple[float, float]]:
    folder.mkdir()
    origins = {}
    for name, network in networks.items():
        road_map = draw_map(network.lanes)
        np.save(folder / f"{name}.npy", road_map.road)
        origins[name] = road_map.origin_m
    return origins


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
