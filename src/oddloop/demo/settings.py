"""How large the demo's fleet is and how it was sampled; every number of the plan in one frozen place."""

from __future__ import annotations

from dataclasses import dataclass

FORMAT = 2
"""Format number of a fleet folder. History: 1, the first; 2, scenes have a vehicle_id."""


@dataclass(frozen=True)
class FleetSettings:
    """Size and sampling of a simulated fleet.

    Attributes:
        n_logs: simulation runs; at least 6, so that each world and each split has one.
        log_duration_s: recorded time of a run, in seconds, after `warm_up_s`.
        warm_up_s: simulated time before the recording starts, in seconds.
        scenes_per_log: scenes kept per log, at most.
        n_initial_logs: pool logs whose scenes are labelled before oddloop, without the planted ones.
        n_initial_scenes: scenes labelled before oddloop, at most.
        period_s: time between frames, in seconds.
        scene_min_s: shortest scene, in seconds.
        scene_max_s: longest scene, in seconds.
        range_m: how far from the ego vehicle true tracks are kept, in metres; the sensor sees less.
    """

    n_logs: int = 144
    log_duration_s: float = 130.0
    warm_up_s: float = 40.0
    scenes_per_log: int = 11
    n_initial_logs: int = 12
    n_initial_scenes: int = 150
    period_s: float = 0.5
    scene_min_s: float = 8.0
    scene_max_s: float = 25.0
    range_m: float = 70.0

    def __post_init__(self) -> None:
        if self.n_logs < 6:
            raise ValueError(f"n_logs = {self.n_logs} leaves a world or a split empty; use 6 or more")
        if self.scene_max_s < 2 * self.scene_min_s:
            raise ValueError(
                f"scene_max_s = {self.scene_max_s} must be at least twice scene_min_s = {self.scene_min_s}, "
                "or some drives cannot be cut without a rest"
            )


def small_fleet() -> FleetSettings:
    """Six short logs, about 40 scenes, simulated in some 3 seconds: for tests and first looks."""
    return FleetSettings(
        n_logs=6, log_duration_s=70.0, warm_up_s=20.0, scenes_per_log=8, n_initial_logs=1, n_initial_scenes=8
    )
