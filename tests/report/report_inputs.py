"""A made-up fleet as inputs of a report: large and lifelike (`fleet_inputs`), or without anything (`empty_inputs`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from oddloop.coverage.diagnosis import worst_gaps
from oddloop.derived_tables import (
    CANDIDATES,
    EVIDENCE,
    GAPS,
    LISTED_CLUSTERS,
    PICKS,
    SCENE_MAP,
    SEGMENT_METRICS,
    SEGMENTS,
    VERDICTS,
)
from oddloop.report import LeadMetric, ReportInputs
from oddloop.tables import SCENES

ATTRIBUTES = {
    "weather": ("clear", "cloudy", "rain", "heavy_rain", "fog"),
    "light": ("day", "twilight", "night"),
    "road": ("motorway", "urban", "rural", "roundabout"),
    "density": ("low", "medium", "high"),
    "speed_kmh": ("0–30", "30–60", "60–100", "> 100"),
    "pedestrians": ("none", "few", "many"),
}
_ODDS = {
    "weather": (0.5, 0.25, 0.15, 0.04, 0.06),
    "light": (0.7, 0.12, 0.18),
    "road": (0.4, 0.4, 0.17, 0.03),
    "density": (0.3, 0.4, 0.3),
    "speed_kmh": (0.25, 0.35, 0.25, 0.15),
    "pedestrians": (0.55, 0.3, 0.15),
}


def empty_inputs(**changes: Any) -> ReportInputs:
    """Inputs whose tables have no rows, except for those given."""
    inputs = ReportInputs(
        workspace="empty",
        round_id="r001",
        status="proposed",
        model_id="m1",
        policy="uncertainty",
        policy_digest="00ff",
        score="detection_entropy_sum_mean",
        seed=7,
        budget=100.0,
        cost_unit="EUR",
        version="0.1.0",
        pool_digest="aa11",
        stage_digests={"score": "bb22"},
        attributes={},
        confidence=0.95,
        lead=None,
        picks=PICKS.empty(),
        candidates=CANDIDATES.empty(),
        scenes=SCENES.empty(),
        labelled_ids=pa.array([], pa.string()),
        segments=SEGMENTS.empty(),
        segment_metrics=SEGMENT_METRICS.empty(),
        scene_map=SCENE_MAP.empty(),
        clusters=LISTED_CLUSTERS.empty(),
    )
    return replace(inputs, **changes)


def segment_row(segment_id: str, status: str = "labelled", **columns: Any) -> dict[str, Any]:
    """A row of SEGMENTS whose attributes are read from the id."""
    parts = [part.split("=") for part in segment_id.split(" & ") if "=" in part]
    defaults = {"n_scenes": 1, "n_logs": 1, "n_frames": 10, "duration_s": 10.0, "distance_m": 100.0}
    names = {"attributes": [p[0] for p in parts], "values": [p[1] for p in parts]}
    return {"segment_id": segment_id, "n_way": len(parts), **names, "status": status, **defaults, **columns}


def metric_row(
    segment_id: str, value: float | None, low: float | None, high: float | None, **columns: Any
) -> dict[str, Any]:
    """A row of SEGMENT_METRICS of model `m1` and metric `min_fde_m`."""
    names = {"segment_id": segment_id, "model_id": "m1", "stack": "prediction", "metric": "min_fde_m"}
    counts = {"n_scenes": 4, "n_logs": 3, "support": 40, "value_sum": (value or 0.0) * 40}
    ends = {"value": value, "ci_low": low, "ci_high": high, "interval": "bootstrap_by_log", "valid": low is not None}
    return {**names, **counts, **ends, **columns}


def table_of(spec: Any, rows: list[dict[str, Any]]) -> pa.Table:
    """A declared table from rows."""
    return pa.Table.from_pylist(rows, schema=spec.schema())


def fleet_inputs(n_scenes: int = 1500, n_picks: int = 40, n_clusters: int = 12, seed: int = 3) -> ReportInputs:
    """A round of a fleet with weak fog, hopeless heavy rain, and a learning curve of two arms and four rounds."""
    rng = np.random.default_rng(seed)
    fleet = _Fleet(n_scenes, n_clusters, rng)
    picks = fleet.picks(n_picks)
    return empty_inputs(
        workspace="Northern fleet",
        model_id="forecaster-r002",
        budget=float(np.ceil(picks["cost"].to_numpy().sum() * 2) / 2) if n_picks else 1.0,
        policy_digest="5f1c0a9be2d44c37a1f06d1b8e9c2f30",
        pool_digest="c0ffee12ab34cd56ef7890ab12cd34ef",
        stage_digests={
            s: f"{i}d0{i}a7b1c2d3e4f5a6b7c8d9e0f1a{i}b" for i, s in enumerate(("score", "coverage", "discover"))
        },
        score="trajectory_spread_mean_p95",
        attributes=ATTRIBUTES,
        lead=LeadMetric("min_fde_m", "lower", 2.0),
        picks=picks,
        candidates=fleet.candidates(),
        scenes=fleet.scenes(),
        labelled_ids=pa.array(np.array(fleet.ids)[fleet.status == "labelled"], pa.string()),
        segments=fleet.segments(),
        segment_metrics=fleet.segment_metrics(),
        scene_map=fleet.scene_map(),
        clusters=fleet.clusters(),
        evidence=fleet.evidence(),
        gaps=fleet.gaps(),
    )


def gap_rows(segment_id: str, verdict: str, value: float, half: float, **columns: Any) -> dict[str, Any]:
    """A row of what `worst_gaps` gives, of model `forecaster-r002` and a target of 2."""
    names = {"segment_id": segment_id, "model_id": "forecaster-r002", "metric": "min_fde_m", "verdict": verdict}
    counts = {"support": 400, "n_logs": 9, "n_labelled": 30, "n_unlabelled": 60, "tier": "strong", "hedged": False}
    words = {"because": f"min_fde_m {value:g} ± {half:g}, target 2.", "would_change": "More held-out logs."}
    return {
        **names,
        "value": value,
        "half_width": half,
        "target": 2.0,
        "gap": value - 2.0,
        **counts,
        **words,
        **columns,
    }


def gaps_table(rows: list[dict[str, Any]]) -> pa.Table:
    """What `worst_gaps` gives of rows."""
    gaps, verdicts = table_of(GAPS, rows), table_of(VERDICTS, rows)
    return worst_gaps(gaps, verdicts)


class _Fleet:
    """Columns of a made-up fleet, and the tables made of them."""

    def __init__(self, n: int, n_clusters: int, rng: np.random.Generator) -> None:
        self.n, self.rng = n, rng
        self.log = rng.integers(0, max(n // 15, 1), n)
        self.ids = [f"log{log:04d}/scene{i:05d}" for i, log in enumerate(self.log)]
        self.seconds = rng.uniform(8, 25, n).round(1)
        self.values = {a: rng.choice(v, n, p=_ODDS[a]) for a, v in ATTRIBUTES.items()}
        odd = (self.values["weather"] == "fog") | (self.values["road"] == "roundabout")
        draw = rng.random(n)
        self.status = np.where(draw < np.where(odd, 0.03, 0.2), "labelled", np.where(draw > 0.8, "eval", "unlabelled"))
        badness = 1 + 1.1 * (self.values["weather"] == "fog") + 0.9 * (self.values["weather"] == "heavy_rain")
        badness = badness + 0.35 * (self.values["light"] == "night") + 0.5 * (self.values["road"] == "roundabout")
        self.fde = badness * rng.lognormal(0.2, 0.35, n)
        self.score = self.fde * rng.lognormal(0, 0.3, n)
        self.cost = (0.4 + 0.02 * self.seconds * rng.uniform(3, 20, n)).round(2)
        self.cluster = rng.choice(n_clusters + 1, n, p=_shares(n_clusters)) - 1 if n_clusters else np.full(n, -1)
        centres = rng.normal(0, 4, (n_clusters + 1, 2))
        self.xy = centres[self.cluster] + rng.normal(0, np.where(self.cluster < 0, 4, 0.6)[:, None], (n, 2))

    def logs(self, chosen: np.ndarray) -> int:
        return len(set(self.log[chosen].tolist()))

    def scenes(self) -> pa.Table:
        columns = {"scene_id": self.ids, "log_id": [f"log{log:04d}" for log in self.log]}
        split = np.where(self.status == "eval", "eval", "pool")
        times = {"start_ns": np.arange(self.n) * 10**10, "duration_s": self.seconds}
        return pa.table({**columns, **times, "split": split, **self.values})

    def candidates(self) -> pa.Table:
        rows = np.flatnonzero(self.status == "unlabelled")
        return pa.Table.from_pydict(
            {
                "scene_id": [self.ids[i] for i in rows],
                "log_id": [f"log{self.log[i]:04d}" for i in rows],
                "n_frames": (self.seconds[rows] * 10).astype(int),
                "n_objects": (self.cost[rows] * 40).astype(int),
                "cost": self.cost[rows],
                "score": self.score[rows],
                "score_valid": np.ones(len(rows), bool),
            },
            schema=CANDIDATES.schema(),
        )

    def gaps(self) -> pa.Table:
        needed = {"n_needed": 126.0, "n_needed_low": 26.0, "n_needed_high": 3500.0, "n_to_label": 60, "n_to_drive": 66}
        return gaps_table(
            [
                gap_rows("weather=fog", "data_limited", 3.4, 0.6, chance=0.8, **needed),
                gap_rows("weather=heavy_rain", "model_limited", 4.1, 0.5, chance=0.0),
                gap_rows("light=night", "undecided", 2.9, 0.4, chance=0.4),
                gap_rows("road=roundabout", "eval_limited", 2.4, 0.9),
            ]
        )

    def picks(self, n: int) -> pa.Table:
        pool = np.flatnonzero(self.status == "unlabelled")
        rows = pool[np.argsort(-self.score[pool])][:n]
        reasons = [
            [
                {
                    "code": "high-score",
                    "value": self.score[i],
                    "text": f"spread {self.score[i]:.2f} m, rank {r + 1} of the pool",
                },
                {"code": "thin-segment", "value": 0.03, "text": f"weather={self.values['weather'][i]} has few labels"},
            ]
            for r, i in enumerate(rows)
        ]
        columns = {
            "rank": np.arange(len(rows)) + 1,
            "scene_id": [self.ids[i] for i in rows],
            "log_id": [f"log{self.log[i]:04d}" for i in rows],
            "gain": self.score[rows],
            "cost": self.cost[rows],
            "cumulative_cost": self.cost[rows].cumsum(),
            "reasons": reasons,
        }
        return pa.Table.from_pydict(columns, schema=PICKS.schema())

    def _segments(self) -> dict[str, np.ndarray]:
        found = {"all": np.ones(self.n, bool)}
        singles = [(a, v, self.values[a] == v) for a, vs in ATTRIBUTES.items() for v in vs]
        found |= {f"{a}={v}": mask for a, v, mask in singles}
        for i, (a, v, mask) in enumerate(singles):
            for b, w, other in singles[i + 1 :]:
                if a != b and (mask & other).any():
                    found[f"{a}={v} & {b}={w}"] = mask & other
        return found

    def segments(self) -> pa.Table:
        rows = []
        for segment_id, mask in self._segments().items():
            for status in ("labelled", "unlabelled", "eval"):
                chosen = mask & (self.status == status)
                if chosen.any():
                    seconds = float(self.seconds[chosen].sum())
                    counts = {"n_scenes": int(chosen.sum()), "n_logs": self.logs(chosen), "n_frames": int(seconds * 10)}
                    rows.append(segment_row(segment_id, status, **counts, duration_s=seconds, distance_m=seconds * 12))
        return table_of(SEGMENTS, rows)

    def segment_metrics(self) -> pa.Table:
        rows = []
        for segment_id, mask in self._segments().items():
            chosen = mask & (self.status == "eval")
            if not chosen.any():
                continue
            values, n_logs = self.fde[chosen], self.logs(chosen)
            mean, error = float(values.mean()), 1.96 * float(values.std()) / max(n_logs, 1) ** 0.5
            low, high = (mean - error, mean + error) if n_logs >= 5 else (None, None)
            counts = {"n_scenes": int(chosen.sum()), "n_logs": n_logs, "support": int(chosen.sum()) * 6}
            rows.append(metric_row(segment_id, mean, low, high, model_id="forecaster-r002", **counts))
        return table_of(SEGMENT_METRICS, rows)

    def scene_map(self) -> pa.Table:
        names = [None if c < 0 else f"c{c:02d}" for c in self.cluster]
        columns = {"scene_id": self.ids, "x": self.xy[:, 0], "y": self.xy[:, 1], "cluster_id": names}
        return pa.Table.from_pydict(columns, schema=SCENE_MAP.schema())

    def clusters(self) -> pa.Table:
        rows = []
        for c in sorted(set(self.cluster.tolist()) - {-1}):
            chosen = self.cluster == c
            medoids = [self.ids[i] for i in np.flatnonzero(chosen)[:3]]
            rows.append(
                {
                    "cluster_id": f"c{c:02d}",
                    "n_scenes": int(chosen.sum()),
                    "n_logs": self.logs(chosen),
                    "duration_s": float(self.seconds[chosen].sum()),
                    "n_labelled": int((chosen & (self.status == "labelled")).sum()),
                    "name": "",
                    "rank": len(rows) + 1,
                    "why": "risk 1 x rarity 2.0 bit x need 0.10 (error 0.10), all at least",
                    "medoids": medoids,
                }
            )
        return table_of(LISTED_CLUSTERS, rows)

    def evidence(self) -> pa.Table:
        rows = []
        for segment_id, start, gains in (("all", 1.75, (0.5, 0.3)), ("weather=fog", 2.9, (1.1, 0.45))):
            for arm, gain in zip(("uncertainty", "random"), gains, strict=True):
                for r in range(4):
                    value = start - gain * (1 - 0.45**r)
                    names = {"arm": arm, "round": r, "metric": "min_fde_m", "segment_id": segment_id}
                    ends = {"ci_low": value - 0.12, "ci_high": value + 0.13, "n_logs": 20}
                    rows.append({**names, "cost": 100.0 * r + 99.0 + r * (arm == "random"), "value": value, **ends})
        return table_of(EVIDENCE, rows)


def _shares(n_clusters: int) -> np.ndarray:
    shares = np.array([2.5, *(1 / (i + 1) ** 0.8 for i in range(n_clusters))])
    return shares / shares.sum()
