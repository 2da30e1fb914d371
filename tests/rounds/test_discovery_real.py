"""Discovery on real scenes: NGSIM's three places and jams, KITTI's pedestrians; and cards that can be looked at."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from oddloop.discover.arrays import vector_matrix
from oddloop.engine import LocalEngine
from oddloop.lake import Workspace
from oddloop.report.cards_collect import collect_cards
from oddloop.report.cards_page import CardsPage, render_cards
from oddloop.rounds.discovery import read_discovery
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.run import run_stages
from oddloop.rounds.shell import Shell
from oddloop.rounds.state import DISCOVERY
from real_scenes import DATA, make_kitti, make_ngsim

pytestmark = pytest.mark.skipif(
    not (DATA / "commonroad_ngsim").exists() or not (DATA / "kitti_tracking").exists(),
    reason=f"no NGSIM scenes or no KITTI archive at {DATA}; set ODDLOOP_TEST_DATA",
)


class Found:
    """What discovery says of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        done = run_stages(workspace, Shell("tester", LocalEngine(2)), until="discover")
        events = open_ledger(workspace).events(DISCOVERY)
        found = read_discovery(workspace, events, done["discover"].digest, done["cards"].digest)
        self.cards = found.cards.to_pylist()
        self.page: CardsPage = collect_cards(workspace, found)
        self.vectors = done["discover"].storage.read_table("scene_vectors.parquet")
        self.scenes = pq.read_table(Path(workspace.storage.local_path()) / "lake/scenes")
        self.members: dict[str, set[str]] = {card["cluster_id"]: set() for card in self.cards}
        for row in found.lasting.members.drop_null().to_pylist():
            self.members[row["cluster_id"]].add(row["scene_id"])

    def column(self, name: str) -> dict[str, object]:
        return dict(zip(self.scenes["scene_id"].to_pylist(), self.scenes[name].to_pylist(), strict=True))


@pytest.fixture(scope="module")
def ngsim(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return Found(make_ngsim(tmp_path_factory.mktemp("ngsim") / "ws"))


@pytest.fixture(scope="module")
def kitti(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return Found(make_kitti(tmp_path_factory.mktemp("kitti") / "ws"))


def test_scenes_of_a_place_lie_together_in_ngsim(ngsim: Found) -> None:
    """The nearest scene of another recording is of the same place: nobody told the vectors which place that is."""
    matrix = vector_matrix(ngsim.vectors["vector"].combine_chunks())[0]
    ids = ngsim.vectors["scene_id"].to_pylist()
    site, log = (np.array([ngsim.column(name)[i] for i in ids]) for name in ("site", "log_id"))
    distance = np.linalg.norm(matrix[:, None] - matrix[None], axis=2)
    distance[log[:, None] == log[None]] = np.inf
    same = site[distance.argmin(axis=1)] == site
    share = {str(name): round(float(same[site == name].mean()), 2) for name in np.unique(site)}
    print(f"nearest scene of another recording is of the same place: {share}, all {same.mean():.2f}")
    assert same.mean() >= 0.9  # by chance .45
    assert min(share["USA_US101"], share["USA_Lanker"]) >= 0.9
    assert share["USA_Peach"] >= 0.4  # by chance .10


def test_motorway_and_town_are_not_mixed_and_the_jam_is_found_in_ngsim(ngsim: Found) -> None:
    site, tags = ngsim.column("site"), ngsim.column("tags")
    jammed = {scene for scene, of in tags.items() if "traffic_jam" in of}
    best = 0.0
    for name, inside in ngsim.members.items():
        counts = Counter("motorway" if site[scene] == "USA_US101" else "town" for scene in inside)
        overlap = len(inside & jammed) / len(inside | jammed)
        best = max(best, overlap)
        print(f"{name}: {dict(counts)}, overlap with traffic_jam {overlap:.2f}")
        if len(inside) >= 10:
            assert max(counts.values()) / len(inside) >= 0.8
    assert best >= 0.4


def test_pedestrians_stand_out_in_kitti_and_so_do_the_detector_s_errors(kitti: Found) -> None:
    walking = kitti.column("n_pedestrian_per_frame")
    everywhere = np.array(list(walking.values()))
    is_in = {name: np.array([scene in inside for scene in walking]) for name, inside in kitti.members.items()}
    median = {name: [float(np.median(everywhere[m])) for m in (here, ~here)] for name, here in is_in.items()}
    print(f"pedestrians per frame, here and elsewhere: {median}")
    most = max(median, key=lambda name: median[name][0])
    assert median[most][0] >= 3 * median[most][1]
    (found,) = (card for card in kitti.cards if card["cluster_id"] == most)
    assert found["error_lift_low"] > 0
    assert found["rank"] == 1


@pytest.mark.parametrize("name", ["ngsim", "kitti"])
def test_every_card_shows_its_typical_scenes(name: str, request: pytest.FixtureRequest) -> None:
    found: Found = request.getfixturevalue(name)
    assert found.cards
    assert found.page.absent == ""
    for card in found.cards:
        assert set(card["typical"]) <= found.page.drawings.keys()
        assert all(found.page.drawings[scene].count("<path") >= 2 for scene in card["typical"])
    text = render_cards(found.page)
    print(f"{name}: {len(found.cards)} cards, {len(found.page.drawings)} drawings, {len(text.encode()) / 1e6:.2f} MB")
    assert len(text.encode()) < 1_000_000
