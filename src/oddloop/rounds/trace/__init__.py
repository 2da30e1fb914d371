"""The whole life of one scene, in order, with times and authors."""

from oddloop.rounds.trace.moment import Moment
from oddloop.rounds.trace.trace import Trace, trace_scene

__all__ = ["Moment", "Trace", "trace_scene"]
