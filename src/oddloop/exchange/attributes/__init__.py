"""Scene attributes worked out from data, where a data set names none: pure functions on arrays."""

from oddloop.exchange.attributes.agents import categories_present, mean_agents, traffic_density
from oddloop.exchange.attributes.derived import derived_rules, mark_derived
from oddloop.exchange.attributes.motion import Motion, Poses, summarize_motion
from oddloop.exchange.attributes.sun import sun_elevation_deg, time_of_day
from oddloop.exchange.attributes.telemetry import rate_of_change, summarize_signal

__all__ = [
    "Motion",
    "Poses",
    "categories_present",
    "derived_rules",
    "mark_derived",
    "mean_agents",
    "rate_of_change",
    "summarize_motion",
    "summarize_signal",
    "sun_elevation_deg",
    "time_of_day",
    "traffic_density",
]
