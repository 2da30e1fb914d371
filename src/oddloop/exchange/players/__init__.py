"""What was found, for the tools in which drives are replayed: events for Foxglove, a scene's replay for Rerun."""

from oddloop.exchange.players.foxglove import foxglove_events
from oddloop.exchange.players.rerun_replay import write_replay

__all__ = ["foxglove_events", "write_replay"]
