"""Risk of real traffic: the NGSIM recordings, where collisions did not happen and speeds are known to be consistent.

Run with `-s` to see the summary. The tracks are not part of the project: `ODDLOOP_TEST_DATA` names the folder.
"""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oddloop.config import ScoreConfig
from oddloop.score import summarize_scenes
from oddloop.score.risk import (
    Paths,
    acceleration,
    box_distance,
    disc_distance,
    find_leads,
    hard_braking_time,
    jerk,
    make_tracks,
    near_pairs,
    nearest_distance,
    post_encroachment_time,
    required_acceleration,
    score_tracks,
    time_exposed,
    time_headway,
    time_to_collision,
)

ROOT = Path(__file__).parents[2]
TRACKS = Path(os.environ.get("ODDLOOP_TEST_DATA", ROOT.parent / "shared/data")) / "commonroad_ngsim/tracks.parquet"
DT_S = 0.1

pytestmark = pytest.mark.skipif(not TRACKS.exists(), reason="no real tracks: set ODDLOOP_TEST_DATA")


@pytest.fixture(scope="module")
def recorded():
    """The table's columns, rows sorted by scene, step and vehicle, and the bounds of its frames."""
    table = pq.read_table(TRACKS).sort_by(
        [("scene_id", "ascending"), ("step", "ascending"), ("object_id", "ascending")]
    )
    scene = table["scene_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    columns = {name: table[name].to_numpy() for name in table.column_names if name not in ("scene_id", "type")}
    return columns | {"scene": scene, "offsets": bounds(scene, columns["step"])}


@pytest.fixture(scope="module")
def by_track(recorded):
    """The same columns sorted by scene, vehicle and step, and the bounds of the tracks."""
    order = np.lexsort([recorded["step"], recorded["object_id"], recorded["scene"]])
    columns = {name: values[order] for name, values in recorded.items() if name != "offsets"}
    return columns | {"offsets": bounds(columns["scene"], columns["object_id"])}


def bounds(*keys):
    changes = np.any([np.diff(key) != 0 for key in keys], axis=0)
    return np.concatenate([[0], np.flatnonzero(changes) + 1, [len(keys[0])]])


def tracks_of(columns):
    names = ("x", "y", "heading", "speed", "length", "width")
    return make_tracks(*(columns[name] for name in names), columns["offsets"])


def describe(name, values):
    known = values[np.isfinite(values)]
    low, middle, high = np.percentile(known, [1, 50, 99])
    share = len(known) / len(values)
    print(
        f"{name:>28}: valid {share:6.1%}  p1 {low:8.2f}  median {middle:8.2f}  p99 {high:8.2f}  max {known.max():8.2f}"
    )
    return low, middle, high


def test_following(recorded):
    tracks = tracks_of(recorded)
    leads = find_leads(tracks)
    thw = time_headway(leads.gap_m, tracks.speed)
    ttc = time_to_collision(leads.gap_m, leads.closing_mps)
    print(f"\n{len(tracks.speed):,} states in {len(tracks.offsets) - 1:,} frames; a lead for {leads.found.mean():.1%}")
    describe("gap m", leads.gap_m)
    thw_middle = describe("time headway s", thw)[1]
    ttc_low = describe("time to collision s", ttc)[0]
    describe("required acceleration m/s²", required_acceleration(leads.gap_m, leads.closing_mps))
    # Drivers keep one to three seconds; nobody is about to crash.
    assert 1.0 < thw_middle < 3.0
    assert ttc_low > 1.0
    # Rectangles of 0.2 % of the followers overlap their lead's: sizes and headings are measured, not exact.
    assert (leads.gap_m[leads.found] > 0).mean() > 0.99
    closing = ttc[np.isfinite(ttc)]
    assert closing.min() >= 0


def test_leads_agree_with_a_loop_over_a_sample(recorded):
    tracks = tracks_of(recorded)
    leads = find_leads(tracks)
    x, y, heading, length, width = tracks.boxes
    for row in np.random.default_rng(0).choice(len(x), 300, replace=False).tolist():
        frame = int(np.searchsorted(tracks.offsets, row, side="right")) - 1
        gaps = [np.inf]
        for j in range(tracks.offsets[frame], tracks.offsets[frame + 1]):
            dx, dy = x[j] - x[row], y[j] - y[row]
            ahead = dx * np.cos(heading[row]) + dy * np.sin(heading[row])
            offset = dy * np.cos(heading[row]) - dx * np.sin(heading[row])
            alike = np.cos(heading[j] - heading[row]) >= np.cos(np.pi / 4)
            if ahead > 0 and abs(offset) < (width[j] + width[row]) / 2 and alike and np.hypot(dx, dy) <= 100:
                gaps.append(ahead - (length[j] + length[row]) / 2)
        assert leads.gap_m[row] == pytest.approx(min(gaps) if len(gaps) > 1 else np.nan, nan_ok=True)


def test_nobody_is_inside_another(recorded):
    tracks = tracks_of(recorded)
    assert len(near_pairs(recorded["x"], recorded["y"], recorded["offsets"], 2.0)[0]) == 0
    nearest, discs = nearest_distance(tracks), nearest_distance(tracks, shape="discs")
    print()
    describe("distance of boxes m", nearest)
    describe("distance of discs m", discs)
    both = np.isfinite(nearest)
    assert (discs[both] <= nearest[both]).all()
    assert (nearest[both] == 0).mean() < 0.01
    a, b = (rows[:2000] for rows in near_pairs(recorded["x"], recorded["y"], recorded["offsets"], 15.0))
    pair = tracks.boxes.take(a), tracks.boxes.take(b)
    assert (disc_distance(*pair) <= box_distance(*pair) + 1e-9).all()


def test_speeds_are_consistent(by_track):
    time = by_track["step"] * DT_S
    offsets = by_track["offsets"]
    along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(by_track["x"]), np.diff(by_track["y"])))])
    moved = acceleration(along, time, offsets, max_step_s=0.15)
    accelerations = acceleration(by_track["speed"], time, offsets, max_step_s=0.15)
    jerks = jerk(by_track["speed"], time, offsets, max_step_s=0.15)
    braking = hard_braking_time(by_track["speed"], time, offsets, max_step_s=0.15)
    print(f"\n{len(offsets) - 1:,} tracks; {np.mean(braking > 0):.1%} brake hard")
    describe("speed from positions - speed", moved - by_track["speed"])
    describe("acceleration m/s²", accelerations)
    describe("jerk m/s³", jerks)
    describe("hard braking s", braking)
    # The arc length's rate is the speed: the recording's own note measures 0.02 m/s.
    assert np.nanmedian(np.abs(moved - by_track["speed"])) < 0.1
    assert np.nanpercentile(np.abs(accelerations), 99) < 10
    assert np.nanmedian(jerks) == pytest.approx(0.0, abs=0.5)
    stated = np.isfinite(by_track["accel"]) & np.isfinite(accelerations)
    assert np.corrcoef(by_track["accel"][stated], accelerations[stated])[0, 1] > 0.5


