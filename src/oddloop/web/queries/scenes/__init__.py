"""What the scene pages say: the scenes that meet conditions, and one scene."""

from oddloop.web.queries.scenes.asked import ScenesAsked
from oddloop.web.queries.scenes.search import Scenes, read_scenes

__all__ = ["Scenes", "ScenesAsked", "read_scenes"]
