"""What the scene pages say: the scenes that meet conditions, and one scene."""

from oddloop.web.queries.scenes.asked import SceneAsked, ScenesAsked
from oddloop.web.queries.scenes.index import open_index
from oddloop.web.queries.scenes.predictions import Predictions, read_predictions
from oddloop.web.queries.scenes.replay import Replay, read_replay
from oddloop.web.queries.scenes.scene import Scene, read_scene
from oddloop.web.queries.scenes.search import Scenes, read_scenes, scenes_of

__all__ = [
    "Predictions",
    "Replay",
    "Scene",
    "SceneAsked",
    "Scenes",
    "ScenesAsked",
    "open_index",
    "read_predictions",
    "read_replay",
    "read_scene",
    "read_scenes",
    "scenes_of",
]
