"""What the scene pages say: the scenes that meet conditions, and one scene."""

from oddloop.web.queries.scenes.asked import SceneAsked, ScenesAsked
from oddloop.web.queries.scenes.scene import Scene, draw, read_scene
from oddloop.web.queries.scenes.search import Scenes, read_scenes

__all__ = ["Scene", "SceneAsked", "Scenes", "ScenesAsked", "draw", "read_scene", "read_scenes"]
