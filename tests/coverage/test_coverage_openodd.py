"""The cube's counts are those of openodd-py, which counts steps, seconds and metres per full combination."""

import collections
import itertools

import numpy as np
import pyarrow as pa
import pytest

from oddloop.config import AttributeConfig
from oddloop.coverage import build_cube, encode_attributes

openodd = pytest.importorskip("openodd", reason="openodd-py (extra `odd`) is not installed")

DOMAIN = """
TAXONOMY:
  sky: [clear, rain, fog]
  road: [urban, rural]
  light: [day, dusk, night]
  junction: [none, t, roundabout]
"""
VALUES = {
    "sky": ("clear", "rain", "fog"),
    "road": ("urban", "rural"),
    "light": ("day", "dusk", "night"),
    "junction": ("none", "t", "roundabout"),
}


def count_by_openodd(rows):
    """(steps, seconds, metres) of each segment of up to three attributes, by summing openodd's full combinations."""
    probes = {name: (lambda _context: None, "") for name in VALUES}
    domain = openodd.load_openodd(
        DOMAIN, bindings={name: {"probe": name} for name in VALUES}, backend=openodd.Backend(probes=probes)
    )
    cells = openodd.OddCells(domain)
    for row in rows:
        cells.add({name: row[name] for name in VALUES}, seconds=row["duration_s"], meters=row["distance_m"])
    counted = cells.to_dict()
    found = collections.defaultdict(lambda: np.zeros(3))
    for labels, *amounts in counted["rows"]:
        by_name = dict(zip(counted["attributes"], labels, strict=True))
        for way in range(4):
            for chosen in itertools.combinations(VALUES, way):
                found[chosen, tuple(by_name[name] for name in chosen)] += amounts
    return found


def test_counts_agree_with_openodd():
    rng = np.random.default_rng(0)
    rows = [
        {
            **{name: str(rng.choice(values)) if rng.random() > 0.1 else None for name, values in VALUES.items()},
            "duration_s": float(rng.integers(1, 40)) / 8,  # openodd gives three decimals
            "distance_m": float(rng.integers(0, 900)) / 8,
        }
        for _ in range(3_000)
    ]
    scenes = pa.Table.from_pylist(rows)
    scenes = scenes.append_column("scene_id", [[f"s{i}" for i in range(len(rows))]])
    scenes = scenes.append_column("log_id", [["l"] * len(rows)])
    taxonomy = {name: AttributeConfig(values=values) for name, values in VALUES.items()}
    cube = build_cube(scenes, pa.array([]), encode_attributes(scenes, taxonomy), 3)
    theirs = count_by_openodd(rows)
    compared = 0
    for way in range(4):
        for chosen in itertools.combinations(VALUES, way):
            counts = [cube.dense(chosen, name)[..., 1] for name in ("n_scenes", "duration_s", "distance_m")]
            for place in np.ndindex(counts[0].shape):
                labels = ((*VALUES[name], openodd.MISSING)[code] for name, code in zip(chosen, place, strict=True))
                assert [c[place] for c in counts] == pytest.approx(theirs[chosen, tuple(labels)], abs=1e-6)
                compared += 1
    assert compared == 1 + 15 + 84 + 208
