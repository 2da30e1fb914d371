"""Sources against the data sets' own readers, and the sun against an astronomer's package."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from exchange.sources import argoverse2_folder as av2_files
from oddloop.exchange.attributes import sun_elevation_deg
from oddloop.exchange.sources import ingest_source, make_source
from oddloop.lake.workspace import Workspace
from oracles.peers import load

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore")]
WHY = "{name} is not installed; `make test-all` installs it into .venv-sources ({{error}})"


def ingest(source: str, folder: Path, scene_s: float = 20.0) -> Workspace:
    workspace = Workspace.create(folder.parent / "ws", "")
    ingest_source(make_source(source, folder, scene_s), folder, workspace)
    return workspace


def read(workspace: Workspace, table: str) -> pa.Table:
    return workspace.storage.read_table(f"lake/{table}/part-00000.parquet")


def test_the_sun_stands_where_astral_puts_it() -> None:
    astral = load("astral", WHY.format(name="astral"))
    sun = load("astral.sun", WHY.format(name="astral"))
    rng = np.random.default_rng(0)
    n = 2000
    time_s = rng.integers(0, 2_500_000_000, n)  # 1970 to 2049
    latitude, longitude = rng.uniform(-89, 89, n), rng.uniform(-180, 180, n)
    ours = sun_elevation_deg(time_s * 10**9, latitude, longitude)
    theirs = [
        sun.elevation(astral.Observer(a, b), dt.datetime.fromtimestamp(int(t), dt.UTC), with_refraction=False)
        for t, a, b in zip(time_s, latitude, longitude, strict=True)
    ]
    assert np.abs(ours - theirs).max() < 0.02


@pytest.mark.skipif(not av2_files.REAL.exists(), reason=av2_files.WHY_SKIPPED)
def test_sensor_logs_are_what_av2_reads(tmp_path: Path) -> None:
    load("av2", WHY.format(name="av2"))
    cuboids = load("av2.structures.cuboid", WHY.format(name="av2"))
    io = load("av2.utils.io", WHY.format(name="av2"))
    folder = av2_files.lay_out_real_logs(tmp_path / "av2")
    workspace = ingest("argoverse2", folder)
    objects, scenes = read(workspace, "objects"), read(workspace, "scenes").to_pylist()
    for scene in scenes:
        log = next(folder.glob(f"*/{scene['log_id']}"))
        theirs = cuboids.CuboidList.from_feather(log / "annotations.feather")
        ours = objects.filter(pa.compute.equal(objects["scene_id"], scene["scene_id"]))
        assert ours.num_rows == len(theirs)
        assert scene["n_frames"] == len({c.timestamp_ns for c in theirs.cuboids})
        assert ours["category"].to_pylist() == [c.category for c in theirs.cuboids]
        centres = np.array([c.xyz_center_m for c in theirs.cuboids])
        assert np.allclose(np.stack([ours[k].to_numpy() for k in ("x_m", "y_m", "z_m")], 1), centres, atol=1e-4)
        headings = np.array([np.arctan2(*c.dst_SE3_object.rotation[1::-1, 0]) for c in theirs.cuboids])
        assert np.allclose(np.cos(ours["heading_rad"].to_numpy() - headings), 1.0, atol=1e-6)
        poses = io.read_city_SE3_ego(log)
        places = np.array([poses[t].translation[:2] for t in sorted(poses)])
        way = np.hypot(*np.diff(places[::17], axis=0).T).sum()  # every 0.1 s or so
        assert scene["distance_m"] == pytest.approx(way, rel=0.05)