def test_exposure_per_scene(recorded):
    tracks = tracks_of(recorded)
    leads = find_leads(tracks)
    ttc = time_to_collision(leads.gap_m, leads.closing_mps)
    scenes = bounds(recorded["scene"])
    tet = time_exposed(ttc, DT_S, scenes, threshold_s=4.0)
    print(f"\n{len(tet)} scenes; {np.mean(tet > 0):.0%} with a TTC of at most 4 s")
    describe("TET over all vehicles s", tet)
    assert len(tet) == 137
    assert (tet <= DT_S * np.diff(scenes)).all()


def test_frame_scores_of_all_scenes(recorded):
    frame = np.repeat(np.arange(len(recorded["offsets"]) - 1), np.diff(recorded["offsets"]))
    names = {"x_m": "x", "y_m": "y", "heading_rad": "heading", "speed_mps": "speed", "length_m": "length"}
    columns = {new: recorded[old] for new, old in names.items()} | {"width_m": recorded["width"]}
    ids = {"frame_id": pa.array(frame).cast(pa.string()), "scene_id": pa.array(recorded["scene"]).cast(pa.string())}
    scores = summarize_scenes(score_tracks(pa.table(ids | columns), ScoreConfig(reductions=("max",))))
    print()
    for name in ("ttc_shortfall", "thw_shortfall", "required_deceleration", "proximity"):
        describe(f"risk_{name}_max_p95", scores[f"risk_{name}_max_p95"].to_numpy(zero_copy_only=False))
    assert scores.num_rows == 137
    assert scores["risk_proximity_max_max_valid"].to_pylist().count(True) > 100


def test_crossing_at_a_junction(by_track):
    # All pairs of tracks of two seconds or more in the first forty scenes, at a junction all.
    starts, stops = by_track["offsets"][:-1], by_track["offsets"][1:]
    scenes = by_track["scene"][starts]
    found = []
    for scene in range(40):
        tracks = np.flatnonzero((scenes == scene) & (stops - starts >= 20))
        i, j = np.triu_indices(len(tracks), 1)
        a, b = (padded(by_track, starts[tracks[k]], stops[tracks[k]]) for k in (i, j))
        found.append(post_encroachment_time(a, b))
    pet = np.concatenate(found)
    print()
    describe("post-encroachment time s", pet)
    assert np.isfinite(pet).any()
    assert np.nanmin(pet) > -20


def padded(columns, starts, stops):
    place = starts[:, None] + np.arange((stops - starts).max(initial=0))
    inside = place < stops[:, None]
    place = np.minimum(place, stops[:, None] - 1)
    xy = np.stack([columns["x"], columns["y"]], axis=1)[place]
    time = np.where(inside, columns["step"][place] * DT_S, np.nan)
    return Paths(np.where(inside[..., None], xy, np.nan), time, columns["length"][starts], columns["width"][starts])
