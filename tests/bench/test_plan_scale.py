"""The plan on paper: its sums are right by hand, and the page says what they give."""

import doctest
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))  # benchmarks are scripts, not a package

import plan_scale
from plan_scale import Cluster, Fleet, Rates, Step
from run import read_parts


def test_examples() -> None:
    assert doctest.testmod(plan_scale).failed == 0


def test_the_page_says_what_the_sums_give() -> None:
    page = plan_scale.PAGE.read_text()
    made = plan_scale.tables(plan_scale.read_rates(read_parts()["scale"]), Fleet(), Cluster())
    assert plan_scale.with_tables(page, made) == page, "run `python bench/plan_scale.py --write`"


def test_hours_are_those_of_computing_or_of_moving_data() -> None:
    cluster = Cluster(nodes=10, cores=4, network_gb_s=0.5, efficiency=0.5, core_hour_usd=0.1)
    # 100 core hours on 10 x 4 cores, half of them at work: 5 h; 40 cores at 0.1 USD for 5 h: 20 USD.
    step = Step("busy", 100.0, 0.0, 0.0)
    assert (step.hours(cluster), step.usd(cluster)) == (5.0, 20.0)
    # 8 GB a task on nodes of 12 GB: one of the four cores is at work, 10 h.
    assert Step("large", 100.0, 0.0, 0.0, task_gb=8.0).hours(replace(cluster, memory_gb=12)) == 10.0
    # 36,000 GB over 10 nodes at 0.5 GB/s: 7,200 s.
    assert Step("moving", 1.0, 20_000.0, 16_000.0).hours(cluster) == 2.0


def test_frames_and_shards_are_scaled_by_what_was_measured() -> None:
    cpu_s = {"score": 200.0, "coverage": 1.0, "basis": 1.0, "discover": 72.0, "cards": 1.0, "select": 36.0}
    row_bytes = dict.fromkeys(("predictions", "frame scores", "features", "scene scores", "scene vectors"), 1000.0)
    rates = Rates(2000, cpu_s, {}, {}, row_bytes)  # 100 scenes
    score, *_, discover, _, select = plan_scale.steps_of(rates, Fleet(scenes=10_000, frames=180_000, picks=10))
    assert score.core_hours == pytest.approx(5.0)  # 0.1 s a frame, 18,000 s
    assert (score.read_gb, score.written_gb) == pytest.approx((0.18, 0.19))
    assert discover.core_hours == pytest.approx(2.0)  # 100 shards of 72 s
    # 10,000 scenes leave 100 parts x 10 picks = 1,000; these leave 100, which one part holds: 1.11 times the work.
    assert select.core_hours == pytest.approx(1.11)
