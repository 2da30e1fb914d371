"""How dangerous traffic is, from tracks, predictions and plans: plain functions on arrays in SI units.

A measure keeps its usual sign and unit, and is NaN where it does not exist; `shortfall` turns one whose small values
are dangerous into a score, larger = more worth labelling. `score_tracks` makes frame scores of a table of vehicles.
"""

from oddloop.score.risk.boxes import Boxes, box_distance, boxes_overlap, disc_distance, make_boxes
from oddloop.score.risk.braking import acceleration, hard_braking_time, jerk
from oddloop.score.risk.candidates import score_planning
from oddloop.score.risk.collision import any_collision_probability, collision_probability, path_headings
from oddloop.score.risk.crossing import Paths, post_encroachment_time
from oddloop.score.risk.exposure import time_exposed, time_integrated
from oddloop.score.risk.frames import RiskSettings, measure_tracks, score_tracks
from oddloop.score.risk.given import score_risk
from oddloop.score.risk.headway import (
    brake_threat_number,
    required_acceleration,
    shortfall,
    time_headway,
    time_to_collision,
    time_to_collision_accelerated,
)
from oddloop.score.risk.leads import Leads, find_leads
from oddloop.score.risk.pairs import near_pairs
from oddloop.score.risk.planned import best_candidates, score_planned_collisions
from oddloop.score.risk.plans import Disagreement, plan_disagreement
from oddloop.score.risk.proximity import nearest_distance
from oddloop.score.risk.scenes import score_track_scenes
from oddloop.score.risk.tracks import Tracks, make_tracks

__all__ = [
    "Boxes",
    "Disagreement",
    "Leads",
    "Paths",
    "RiskSettings",
    "Tracks",
    "acceleration",
    "any_collision_probability",
    "best_candidates",
    "box_distance",
    "boxes_overlap",
    "brake_threat_number",
    "collision_probability",
    "disc_distance",
    "find_leads",
    "hard_braking_time",
    "jerk",
    "make_boxes",
    "make_tracks",
    "measure_tracks",
    "near_pairs",
    "nearest_distance",
    "path_headings",
    "plan_disagreement",
    "post_encroachment_time",
    "required_acceleration",
    "score_planned_collisions",
    "score_planning",
    "score_risk",
    "score_track_scenes",
    "score_tracks",
    "shortfall",
    "time_exposed",
    "time_headway",
    "time_integrated",
    "time_to_collision",
    "time_to_collision_accelerated",
]
