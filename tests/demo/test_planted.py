"""The planted effects, measured: data mends roundabouts, and does not mend heavy rain at night."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from oddloop.demo import Fleet
from oddloop.demo.design import load_design
from oddloop.demo.forecast_metrics import displacement_errors, scene_means
from oddloop.demo.forecaster import fit_ensemble, forecast, into_frame
from oddloop.demo.futures import true_futures
from oddloop.demo.truth import DATA_SEGMENT, FLOOR_SEGMENT, segment_mask


class Study:
    """Final displacement error on held-out scenes after training on any set of scenes."""

    def __init__(self, fleet: Fleet) -> None:
        self.design = load_design(fleet)
        self.rows, future_m = true_futures(fleet.folder, self.design, self.design.scene_ids)
        self.future_m = into_frame(future_m, self.design.pose[self.rows]).astype(np.float32)
        self.scenes = pq.read_table(fleet.folder / "lake" / "scenes")
        first = pq.read_table(fleet.folder / "lake" / "labels")["scene_id"].to_pylist()
        self.is_eval = np.array(self.scenes["split"].to_pylist()) == "eval"
        self.first = np.isin(self.design.scene_ids, first) & ~self.is_eval
        self.roundabout = segment_mask(self.scenes, DATA_SEGMENT)
        self.rainy_night = segment_mask(self.scenes, FLOOR_SEGMENT)

    def errors_m(self, trained: np.ndarray) -> dict[str, float]:
        own = trained[self.design.scene[self.rows]]
        inputs = self.design.inputs[self.rows]
        ensemble = fit_ensemble(inputs[own], self.future_m[own], seed=0, n_members=3)
        values = displacement_errors(forecast(ensemble, inputs).xy_m.mean(axis=0), self.future_m)["min_fde_m"]
        means, _ = scene_means(values, self.design.scene[self.rows], len(self.is_eval))
        masks = {"roundabout": self.roundabout, "rainy_night": self.rainy_night}
        masks["rest"] = ~self.roundabout & ~self.rainy_night
        return {name: float(np.nanmean(means[mask & self.is_eval])) for name, mask in masks.items()}


@pytest.fixture(scope="module")
def study(medium: Fleet) -> Study:
    return Study(medium)


def test_data_mends_roundabouts_but_not_rainy_nights(study: Study) -> None:
    pool = ~study.is_eval
    first = study.errors_m(study.first)
    more_roundabouts = study.errors_m(study.first | (study.roundabout & pool))
    everything = study.errors_m(pool)
    # roundabouts: a third off by roundabout scenes alone
    assert more_roundabouts["roundabout"] < 0.7 * first["roundabout"]
    assert everything["roundabout"] < 0.7 * first["roundabout"]
    # rainy nights: nearly flat, and far above the rest however much is labelled
    assert everything["rainy_night"] > 0.8 * first["rainy_night"]
    assert everything["rainy_night"] > 1.5 * everything["rest"]
